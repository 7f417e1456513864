"""What a person can do with a held file: let it be tried again, or keep it back for good."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from img_ingestion import durable, sealing, unsealing
from img_ingestion.errors import SettingsError
from img_ingestion.home import UNASSIGNED, customer_of
from img_ingestion.ledger import schema
from img_ingestion.review.overview import DELIVER, REJECTED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from img_ingestion.home import Home
    from img_ingestion.ledger import Ledger
    from img_ingestion.review.audit import Trail
    from img_ingestion.review.overview import Held


def original(home: Home, one: Held) -> Path:
    """Give the place of a held original, encrypted or not."""
    return sealing.there(home.quarantine / one.customer / f"{one.id}.dcm")


def lies(home: Home, one: Held) -> Path:
    """
    Give the place of its original: what was cleaned, and nobody took, is in the archive.

    There the rest of its name is the customer's own, and not said: `ID.*`.
    """
    here = original(home, one)
    kept = (home.archive / one.customer).glob(f"*/*/*/{one.id}.*")
    return here if here.exists() else next(kept, here).with_name(f"{one.id}.*")


def check(home: Home, one: Held, to: str = "") -> None:
    """
    See whether a held original can be put back.

    Raises
    ------
    SettingsError
        It cannot: no customer, refused by a destination, or not in quarantine.

    """
    if one.step == DELIVER:
        raise SettingsError(f"{one.id}: cleaned, and refused by its destination; see `retry`")
    if customer_of(to or one.customer) == UNASSIGNED:
        raise SettingsError(f"{one.id}: whose is it? say --to CUSTOMER")
    if not original(home, one).exists() and not _place(home, one, to).exists():
        raise SettingsError(f"{one.id}: its original is not in quarantine")
    unsealing.require_key(home, original(home, one))


def release(
    home: Home, ledger: Ledger, trail: Trail, ones: Sequence[Held], to: str = ""
) -> list[Path]:
    """
    Put held originals back to where the customer had put them; a pass will take them anew.

    Cut short at any point, the same call goes on where it stopped: the audit trail comes first,
    then the files, and the ledger forgets them last.

    Parameters
    ----------
    home, ledger, trail : Home, Ledger, Trail
        The caller holds the home's lock.
    ones : sequence of Held
        Each passes `check`.
    to : str, optional
        The customer, for files that lay in no customer's folder.

    """
    targets = {original(home, one): _place(home, one, to) for one in ones}
    for one in ones:
        facts = {"id": one.id, "customer": to or one.customer, "code": one.code}
        # The last one makes all of them durable.
        trail.add("release", facts, synced=one is ones[-1])
    for folder in dict.fromkeys(target.parent for target in targets.values()):
        durable.folder(folder)
    for source in filter(sealing.is_sealed, targets):
        unsealing.unseal(home, source, targets[source])
    there = {source: target for source, target in targets.items() if source.exists()}
    near = {source: target for source, target in there.items() if _same_disk(source, target)}
    durable.place(near)
    for source in there.keys() - near.keys():
        durable.move(source, there[source])
    durable.remove([home.quarantine / one.customer / f"{one.id}.json" for one in ones])
    _forget(ledger, ones)
    return list(targets.values())


def _place(home: Home, one: Held, to: str) -> Path:
    return home.local_dcm / (to or one.customer) / f"{one.id}.dcm"


def _same_disk(source: Path, target: Path) -> bool:
    """Tell whether a rename is enough, and many of them can be made durable together."""
    with durable.storing("looking at a held original"):
        return source.stat().st_dev == target.parent.stat().st_dev


def reject(ledger: Ledger, trail: Trail, one: Held) -> None:
    """Keep a held file back for good: it stays in quarantine, and is asked about no more."""
    trail.add("reject", {"id": one.id, "customer": one.customer, "code": one.code})
    with schema.storing("rejecting"):
        ledger.connection.execute(
            "UPDATE file SET step = ? WHERE id = ? AND state = 'held'", (REJECTED, one.id)
        )


def _forget(ledger: Ledger, ones: Sequence[Held]) -> None:
    ids = json.dumps([one.id for one in ones])
    with schema.storing("releasing"):
        ledger.connection.execute(
            "DELETE FROM file WHERE state = 'held' AND id IN (SELECT value FROM json_each(?))",
            (ids,),
        )
