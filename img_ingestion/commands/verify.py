"""Hold what is on the disk against the ledger, and the audit trail against itself."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from img_ingestion import durable
from img_ingestion.commands import place
from img_ingestion.commands.told import DONE, UNFORESEEN, Told
from img_ingestion.ledger import Ledger
from img_ingestion.review.audit import Trail
from img_ingestion.review.held import original
from img_ingestion.review.overview import DELIVER, held

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

    from img_ingestion.commands.told import Telling
    from img_ingestion.home import Home

NAME = "verify"
HELP = "hold the disk against the ledger, and the audit trail against itself"
DESCRIPTION = """\
Check the ledger's file, every output and original that it names, the content of what is held, and
the chain of the audit trail. Says the trail's last digest: note it elsewhere, and a trail that was
cut off shows. Status 1 if something is not as it was.
"""
REPORTS = True


def arguments(parser: ArgumentParser) -> None:
    """Say what can be asked: nothing of its own."""
    del parser


def run(chosen: Namespace) -> Telling:
    """Say what is not as it was."""
    from img_ingestion.reconcile import reconcile

    home, problems = place.home(chosen), []
    with place.turn(home), Ledger.open(home.state) as ledger:
        problems += [] if ledger.sound() else ["ledger: the file is damaged"]
        for account in reconcile(ledger, home):
            problems += [f"{account.customer}: {problem}" for problem in account.problems]
        problems += _contents(home, ledger)
        checked = Trail(home.state).checked()
    problems += [f"audit trail, line {line}: does not follow" for line in checked.broken]
    problems += ["audit trail: its end was cut off"] if checked.cut else []
    lines = [*problems, f"audit trail: {checked.records} records, last {checked.last or 'none'}"]
    values = {"problems": problems, "records": checked.records, "last": checked.last}
    yield Told((*lines, f"{len(problems)} problems" if problems else "all is as it was"), values)
    return UNFORESEEN if problems else DONE


def _contents(home: Home, ledger: Ledger) -> Iterator[str]:
    """Read each held original again."""
    for one in held(ledger):
        path = original(home, one)
        if one.step == DELIVER or not path.exists():
            continue
        with durable.storing("reading a held original"), path.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != one.sha256:
                yield f"{one.customer}: {one.id}: its held original was altered"
