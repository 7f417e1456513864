"""List what is held, show one, let some be tried again, keep some back, write the list down."""

from __future__ import annotations

import csv
import io
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from img_ingestion import durable, turns
from img_ingestion.commands import place
from img_ingestion.commands.told import DONE, UNFORESEEN, Told, complaint
from img_ingestion.errors import SettingsError
from img_ingestion.review import held
from img_ingestion.review.audit import Trail
from img_ingestion.review.overview import REJECTED, Held
from img_ingestion.review.overview import held as listed

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from img_ingestion.commands.told import Telling
    from img_ingestion.ledger import Ledger

NAME = "held"
HELP = "list, show, release, reject or export what is held"
DESCRIPTION = """\
What is held, and what becomes of it.

  held list             what is held and why
  held show ID          one of them, and where its original lies
  held release ID ...   put originals back to local_dcm/: the next pass takes them anew
  held reject ID ...    keep them back for good; they stay where they are
  held export FILE      write the list as CSV

Instead of IDs, --customer and --code choose. Everything done is in the audit trail. What was
cleaned, and refused by its destination, is put back by `retry`. Status 1 if one of them could not
be released.
"""
REPORTS = True


def arguments(parser: ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument(
        "what", nargs="?", default="list", choices=("list", "show", "release", "reject", "export")
    )
    parser.add_argument("ids", nargs="*", metavar="ID", help="as list shows them; or FILE")
    parser.add_argument("--customer", metavar="NAME", help="only this customer's")
    parser.add_argument("--code", metavar="CODE", help="only these, e.g. NotAdmitted")
    parser.add_argument("--rejected", action="store_true", help="list the rejected ones, too")
    parser.add_argument("--to", default="", metavar="NAME", help="whose a released file is")


def run(chosen: Namespace) -> Telling:
    """Do what is asked with what is held."""
    home, access = place.home(chosen), place.settings(chosen).ledger
    if chosen.what in {"show", "release", "reject"} and not (
        chosen.ids or chosen.customer or chosen.code
    ):
        raise SettingsError(f"held {chosen.what}: which? name ids, --customer or --code")
    if chosen.what in {"release", "reject"}:
        with turns.ledger(home, access) as ledger:
            return (yield from _decided(chosen, ledger, _chosen(chosen, ledger)))
    with turns.ledger(home, access, rehearsing=True) as ledger:
        found = _chosen(chosen, ledger)
    if chosen.what == "export":
        return (yield from _exported(chosen, found))
    lines = [_line(one) for one in found]
    if chosen.what == "show":
        lines = [text for one in found for text in (_line(one), f"  {held.lies(home, one)}")]
    yield Told(tuple(lines or ["nothing is held"]), {"held": [asdict(one) for one in found]})
    return DONE


def _chosen(chosen: Namespace, ledger: Ledger) -> list[Held]:
    """Give what the words choose; each id has to be held."""
    found = listed(ledger, chosen.customer, chosen.code)
    ids = [] if chosen.what == "export" else chosen.ids
    for one in ids:
        if one not in {each.id for each in found}:
            raise SettingsError(f"{one}: nothing of this id is held")
    if ids:
        return [one for one in found if one.id in ids]
    return [one for one in found if chosen.rejected or one.step != REJECTED]


def _decided(chosen: Namespace, ledger: Ledger, found: Sequence[Held]) -> Telling:
    """Release or reject; what cannot be is said, and the others go on."""
    if not found:
        yield Told(("nothing of that is held",))
    trail = Trail(ledger.home.state)
    if chosen.what == "reject":
        for one in found:
            held.reject(ledger, trail, one)
            yield Told((f"{one.id} rejected",), {"reject": one.id})
        return DONE
    faults = {one.id: _fault(ledger, one, chosen.to) for one in found}
    yield from (complaint(fault) for fault in faults.values() if fault)
    able = [one for one in found if not faults[one.id]]
    if able:
        held.release(ledger.home, ledger, trail, able, chosen.to)
    for one in able:
        yield Told((f"{one.id} released: the next pass takes it anew",), {"release": one.id})
    return UNFORESEEN if any(faults.values()) else DONE


def _fault(ledger: Ledger, one: Held, to: str) -> str:
    """Say why one cannot be released; empty when it can."""
    try:
        held.check(ledger.home, one, to)
    except SettingsError as error:
        return str(error)
    return ""


def _exported(chosen: Namespace, found: Sequence[Held]) -> Telling:
    """Write the list as CSV."""
    if len(chosen.ids) != 1:
        raise SettingsError("held export: name one FILE")
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["id", "customer", "step", "code", "reason", "size", "seen", "sha256"])
    for one in found:
        rows.writerow(
            [one.id, one.customer, one.step, one.code, one.reason, one.size, _when(one), one.sha256]
        )
    durable.write(Path(chosen.ids[0]), text.getvalue().encode())
    yield Told((f"{len(found)} written",), {"written": len(found)})
    return DONE


def _line(one: Held) -> str:
    kept = " (rejected)" if one.step == REJECTED else ""
    return f"{one.id} {_when(one)} {one.customer} {one.code}: {one.reason}{kept}"


def _when(one: Held) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(one.seen_at))
