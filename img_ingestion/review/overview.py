"""What the ledger holds, counted and listed, and how much room there is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from img_ingestion import durable
from img_ingestion.ledger import schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from img_ingestion.home import Home
    from img_ingestion.ledger import Ledger

REJECTED = "rejected"
"""The step of what a person looked at and keeps back for good."""
DELIVER = "deliver"
"""The step of what a destination refused."""


@dataclass(frozen=True, slots=True)
class Held:
    """One held file."""

    id: str
    customer: str
    step: str
    code: str
    reason: str
    size: int
    """Bytes."""
    seen_at: float
    """Seconds since 1970."""
    sha256: str


@dataclass(frozen=True, slots=True)
class Delay:
    """Why files wait at a destination, and until when."""

    destination: str
    reason: str
    files: int
    next_attempt_at: float
    """The first, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Overview:
    """Where a gateway stands."""

    states: Mapping[str, int]
    """Files by state."""
    customers: Mapping[str, Mapping[str, int]]
    """Files by customer and state."""
    held: Mapping[str, int]
    """Held files by code; `rejected` for those that a person keeps back."""
    oldest_waiting: float | None
    """When the oldest waiting file was seen, in seconds since 1970."""
    last_success: float | None
    """When something was last sent."""
    delays: tuple[Delay, ...]
    """Of what was tried before and waits."""
    free: Mapping[str, int]
    """Bytes free, by folder of the home."""


def overview(home: Home, ledger: Ledger) -> Overview:
    """Count what the ledger holds."""
    customers: dict[str, dict[str, int]] = {}
    ask = ledger.connection.execute
    with schema.storing("counting"):
        for customer, state, count in ask(
            "SELECT customer, state, count(*) FROM file GROUP BY 1, 2 ORDER BY 1, 2"
        ):
            customers.setdefault(customer, {})[state] = count
        held = ask(
            "SELECT CASE WHEN step = ? THEN step ELSE code END, count(*) FROM file"
            " WHERE state = 'held' GROUP BY 1 ORDER BY 1",
            (REJECTED,),
        ).fetchall()
        oldest = ask("SELECT min(seen_at) FROM file WHERE state = 'waiting'").fetchone()[0]
        success = ask("SELECT max(changed_at) FROM file WHERE state = 'sent'").fetchone()[0]
        delays = ask(
            "SELECT destination, delivery.reason, count(*), min(next_attempt_at)"
            " FROM delivery JOIN file ON file.id = delivery.file"
            " WHERE delivery.state = 'waiting' AND attempts > 0 AND file.state = 'waiting'"
            " GROUP BY 1, 2 ORDER BY 1, 2"
        ).fetchall()
    there = [folder for folder in home.folders if folder.exists()]
    return Overview(
        states=dict(ledger.totals()),
        customers=customers,
        held=dict(held),
        oldest_waiting=oldest,
        last_success=success,
        delays=tuple(Delay(*row) for row in delays),
        free={folder.name: durable.free_bytes(folder) for folder in there},
    )


def held(ledger: Ledger, customer: str | None = None, code: str | None = None) -> list[Held]:
    """List what is held, oldest first."""
    with schema.storing("listing what is held"):
        rows = ledger.connection.execute(
            "SELECT id, customer, step, code, reason, size, seen_at, sha256 FROM file"
            " WHERE state = 'held' AND customer = coalesce(?, customer)"
            " AND code = coalesce(?, code) ORDER BY seen_at, id",
            (customer, code),
        ).fetchall()
    return [Held(*row) for row in rows]


def whose(ledger: Ledger, ids: Iterable[str]) -> dict[str, list[str]]:
    """Sort ids by customer."""
    found: dict[str, list[str]] = {}
    with schema.storing("looking up customers"):
        rows = ledger.connection.execute(
            "SELECT customer, id FROM file WHERE id IN (SELECT value FROM json_each(?)) ORDER BY 2",
            (json.dumps(list(ids)),),
        )
        for customer, one in rows:
            found.setdefault(customer, []).append(one)
    return found
