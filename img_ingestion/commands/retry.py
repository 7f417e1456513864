"""Put what a destination refused back to waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from img_ingestion import turns
from img_ingestion.commands import place
from img_ingestion.commands.told import DONE, Told
from img_ingestion.errors import SettingsError
from img_ingestion.review.audit import Trail
from img_ingestion.review.overview import whose

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from img_ingestion.commands.told import Telling

NAME = "retry"
HELP = "put what a destination refused back to waiting"
DESCRIPTION = """\
Put instances that a destination refused back to waiting; the next pass sends them. Those that
travelled in one request go back together. For what is held in quarantine/ there is
`held release`.
"""
REPORTS = True


def arguments(parser: ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("ids", nargs="*", metavar="ID", help="only these (default: all)")


def run(chosen: Namespace) -> Telling:
    """Put back all that was refused, or what is asked for."""
    home = place.home(chosen)
    with turns.ledger(home, place.settings(chosen).ledger) as ledger:
        unknown = [one for one in chosen.ids if one not in ledger.outcomes(chosen.ids)]
        if unknown:
            raise SettingsError(f"{len(unknown)} of the IDs are not in the ledger")
        back, held = ledger.put_back(chosen.ids or None)
        for customer, ids in whose(ledger, back).items():
            Trail(home.state).add("retry", {"customer": customer, "ids": ids})
    yield Told((f"{len(back)} put back to waiting",), {"put_back": back, "held": held})
    if held:
        yield Told((f"{len(held)} stay held: the same was taken anew meanwhile",))
    return DONE
