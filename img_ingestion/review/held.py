"""What a person can do with a held file: let it be tried again, or keep it back for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from img_ingestion import durable
from img_ingestion.errors import SettingsError
from img_ingestion.home import UNASSIGNED, customer_of
from img_ingestion.ledger import schema
from img_ingestion.review.overview import DELIVER, REJECTED

if TYPE_CHECKING:
    from pathlib import Path

    from img_ingestion.home import Home
    from img_ingestion.ledger import Ledger
    from img_ingestion.review.audit import Trail
    from img_ingestion.review.overview import Held


def original(home: Home, one: Held) -> Path:
    """Give the place of a held original."""
    return home.quarantine / one.customer / f"{one.id}.dcm"


def release(home: Home, ledger: Ledger, trail: Trail, one: Held, to: str = "") -> Path:
    """
    Put a held original back to where the customer had put it; a pass will take it anew.

    Cut short at any point, the same call goes on where it stopped: the audit trail comes first,
    then the file, and the ledger forgets it last.

    Parameters
    ----------
    home, ledger, trail : Home, Ledger, Trail
        The caller holds the home's lock.
    one : Held
        Not one that a destination refused: those are not in quarantine.
    to : str, optional
        The customer, for a file that lay in no customer's folder.

    Raises
    ------
    SettingsError
        It cannot be put back: no customer, refused by a destination, or not in quarantine.

    """
    customer = to or one.customer
    if one.step == DELIVER:
        raise SettingsError(f"{one.id}: refused by its destination; it is no matter of cleaning")
    if customer_of(customer) == UNASSIGNED:
        raise SettingsError(f"{one.id}: whose is it? say --to CUSTOMER")
    source, target = original(home, one), home.local_dcm / customer / f"{one.id}.dcm"
    if not source.exists() and not target.exists():
        raise SettingsError(f"{one.id}: its original is not in quarantine")
    trail.add("release", {"id": one.id, "customer": customer, "code": one.code})
    if source.exists():
        durable.folder(target.parent)
        durable.move(source, target)
    durable.remove([source.with_suffix(".json")])
    _forget(ledger, one)
    return target


def reject(ledger: Ledger, trail: Trail, one: Held) -> None:
    """Keep a held file back for good: it stays in quarantine, and is asked about no more."""
    trail.add("reject", {"id": one.id, "customer": one.customer, "code": one.code})
    with schema.storing("rejecting"):
        ledger.connection.execute(
            "UPDATE file SET step = ? WHERE id = ? AND state = 'held'", (REJECTED, one.id)
        )


def _forget(ledger: Ledger, one: Held) -> None:
    with schema.storing("releasing"):
        ledger.connection.execute("DELETE FROM file WHERE id = ? AND state = 'held'", (one.id,))
