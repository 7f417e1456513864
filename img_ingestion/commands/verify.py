"""Hold what is on the disk against the ledger, and the audit trail against itself."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from img_ingestion import turns, unsealing
from img_ingestion.commands import place
from img_ingestion.commands.told import DONE, UNFORESEEN, Told
from img_ingestion.review.audit import Trail

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from img_ingestion.commands.told import Telling
    from img_ingestion.home import Home

NAME = "verify"
HELP = "compare the disk with the ledger, and the audit trail with itself"
DESCRIPTION = """\
Read the ledger's file, every output and original that it names, and the chain of the audit trail.
Of an original that is encrypted, and whose key is not here, the bytes are compared with what was
written; only the size, where an older version encrypted it.
Says the trail's last digest: note it elsewhere, and a trail that was cut off shows.
Status 1 if something is not as it was.
"""
REPORTS = True

SEALED = {
    "content": "encrypted originals were opened and read",
    "bytes": "encrypted originals are the bytes that were written; their key is not here",
    "size": "encrypted originals have their size; their key is not here, their digest unknown",
}
"""What was looked at."""


def arguments(parser: ArgumentParser) -> None:
    """Say what can be asked: nothing of its own."""
    del parser


def run(chosen: Namespace) -> Telling:
    """Say what is not as it was."""
    from img_ingestion.reconcile import reconcile

    home, problems = place.home(chosen), []
    looks: Counter[str] = Counter()
    with turns.ledger(home, place.settings(chosen).ledger) as ledger:
        problems += [] if ledger.sound() else ["ledger: the file is damaged"]
        for account in reconcile(ledger, home, read=True):
            problems += [f"{account.customer}: {problem}" for problem in account.problems]
            looks += account.looks
        checked = Trail(home.state).checked()
    problems += [f"audit trail, line {line}: does not follow" for line in checked.broken]
    problems += ["audit trail: its end was cut off"] if checked.cut else []
    problems += _key_of_others(home, looks)
    trail = f"audit trail: {checked.records} records, last {checked.last or 'none'}"
    lines = [*problems, *(f"{many} {SEALED[how]}" for how, many in looks.items()), trail]
    values = {"problems": problems, "records": checked.records, "last": checked.last}
    values |= {"encrypted": dict(looks)}
    yield Told((*lines, f"{len(problems)} problems" if problems else "all is as it was"), values)
    return UNFORESEEN if problems else DONE


def _key_of_others(home: Home, looks: Counter[str]) -> list[str]:
    """Say so if a key is here and opens nothing: somebody thinks that it does."""
    there = (home.state / "keys" / unsealing.IDENTITY).exists()
    opens_none = there and looks and not looks["content"]
    return [f"state/keys/{unsealing.IDENTITY}: opens none of them"] if opens_none else []
