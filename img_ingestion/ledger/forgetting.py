"""Forget by what a customer's files could be recognised."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING

from img_ingestion.ledger import schema
from img_ingestion.ledger.deliveries import writing

if TYPE_CHECKING:
    from img_ingestion.ledger.database import Database
    from img_ingestion.ledger.memory import Memory


def forget(connection: Database, memory: Memory, customer: str) -> None:
    """Forget digests, places, works and parcels of a customer; works are replaced."""
    once = secrets.token_bytes(32)
    mine = "SELECT work FROM file WHERE customer = ? AND work <> ''"
    with schema.storing("reading works"):
        works = {work for (work,) in connection.execute(mine, (customer,))}
    memory.forget(works)
    others = [(hmac.digest(once, work.encode(), "sha256").hex(), work) for work in works]
    with writing(connection, "forgetting a customer"):
        connection.execute(f"DELETE FROM remembered WHERE work IN ({mine})", (customer,))  # noqa: S608 (ours)
        connection.execute("UPDATE delivery SET parcel = '' WHERE customer = ?", (customer,))
        connection.execute(
            "UPDATE file SET sha256 = '', place = '' WHERE customer = ?", (customer,)
        )
        connection.executemany("UPDATE file SET work = ? WHERE work = ?", others)
    with schema.storing("forgetting a customer"):
        connection.shred()
