"""Walk a folder that strangers write to: no link is followed, nothing but files is touched."""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from img_ingestion import durable
from img_ingestion.arrival import Stamp
from img_ingestion.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Parts = tuple[str, ...]
"""A path below the root, component by component; bytes that are no UTF-8 are surrogates."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# A FIFO would wait for a writer, a terminal could become ours: neither may happen by a race.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Seen(NamedTuple):
    """One thing in the folder, as the walk saw it."""

    parts: Parts
    stamp: Stamp | None
    """None: not a regular file, or it could not be looked at."""
    plain: str = ""
    """Why there is no stamp, in plain words."""


def walked(root: Path) -> Iterator[Seen]:
    """
    Give what is below a folder in a fixed order: a folder's files first, then its folders.

    What vanishes under the walk is not there; a folder that cannot be opened is one `Seen`.
    """
    pending: list[Parts] = [()]
    while pending:
        parts = pending.pop()
        try:
            seen, folders = _listed(root, parts)
        except FileNotFoundError:
            continue
        except OSError:
            yield Seen(parts, None, "a folder that cannot be read")
            continue
        yield from seen
        pending.extend(reversed(folders))


def look(root: Path, parts: Parts) -> Seen | None:
    """Look at one name below the root; None if it is not there."""
    try:
        with entered(root, parts[:-1]) as folder:
            status = os.stat(parts[-1], dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    except OSError:
        return Seen(parts, None, "cannot be read")
    return _seen(parts, status)


@contextmanager
def entered(root: Path, parts: Parts) -> Iterator[int]:
    """
    Open a folder below the root, and give its descriptor.

    Component by component: none of the way may be a symbolic link, not even one that somebody
    makes while we walk. The root itself may be one; it is the operator's.
    """
    folder = os.open(root, _FOLDER)
    try:
        for part in parts:
            deeper = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = deeper
        yield folder
    finally:
        os.close(folder)


@contextmanager
def opened(root: Path, parts: Parts) -> Iterator[int]:
    """Open a file below the root for reading, and give its descriptor; never a link."""
    with entered(root, parts[:-1]) as folder, opened_in(folder, parts[-1]) as file:
        yield file


@contextmanager
def opened_in(folder: int, name: str) -> Iterator[int]:
    """Open a file in an open folder for reading, and give its descriptor; never a link."""
    file = os.open(name, _FILE, dir_fd=folder)
    try:
        yield file
    finally:
        os.close(file)


def content(file: int, size: int) -> bytes:
    """Read an open file, and one byte more than it should have."""
    with open(file, "rb", closefd=False) as stream:
        return stream.read(size + 1)


def digest(file: int) -> str:
    """Give the sha256 of an open file, however large it is."""
    with open(file, "rb", closefd=False) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_still(moved: Path, stamp: Stamp) -> bool:
    """Tell whether what was moved is what was read; what was copied to another disk is."""
    status = os.lstat(moved)
    copied = status.st_dev != stamp.device
    return stat.S_ISREG(status.st_mode) and (copied or Stamp.of(status).same_content(stamp))


def give_back(moved: Path, folder: int, names: Sequence[str]) -> None:
    """Put something that came between look and move back into its folder; nothing is replaced."""
    for name in names:
        with suppress(FileExistsError):
            os.link(moved, name, dst_dir_fd=folder, follow_symlinks=False)
            os.fsync(folder)
            durable.remove([moved])
            return
    raise StorageError("local_dcm: what was changed while it was moved cannot be put back")


def _listed(root: Path, parts: Parts) -> tuple[list[Seen], list[Parts]]:
    """Give what is in one folder, and the folders in it, both sorted by name."""
    seen: list[Seen] = []
    folders: list[Parts] = []
    with entered(root, parts) as folder, os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            one = (*parts, entry.name)
            try:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(one)
                else:
                    seen.append(_seen(one, entry.stat(follow_symlinks=False)))
            except FileNotFoundError:
                continue
    return seen, folders


def _seen(parts: Parts, status: os.stat_result) -> Seen:
    if stat.S_ISREG(status.st_mode):
        return Seen(parts, Stamp.of(status))
    return Seen(parts, None, "not a regular file")
