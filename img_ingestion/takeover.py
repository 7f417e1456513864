"""
What runs that are gone had in hand is put right by one that shares the ledger with them.

Temporaries go first and outputs under final names after them: a run that was only asleep, and goes
on renaming, fails at its next temporary, and what it renamed before is found.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from img_ingestion import durable
from img_ingestion.errors import StorageError

if TYPE_CHECKING:
    from img_ingestion.claims import Orphan
    from img_ingestion.ledger import Entry, Ledger
    from img_ingestion.shelves import Shelves


def begin(shelves: Shelves, ledger: Ledger) -> set[str]:
    """
    Put right what runs that are gone left; who is alone sweeps everything.

    Returns
    -------
    set of str
        Customers whose places refuse, so that it cannot be put right yet.

    """
    stuck = set()
    if ledger.claims.alone():
        durable.sweep(shelves.home.state)
        stuck = shelves.unswept()
        ledger.claims.joined()
    for orphan in ledger.claims.orphans():
        try:
            _put_right(shelves, ledger, orphan)
        except StorageError:
            stuck.add(orphan.customer)
    return stuck


def recover(shelves: Shelves, ledger: Ledger, entry: Entry) -> None:
    """Put right what a place that refuses left of one file; else the next pass does."""
    for ours in ledger.claims.ours(entry.place):
        with suppress(StorageError):
            _put_right(shelves, ledger, ours)


def _put_right(shelves: Shelves, ledger: Ledger, orphan: Orphan) -> None:
    """Remove what nobody entered, and note what was put away; then let go of it."""
    if orphan.file:
        for folder in (shelves.home.cleaned, shelves.home.encoded, shelves.home.quarantine):
            durable.sweep(folder / orphan.customer, orphan.file)
    if orphan.name and not ledger.named(orphan.customer, orphan.name):
        durable.remove(shelves.outputs(orphan.customer, orphan.name))
    if orphan.file:
        shelves.catch_up(ledger, orphan.file)
    ledger.claims.ended(orphan.key)
