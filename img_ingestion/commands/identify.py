"""Say what a pseudonym stands for, so that the backend's answer can be matched at home."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from img_ingestion import turns
from img_ingestion.commands import place
from img_ingestion.commands.told import DONE, Told
from img_ingestion.errors import SettingsError
from img_ingestion.review.audit import Trail

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from pathlib import Path

    from img_ingestion.commands.told import Telling
    from img_ingestion.vault import Vault

NAME = "identify"
HELP = "say what a pseudonym of the backend's answer stands for"
DESCRIPTION = """\
Say what a pseudonym stands for. What this prints identifies patients; that it was asked for is in
the audit trail. Status 2 when no original is known.
"""
REPORTS = True


def arguments(parser: ArgumentParser) -> None:
    """Say what can be asked."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("pseudonym", nargs="?", metavar="PSEUDONYM", help="a UID or a code")
    what.add_argument(
        "--export", type=place.out, metavar="FILE", help="write a CSV: kind, original, pseudonym"
    )


def run(chosen: Namespace) -> Telling:
    """Say what a pseudonym stands for, or write all of them to a file."""
    from img_ingestion.vault import Vault

    state = place.home(chosen).state
    access = place.settings(chosen).ledger
    with ExitStack() as until_the_end:
        shared = None
        if access.url:
            there = turns.ledger(place.home(chosen), access, rehearsing=True)
            shared = until_the_end.enter_context(there).shared
        return (yield from _told(chosen, state, Vault(state / "vault.sqlite", shared)))


def _told(chosen: Namespace, state: Path, vault: Vault) -> Telling:
    if chosen.export:
        count = vault.export(chosen.export)
        Trail(state).add("identify", {"exported": count})
        yield Told((f"{count} pseudonyms written",), {"written": count})
        return DONE
    found = vault.identify(chosen.pseudonym)
    if not found:
        raise SettingsError("no original is known for this pseudonym")
    Trail(state).add("identify", {"kind": found[0][1], "customer": found[0][0]})
    rows = [dict(zip(("customer", "kind", "original"), row, strict=True)) for row in found]
    yield Told(tuple("\t".join(row) for row in found), {"found": rows})
    return DONE
