"""One run at a time in a home."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from img_ingestion import durable
from img_ingestion.errors import AlreadyRunning

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def only_run(state: Path, name: str = "lock") -> Iterator[None]:
    """
    Be the only run in this home for as long as the context lasts.

    The kernel lets go of the lock when the process ends, however it ends, so there is no
    stale lock to clear. The file `lock` is never removed: a run that waits for the old file
    and one that makes a new file would both get theirs.

    Parameters
    ----------
    state : Path
        The home's `state` folder, which must be there.
    name : str, optional
        Of the lock; what has another one does not wait for passes.

    Raises
    ------
    AlreadyRunning
        Another run holds the lock; said at once, without waiting.

    """
    with durable.storing("opening the lock"):
        lock = os.open(state / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning("another run is at work in this home") from error
        yield
    finally:
        os.close(lock)
