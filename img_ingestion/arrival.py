"""What a source finds: a file that has arrived, or one that it leaves where it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    import os

    from img_ingestion.errors import InstanceError
    from img_ingestion.instance import ReceivedInstance


class Stamp(NamedTuple):
    """What of a file's status changes when somebody writes to it or puts another in its place."""

    device: int
    inode: int
    size: int
    """Bytes."""
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """Take the stamp from a stat."""
        return cls(
            status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
        )

    def same_content(self, other: Stamp) -> bool:
        """Tell whether nobody wrote since; a change of mode or links alone moves only ctime."""
        return (self.device, self.inode, self.size, self.mtime_ns) == (
            other.device,
            other.inode,
            other.size,
            other.mtime_ns,
        )


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file that has fully arrived, read once."""

    received: ReceivedInstance
    """Without content where the file is refused unread."""
    place: str
    """Keyed digest of where it lay."""
    stamp: Stamp
    refused: InstanceError | None = None
    """Why it is held without a look at its content."""
    pin: object = field(default=None, repr=False)
    """What its source needs to find exactly this again, where a path would not do."""
    of_store: bool = False
    """Whether it lies in no folder of the home."""


class Left(NamedTuple):
    """What stays where it is, for the next pass or for good."""

    id: str
    """Sixteen hexadecimal digits that say nothing."""
    customer: str
    why: Literal["arriving", "skipped", "stuck"]
    plain: str
    """In plain words, e.g. `not a regular file`."""
