"""Say for each customer whether everything that was seen is accounted for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from img_ingestion import turns
from img_ingestion.commands import place
from img_ingestion.commands.told import DONE, UNFORESEEN, Told

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from img_ingestion.commands.told import Telling

NAME = "reconcile"
HELP = "say whether everything that was seen is accounted for"
DESCRIPTION = """\
Say for each customer: seen = sent + waiting + held + duplicate. Reads every output, and looks up
every original; names what is missing, altered or unknown. Status 1 if something does not add up.
"""
REPORTS = True


def arguments(parser: ArgumentParser) -> None:
    """Say what can be asked: nothing of its own."""
    del parser


def run(chosen: Namespace) -> Telling:
    """Give each customer's account, and under it what does not add up."""
    from img_ingestion.reconcile import reconcile

    home, wrong = place.home(chosen), 0
    with turns.ledger(home, place.settings(chosen).ledger) as ledger:
        for account in reconcile(ledger, home):
            wrong += len(account.problems)
            lines = (account.sum, *(f"  {problem}" for problem in account.problems))
            values = {
                "customer": account.customer,
                "seen": account.seen,
                "states": dict(account.states),
                "problems": account.problems,
            }
            yield Told(lines, {"account": values})
    what = "1 thing does" if wrong == 1 else f"{wrong} things do"
    yield Told((f"{what} not add up" if wrong else "everything adds up",), {"problems": wrong})
    return UNFORESEEN if wrong else DONE
