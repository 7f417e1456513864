"""Bring a backend's answers home: the customer's own identifiers and dates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from img_ingestion import turns
from img_ingestion.commands import place
from img_ingestion.commands.told import DONE, UNFORESEEN, Told, complaint
from img_ingestion.errors import InstanceError
from img_ingestion.review.audit import Trail
from img_ingestion.settings_file import load

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from img_ingestion.commands.told import Telling

NAME = "reidentify"
HELP = "give a backend's answers the customer's own identifiers back"
DESCRIPTION = """\
Give a backend's answers (JSON, or DICOM results: SR, SC, SEG, PR) the customer's own identifiers
and dates back. Writes NAME.reidentified.SUFFIX beside each; that file identifies patients.
"""
REPORTS = True


def arguments(parser: ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a .json or .dcm")


def run(chosen: Namespace) -> Telling:
    """Bring each file home; those that cannot be brought do not stop the others."""
    from img_ingestion.reidentify import reidentify

    home = place.home(chosen)
    settings, status = load(home.root, chosen.config), DONE
    with turns.ledger(home, settings.ledger, rehearsing=True) as ledger:
        for number, path in enumerate(chosen.files, 1):
            try:
                one = reidentify(path, home, settings, ledger)
            except InstanceError as error:
                yield complaint(f"file {number}: {error}")
                status = UNFORESEEN
                continue
            facts = {"customer": one.customer, "replaced": one.identifiers, "dates": one.dates}
            Trail(home.state).add("reidentify", facts)
            known = f"{one.identifiers} pseudonyms replaced, {one.unknown} not ours"
            moved = (
                "dates moved back" if one.dates else "dates as they are: no one patient is known"
            )
            values = {
                "path": str(one.path),
                "replaced": one.identifiers,
                "unknown": one.unknown,
                "dates": one.dates,
            }
            yield Told((f"{one.path}: {known}; {moved}",), {"reidentified": values})
            status = status if one.identifiers else UNFORESEEN
    return status
