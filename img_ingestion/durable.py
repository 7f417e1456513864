"""
Put bytes on the disk so that a power cut finds all of a file or none of it.

A file is written under a temporary name in its own folder, fsynced, renamed, and the folder
fsynced. Temporaries begin with `TEMPORARY`, so that what a killed run left can be swept.
Files are 0600 and folders 0700. Whatever the operating system refuses is a `StorageError`
in plain words and without a name.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from img_ingestion.errors import StorageError
from img_ingestion.unsynced import Unsynced

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Finals = Mapping[str, str] | Mapping[Path, Path]
    """Temporary -> final name."""

TEMPORARY = ".in-hand-"
Content = bytes | tuple[bytes | memoryview, ...]
"""A whole file, or its parts one after the other, all of it bytes."""

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


@contextmanager
def storing(doing: str) -> Iterator[None]:
    """Turn whatever the operating system refuses into a StorageError."""
    try:
        yield
    except OSError as error:
        # str(error) quotes the file's name; the number's own words do not.
        words = os.strerror(error.errno) if error.errno else type(error).__name__
        raise StorageError(f"{doing}: {words}") from error


def folder(path: Path) -> None:
    """Make a folder, 0700, and those above it; what is already there stays as it is."""
    if path.is_dir():
        return
    if path.parent != path:
        folder(path.parent)
    with storing("making a folder"):
        path.mkdir(mode=0o700, exist_ok=True)
        _sync(path.parent)


@contextmanager
def staging() -> Iterator[list[str]]:
    """Give a list for temporaries; those that were not placed by the end are removed."""
    temporaries: list[str] = []
    try:
        yield temporaries
    finally:
        for temporary in temporaries:
            with suppress(OSError):
                os.unlink(temporary)


def stage(
    content: Content,
    where: Path,
    temporaries: list[str],
    whose: str = "",
    *,
    read_soon: bool = True,
) -> str:
    """
    Write content to a new temporary in the folder `where`, fsynced, and note it.

    What nobody reads soon leaves the page cache, for the next to be written to the same memory:
    the kernel need not find more of it, and in a virtual machine its host need not either.
    """
    temporary = f"{where}/{TEMPORARY}{whose}{secrets.token_hex(8)}"
    temporaries.append(temporary)
    with storing("writing"):
        file = os.open(temporary, _NEW, 0o600)
        try:
            for part in (content,) if isinstance(content, bytes) else content:
                put(file, part)
            os.fsync(file)
            if not read_soon:
                with suppress(OSError):  # It is advice: no byte depends on it.
                    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(file)
    return temporary


def put(file: int, part: bytes | memoryview) -> None:
    """Write all of a part: the system may take less of it at a time."""
    rest = memoryview(part)
    while rest:
        rest = rest[os.write(file, rest) :]


def place(finals: Finals, unsynced: Unsynced | None = None) -> None:
    """Give fsynced temporaries their final names, then make the renames durable, as `move` does."""
    with storing("renaming"), nullcontext(unsynced) if unsynced else Unsynced() as folders:
        for temporary, final in finals.items():
            os.replace(temporary, final)
        for parent in dict.fromkeys(map(os.path.dirname, finals.values())):
            folders.note(parent or os.curdir)


def write(path: Path, content: bytes, whose: str = "", unsynced: Unsynced | None = None) -> None:
    """Write a whole file, durably, in place of what had its name."""
    with staging() as temporaries:
        place({stage(content, path.parent, temporaries, whose): str(path)}, unsynced)


def create(path: Path, content: bytes) -> None:
    """Write a whole file, durably, unless there is one; of several that race, one is first."""
    while not path.exists():
        with staging() as temporaries:
            temporary = stage(content, path.parent, temporaries)
            # Not found: another run of the home, which was alone until now, has swept it.
            with storing("writing"), suppress(FileExistsError, FileNotFoundError):
                path.hardlink_to(temporary)
                _sync(path.parent)


@contextmanager
def writer(path: Path) -> Iterator[BinaryIO]:
    """Give a stream whose bytes get the final name only when the block ends well."""
    with staging() as temporaries:
        temporary = f"{path.parent}/{TEMPORARY}{secrets.token_hex(8)}"
        temporaries.append(temporary)
        with storing("writing"), os.fdopen(os.open(temporary, _NEW, 0o600), "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        place({temporary: str(path)})


def move(
    source: Path, target: Path, *, within: int | None = None, unsynced: Unsynced | None = None
) -> None:
    """
    Move a file, durably; between file systems by a durable copy.

    Parameters
    ----------
    source : Path
        The file; relative to `within` when that is given.
    target : Path
        Its new name, in a folder that is there.
    within : int, optional
        Descriptor of the folder that `source` is in, for names that somebody else can turn
        into something else while we look.
    unsynced : Unsynced, optional
        Takes note of the folders instead: the move is durable once they are synced.

    """
    with storing("moving"):
        try:
            os.rename(source, target, src_dir_fd=within)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _copy(source, target, within)
            os.unlink(source, dir_fd=within)
        with nullcontext(unsynced) if unsynced else Unsynced() as folders:
            folders.note(target.parent)
            folders.note(source.parent if within is None else within)


def remove(paths: Iterable[Path]) -> None:
    """Remove files, durably; one that is not there is no fault."""
    gone = list(paths)
    with storing("removing"):
        for path in gone:
            path.unlink(missing_ok=True)
        for parent in dict.fromkeys(path.parent for path in gone):
            _sync(parent)


def sweep(root: Path, whose: str = "") -> int:
    """Remove the temporaries below a folder, all or somebody's; say how many there were."""
    with storing("sweeping"):
        found = [
            Path(where, name)
            for where, _, names in os.walk(root)
            for name in names
            if name.startswith(TEMPORARY + whose)
        ]
    remove(found)
    return len(found)


def free_bytes(path: Path) -> int:
    """Give the free space, in bytes, where a folder is."""
    with storing("asking for free space"):
        space = os.statvfs(path)
    return space.f_bavail * space.f_frsize


def _copy(source: Path, target: Path, within: int | None) -> None:
    reading = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=within)
    with os.fdopen(reading, "rb") as stream, writer(target) as copy:
        shutil.copyfileobj(stream, copy, 1024 * 1024)


def _sync(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
