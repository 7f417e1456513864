"""Show the audit trail, or write down one customer's part of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from img_ingestion import durable
from img_ingestion.commands import place
from img_ingestion.commands.told import DONE, Told
from img_ingestion.review.audit import Trail

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from img_ingestion.commands.told import Telling

NAME = "audit"
HELP = "show the audit trail, or write down one customer's"
DESCRIPTION = """\
Show what was decided of each file, and what each person did. The trail is state/audit.jsonl;
`verify` checks that nothing in it was changed.
"""
REPORTS = True


def arguments(parser: ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("--customer", metavar="NAME", help="only this customer's records")
    parser.add_argument(
        "--export", type=place.out, metavar="FILE", help="write them to a file instead"
    )


def run(chosen: Namespace) -> Telling:
    """Give the records as they are written."""
    records = Trail(place.home(chosen).state).records(chosen.customer)
    if chosen.export:
        lines = [f"{record}\n" for record in records]
        durable.write(chosen.export, "".join(lines).encode())
        yield Told((f"{len(lines)} records written",), {"written": len(lines)})
        return DONE
    for record in records:
        yield Told((record,), json.loads(record))
    return DONE
