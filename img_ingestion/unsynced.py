"""Folders in which names were changed, and that are synced together: each once, for many files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path


class Unsynced:
    """
    Takes note of folders; when the block ends well, all of it is durable.

    They are kept open, so that what is synced is what was changed, whatever has its name by then.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[int, int], int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *error: object) -> None:
        folders, self._open = self._open, {}
        try:
            for folder in folders.values() if kind is None else ():
                os.fsync(folder)
        finally:
            for folder in folders.values():
                os.close(folder)

    def note(self, where: str | Path | int) -> None:
        """Take note of a folder, or of one that is open."""
        flags = os.O_RDONLY | os.O_DIRECTORY
        folder = os.dup(where) if isinstance(where, int) else os.open(where, flags)
        status = os.fstat(folder)
        if self._open.setdefault((status.st_dev, status.st_ino), folder) != folder:
            os.close(folder)
