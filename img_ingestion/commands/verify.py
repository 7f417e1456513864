"""Hold what is on the disk against the ledger, and the audit trail against itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from img_ingestion.commands import place
from img_ingestion.commands.told import DONE, UNFORESEEN, Told
from img_ingestion.review.audit import Trail

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from img_ingestion.commands.told import Telling

NAME = "verify"
HELP = "hold the disk against the ledger, and the audit trail against itself"
DESCRIPTION = """\
Read the ledger's file, every output and original that it names, and the chain of the audit trail.
Of an original that is encrypted, and whose key is not here, only the size can be looked at.
Says the trail's last digest: note it elsewhere, and a trail that was cut off shows.
Status 1 if something is not as it was.
"""
REPORTS = True


def arguments(parser: ArgumentParser) -> None:
    """Say what can be asked: nothing of its own."""
    del parser


def run(chosen: Namespace) -> Telling:
    """Say what is not as it was."""
    from img_ingestion.reconcile import reconcile

    home, problems, unread = place.home(chosen), [], 0
    with place.ledger(home, place.settings(chosen).ledger) as ledger:
        problems += [] if ledger.sound() else ["ledger: the file is damaged"]
        for account in reconcile(ledger, home, read=True):
            problems += [f"{account.customer}: {problem}" for problem in account.problems]
            unread += account.unread
        checked = Trail(home.state).checked()
    problems += [f"audit trail, line {line}: does not follow" for line in checked.broken]
    problems += ["audit trail: its end was cut off"] if checked.cut else []
    sealed = [f"{unread} originals are encrypted, and only their size was looked at"]
    trail = f"audit trail: {checked.records} records, last {checked.last or 'none'}"
    lines = [*problems, *(sealed if unread else ()), trail]
    values = {"problems": problems, "records": checked.records, "last": checked.last}
    values |= {"unread": unread}
    yield Told((*lines, f"{len(problems)} problems" if problems else "all is as it was"), values)
    return UNFORESEEN if problems else DONE
