"""
Whether the recipe is the one that was read before: then a pass with no file need not read it.

What reads it is slow to import, and cron starts us every few minutes. When a file is there, the
recipe is read anyway; this decides no more than when a mistake in it is told.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from img_ingestion import __version__, durable
from img_ingestion.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path

    from img_ingestion.home import Home

NAME = "recipe-seen"


def is_as_seen(home: Home, path: Path) -> bool:
    """Tell whether this recipe was read without complaint by this version."""
    try:
        seen = (home.state / NAME).read_text("ascii")
        return seen == _words(sha256(path.read_bytes()).hexdigest())
    except (OSError, UnicodeDecodeError):
        return False


def note(home: Home, digest: str) -> None:
    """Note that the recipe of this digest was read."""
    try:
        durable.write(home.state / NAME, _words(digest).encode())
    except StorageError as error:
        # Gone: another run of the home, which was alone until now, has swept it. It notes the same.
        if not isinstance(error.__cause__, FileNotFoundError):
            raise


def _words(digest: str) -> str:
    return f"{__version__} {digest}"
