"""The folder that customers copy their files into: `local_dcm/CUSTOMER/**`."""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from img_ingestion import durable
from img_ingestion.arrival import Arrival, Left, Stamp
from img_ingestion.claims import ALONE
from img_ingestion.errors import StorageError, TooLarge
from img_ingestion.home import UNASSIGNED, customer_of
from img_ingestion.instance import ReceivedInstance
from img_ingestion.sources import walk
from img_ingestion.sources.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from img_ingestion.claims import Claims
    from img_ingestion.settings import Settings
    from img_ingestion.sources.walk import Parts, Seen
    from img_ingestion.unsynced import Unsynced

UNFINISHED_S = 3600.0
"""How long a file must lie unchanged whose name says that it is still being written."""

GONE = (FileNotFoundError, NotADirectoryError)
"""A file that is not where it was, or whose folder is none, or a link, by now."""

UNFINISHED = (".part", ".tmp", ".filepart", ".crdownload")
"""Endings of browsers and of WinSCP; rsync and others write to a name with a dot in front."""


@dataclass(frozen=True, slots=True)
class Folder:
    """
    Find the files that have arrived in a home's `local_dcm`.

    A file has arrived once it lay unchanged for `incoming.settle_s`, or, where the clocks
    cannot say so, when a second look that much later finds it as the first one did.
    """

    root: Path = field(repr=False)
    settings: Settings
    key: bytes = field(repr=False)
    """For the digests of places."""
    chosen: tuple[Parts, ...] | None = field(default=None, repr=False)
    """Only these files, below `root`; None: all."""
    zips: bool | None = None
    """Only zip archives, or all but them; None: whatever is there."""
    claims: Claims = ALONE
    """Who has which file in hand: it is ours before it is read."""

    def arrivals(self, stuck: Container[str] = ()) -> Iterator[Arrival | Left]:
        """Give each file that has fully arrived, once, read once; and what is left in place."""
        unsettled: list[tuple[Parts, Stamp]] = []
        for seen in (one for one in self._seen() if _customer(one.parts) not in stuck):
            if seen.stamp is None:
                yield self._left(seen.parts, "skipped", seen.plain)
            elif self._settled(seen.parts, seen.stamp):
                yield from self._taken(seen.parts, seen.stamp)
            elif _named_unfinished(seen.parts):
                yield self._left(seen.parts, "arriving", "still being written, by its name")
            else:
                unsettled.append((seen.parts, seen.stamp))
        if unsettled:
            time.sleep(self.settings.incoming.settle_s)
        for parts, stamp in unsettled:
            if _customer(parts) not in stuck:
                yield from self._taken(parts, stamp)

    def check(self, arrival: Arrival) -> None:
        """
        Look, before any work is done, whether the original can be moved away afterwards.

        Raises
        ------
        StorageError
            Its folder cannot be written to.

        """
        parts = _parts(arrival)
        with suppress(OSError), walk.entered(self.root, parts[:-1]) as folder:
            if not os.access(".", os.W_OK | os.X_OK, dir_fd=folder):
                raise StorageError("local_dcm: originals cannot be moved out of a folder")

    def put_away(self, arrival: Arrival, target: Path, unsynced: Unsynced | None = None) -> bool:
        """
        Move the original of an arrival to its place inside the hospital, durably.

        When something else has its name by now, or its folder's, that stays, as an arrival of its
        own, and the target is written from what was read. `unsynced` takes note of the folders
        instead.

        Returns
        -------
        bool
            Whether the target is there; not, where nothing was read of what has gone since.

        Raises
        ------
        StorageError
            The original cannot be moved.

        """
        parts = _parts(arrival)
        durable.folder(target.parent)
        with (
            durable.storing("moving an original"),
            suppress(*GONE),
            walk.entered(self.root, parts[:-1]) as folder,
        ):
            if _still(parts[-1], folder, arrival.stamp):
                durable.move(Path(parts[-1]), target, within=folder, unsynced=unsynced)
                if walk.is_still(target, arrival.stamp):
                    return True
                walk.give_back(target, folder, (parts[-1], f"{arrival.received.id}.dcm"))
        if arrival.received.content:
            durable.write(target, arrival.received.content, arrival.received.id, unsynced)
        return bool(arrival.received.content)

    def remove(self, arrival: Arrival) -> None:
        """
        Remove an original of which all that it held is put away; something else stays.

        Raises
        ------
        StorageError
            It cannot be removed.

        """
        parts = _parts(arrival)
        with (
            durable.storing("removing an archive"),
            suppress(*GONE),
            walk.entered(self.root, parts[:-1]) as folder,
        ):
            if _still(parts[-1], folder, arrival.stamp):
                os.unlink(parts[-1], dir_fd=folder)
                os.fsync(folder)

    def _seen(self) -> Iterator[Seen]:
        if self.chosen is None:
            found = walk.walked(self.root)
        else:
            looks = (walk.look(self.root, parts) for parts in self.chosen)
            found = (seen for seen in looks if seen is not None)
        return (seen for seen in found if self._meant(seen))

    def _meant(self, seen: Seen) -> bool:
        if self.zips is None:
            return True
        # What cannot be looked at is told of once.
        is_zip = seen.stamp is not None and seen.parts[-1].lower().endswith(".zip")
        return is_zip == self.zips

    def _settled(self, parts: Parts, stamp: Stamp) -> bool:
        """Tell whether the clocks say that a file has not changed for long enough."""
        needed_s = UNFINISHED_S if _named_unfinished(parts) else self.settings.incoming.settle_s
        return time.time() - max(stamp.mtime_ns, stamp.ctime_ns) / 1e9 >= needed_s

    def _taken(self, parts: Parts, stamp: Stamp) -> Iterator[Arrival | Left]:
        """Read a file, if nobody else does, and it stays what it was when it was looked at."""
        place = self._place(parts)
        if not self.claims.taken(place):
            return
        arrival = None
        try:
            arrival = self._arrival(parts, stamp, place)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno == errno.ELOOP:
                yield self._left(parts, "skipped", "not a regular file")
            else:
                yield self._left(parts, "skipped", "cannot be read")
        else:
            yield arrival or self._left(parts, "arriving", "changing while it is read")
        finally:
            if arrival is None:
                self.claims.ended(place)

    def _arrival(self, parts: Parts, stamp: Stamp, place: str) -> Arrival | None:
        """Read a file, None if it changes meanwhile."""
        customer = _customer(parts)
        with walk.opened(self.root, parts) as file:
            if Stamp.of(os.fstat(file)) != stamp:
                return None
            refused = refusal(self.settings, customer, stamp.size)
            content = b""
            if refused is None:
                try:
                    content = walk.content(file, stamp.size)
                except MemoryError:
                    refused = TooLarge("there is not enough memory to read the file")
            sha256 = walk.digest(file) if refused else hashlib.sha256(content).hexdigest()
            if Stamp.of(os.fstat(file)) != stamp or len(content) not in {0, stamp.size}:
                return None
        words = (customer, place, sha256, str(stamp.mtime_ns), str(stamp.ctime_ns))
        one = hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]
        path = self.root / "/".join(parts)
        received = ReceivedInstance(one, customer, path, content, sha256)
        return Arrival(received, place, stamp, refused, parts)

    def _left(self, parts: Parts, why: Literal["arriving", "skipped"], plain: str) -> Left:
        return Left(self._place(parts)[:16], _customer(parts), why, plain)

    def _place(self, parts: Parts) -> str:
        where = b"\0".join(os.fsencode(part) for part in parts)
        return hmac.digest(self.key, where, "sha256").hex()


def _parts(arrival: Arrival) -> Parts:
    """Give where an arrival of this source lay, below its root."""
    return cast("Parts", arrival.pin)


def _customer(parts: Parts) -> str:
    return customer_of(parts[0]) if len(parts) > 1 else UNASSIGNED


def _named_unfinished(parts: Parts) -> bool:
    """Tell whether a name says that the file, or a folder it is in, is still being written."""
    return any(part.startswith(".") for part in parts) or parts[-1].endswith(UNFINISHED)


def _still(name: str, folder: int, stamp: Stamp) -> bool:
    """Tell whether a name is still what was read; if so, close it to other accounts."""
    # Looked at and not opened: a link, a socket or a closed file may have the name by now.
    if not Stamp.of(os.stat(name, dir_fd=folder, follow_symlinks=False)).same_content(stamp):
        return False
    # Somebody else's file keeps its mode; the folder it goes to is closed anyway.
    with suppress(OSError), walk.opened_in(folder, name) as file:
        os.fchmod(file, 0o600)
    return True
