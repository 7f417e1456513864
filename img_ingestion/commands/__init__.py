"""
The commands of `ingestion.py`: each a small module that meets `Command`, in one explicit table.

A command gives what it has to say as values, and its exit status in the end; `cli` prints them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from img_ingestion.commands.told import Telling


class Command(Protocol):
    """One thing that an operator can ask for."""

    NAME: str
    HELP: str
    """One line, for the list of commands."""
    DESCRIPTION: str
    """For the command's own `--help`."""
    REPORTS: bool
    """Whether `--json` makes sense."""

    def arguments(self, parser: ArgumentParser) -> None:
        """Say what can be asked."""
        ...

    def run(self, chosen: Namespace) -> Telling:
        """Do it."""
        ...


_NAMES = (
    "run",
    "watch",
    "send",
    "receive",
    "status",
    "held",
    "review",
    "explain",
    "check",
    "verify",
    "audit",
    "recipe",
    "support-bundle",
    "retry",
    "reconcile",
    "rebuild",
    "prune",
    "reidentify",
    "identify",
    "offboard",
)


class _Commands(Mapping[str, Command]):
    """The table; a command is imported when it is looked up, for cron starts us every minute."""

    def __getitem__(self, name: str) -> Command:
        if name not in _NAMES:
            raise KeyError(name)
        return cast("Command", import_module(f"{__name__}.{name.replace('-', '_')}"))

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)


COMMANDS: Mapping[str, Command] = _Commands()
