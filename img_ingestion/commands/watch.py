"""Stay, and make pass after pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from img_ingestion.commands import run as passes
from img_ingestion.commands import selection, workers

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from img_ingestion.commands.told import Telling

NAME = "watch"
HELP = "stay, and make pass after pass"
DESCRIPTION = """\
Make a pass, pause, make a pass ... until SIGTERM or Ctrl-C, which end it once what is
in hand is done. A pass that has nothing to say says nothing.
"""
REPORTS = True
PAUSE_S = 10.0


def arguments(parser: ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument(
        "watch",
        nargs="?",
        type=selection.seconds,
        default=PAUSE_S,
        metavar="SECONDS",
        help=f"the pause (default: {PAUSE_S:g})",
    )
    selection.arguments(parser)
    workers.arguments(parser)
    parser.set_defaults(files=[], dry_run=False, report=None)


def run(chosen: Namespace) -> Telling:
    """Make pass after pass."""
    return passes.run(chosen)
