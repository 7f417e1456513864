"""
Whether the recipe is the one that was read before: then a pass with no file need not read it.

What reads it is slow to import, and cron starts us every few minutes. When a file is there, we read
the recipe anyway; whether deid reads the same in it was settled when it was seen.
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


def seen(home: Home) -> str:
    """Give the digest of the recipe that this version read without complaint; empty for none."""
    try:
        version, digest = (home.state / NAME).read_text("ascii").split(" ")
    except (OSError, ValueError):
        return ""
    return digest if version == __version__ else ""


def is_as_seen(home: Home, path: Path) -> bool:
    """Tell whether this is the recipe that was seen."""
    try:
        return sha256(path.read_bytes()).hexdigest() == seen(home)
    except OSError:
        return False


def note(home: Home, digest: str) -> None:
    """Note that the recipe of this digest was read."""
    try:
        durable.write(home.state / NAME, f"{__version__} {digest}".encode())
    except StorageError as error:
        # Gone: another run of the home, which was alone until now, has swept it. It notes the same.
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
