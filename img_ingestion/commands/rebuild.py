"""Bring a lost, damaged or older ledger and the folders together again."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from img_ingestion import turns
from img_ingestion.commands import place
from img_ingestion.commands.told import DONE, Told
from img_ingestion.review.audit import Trail

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from img_ingestion.commands.told import Telling

NAME = "rebuild"
HELP = "bring a lost, damaged or older ledger and the folders together again"
DESCRIPTION = """\
For a ledger that is gone, damaged, or was put back from a backup. Puts the originals that it does
not know back to local_dcm/CUSTOMER/rebuilt/, and their outputs into set-aside/; the next pass makes
them anew. Nothing is deleted, and nothing is sent twice to a backend that honours Idempotency-Key.
"""
REPORTS = True


def arguments(parser: ArgumentParser) -> None:
    """Say what can be asked: nothing of its own."""
    del parser


def run(chosen: Namespace) -> Telling:
    """Do it, and say what was done."""
    from img_ingestion.rebuild import rebuild

    home = place.home(chosen)
    access = place.settings(chosen).ledger
    with turns.turn(home, access):
        done = rebuild(home, access)
        Trail(home.state).add("rebuild", asdict(done))
    lines = [
        f"{done.originals} originals put back to local_dcm/; the next pass takes them anew",
        f"{done.outputs} outputs put into set-aside/",
    ]
    if done.begun_anew:
        lines.insert(0, "a new ledger was begun; a damaged one is kept in state/")
    yield Told(tuple(lines), {"rebuilt": asdict(done)})
    return DONE
