"""Where a command works: its home, and its turn in it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from img_ingestion.errors import SettingsError
from img_ingestion.home import Home
from img_ingestion.lock import only_run

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator


def home(chosen: Namespace) -> Home:
    """Give the home that the operator means."""
    if not chosen.home.is_dir():
        raise SettingsError(f"--home: {chosen.home} is no folder")
    return Home(chosen.home)


@contextmanager
def turn(home: Home, *, rehearsing: bool = False) -> Iterator[None]:
    """Hold the home's lock; a rehearsal changes no byte and needs none."""
    if rehearsing:
        yield
        return
    home.prepare()
    with only_run(home.state):
        yield
