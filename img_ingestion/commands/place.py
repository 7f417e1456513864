"""Where a command works: its home and its settings."""

from __future__ import annotations

from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING

from img_ingestion.errors import SettingsError
from img_ingestion.home import Home

if TYPE_CHECKING:
    from argparse import Namespace

    from img_ingestion.settings import Settings


def out(text: str) -> Path:
    """Read where something is to be written: work for nothing, if its folder is not there."""
    if not Path(text).absolute().parent.is_dir():
        raise ArgumentTypeError("its folder is not there")
    return Path(text)


def home(chosen: Namespace) -> Home:
    """Give the home that the operator means."""
    if not chosen.home.is_dir():
        raise SettingsError(f"--home: {chosen.home} is no folder")
    return Home(chosen.home)


def settings(chosen: Namespace) -> Settings:
    """Give the settings of the home that the operator means."""
    from img_ingestion.settings_file import load

    return load(chosen.home, chosen.config)
