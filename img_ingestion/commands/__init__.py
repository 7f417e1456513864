"""
The commands of `ingestion.py`: each a small module that meets `Command`, in one explicit table.

A command gives what it has to say as values, and its exit status in the end; `cli` prints them.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from img_ingestion.commands import (
    audit,
    check,
    explain,
    held,
    identify,
    offboard,
    prune,
    rebuild,
    receive,
    recipe,
    reconcile,
    reidentify,
    retry,
    review,
    run,
    send,
    status,
    support_bundle,
    verify,
    watch,
)

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping

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


_ALL: tuple[Command, ...] = (
    run,
    watch,
    send,
    receive,
    status,
    held,
    review,
    explain,
    check,
    verify,
    audit,
    recipe,
    support_bundle,
    retry,
    reconcile,
    rebuild,
    prune,
    reidentify,
    identify,
    offboard,
)
COMMANDS: Mapping[str, Command] = MappingProxyType({one.NAME: one for one in _ALL})
"""By name, in the order of `--help`; `run` is what happens without a name."""
