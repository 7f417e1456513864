"""What became of instances at their destinations, and so what their state is."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from img_ingestion.ledger import schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from img_ingestion.claims import Claims
    from img_ingestion.instance import Receipt
    from img_ingestion.ledger.database import Database
    from img_ingestion.ledger.memory import Memory

_SETTLE = """
UPDATE file SET state = why.state, step = CASE WHEN why.state = 'held' THEN 'deliver' ELSE '' END,
    code = CASE WHEN why.state = 'held' THEN why.code ELSE '' END,
    reason = CASE WHEN why.state = 'held' THEN why.reason ELSE '' END, changed_at = :now
FROM (
    SELECT file AS one, count(*) AS done, max(code) AS code, max(reason) AS reason,
        CASE WHEN count(CASE WHEN state = 'held' AND attempts > 0 THEN 1 END) > 0
            OR count(CASE WHEN state = 'sent' THEN 1 END) = 0 THEN 'held' ELSE 'sent' END AS state
    FROM delivery
    WHERE state <> 'waiting' AND file IN (SELECT value FROM json_each(:ids))
        AND destination IN (SELECT value FROM json_each(:among))
    GROUP BY file
) AS why
WHERE id = one AND file.state = 'waiting' AND done = :many
"""
"""
An instance is settled when every destination of its customer has taken or refused it. Where one
has it, those that take nothing of its kind, and so were not asked, do not hold it.
"""

_REOPEN = """
UPDATE file SET state = 'waiting', step = '', code = '', reason = '', changed_at = :now
WHERE id IN (
    SELECT min(id) FROM file AS one
    WHERE state = 'held' AND step = 'deliver' AND id IN (SELECT value FROM json_each(:ids))
        AND NOT EXISTS (SELECT 1 FROM file AS other
            WHERE other.work = one.work AND other.state IN ('waiting', 'sent'))
    GROUP BY work
)
"""
"""Not where the same work was taken anew meanwhile: then that one is delivered."""

_IN_A_ROW = """
SELECT count(DISTINCT parcel) FROM delivery
WHERE customer = :customer AND destination = :destination AND code = :code AND attempted_at > (
    SELECT coalesce(max(attempted_at), 0) FROM delivery
    WHERE customer = :customer AND destination = :destination AND code <> :code
)
"""

_BREAK_UP = """
UPDATE delivery SET parcel = '' WHERE parcel IN (
    SELECT parcel FROM delivery JOIN file ON id = file
    WHERE file.state = 'held' AND id IN (SELECT value FROM json_each(:ids))
)
"""
"""A parcel that one of its members does not come back to is none any more."""


@dataclass(frozen=True, slots=True)
class Deliveries:
    """A customer's instances at one of its destinations."""

    connection: Database = field(repr=False)
    memory: Memory
    customer: str
    destination: str
    among: tuple[str, ...]
    """Every destination of the customer."""
    claims: Claims
    claim: str = ""
    """What has to be ours for anything to be noted; empty: nothing."""

    def bundled(self, parcels: Mapping[str, Iterable[str]]) -> None:
        """
        Note parcels, ids by key, before the first attempt of any; durable on return.

        However the attempt ends, what is tried again is the same parcel under the same key,
        until the destination refuses it and it is bundled anew.
        """
        chosen = {key: list(ids) for key, ids in parcels.items()}
        rows = [
            (one, self.destination, self.customer, key)
            for key, ids in chosen.items()
            for one in ids
        ]
        with self._writing("noting a parcel"):
            works = {key: self._works(ids) for key, ids in chosen.items()}
            self.memory.bundled(works, self.destination)
            self.connection.executemany(
                "INSERT INTO delivery (file, destination, customer, parcel) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (file, destination) DO UPDATE SET parcel = excluded.parcel"
                " WHERE delivery.state = 'waiting'",
                rows,
            )

    def sent(self, ids: Iterable[str], receipt: Receipt) -> None:
        """Note that the destination has said that it has these."""
        what = "state = 'sent', code = '', reason = '', receipt_status = ?, receipt_digest = ?"
        chosen, words = list(ids), (receipt.status, receipt.digest)
        self._attempted(chosen, what, words)
        self.memory.sent(self._works(chosen), self.destination, words)

    def postponed(self, ids: Iterable[str], next_attempt_at: float, code: str, reason: str) -> None:
        """Keep these waiting until `next_attempt_at`, in seconds since 1970."""
        what = "next_attempt_at = ?, code = ?, reason = ?"
        self._attempted(ids, what, (next_attempt_at, code, reason))

    def refused(self, ids: Iterable[str], code: str, reason: str) -> None:
        """Hold these: the destination will not take them."""
        self._attempted(ids, "state = 'held', code = ?, reason = ?", (code, reason))

    def spared(self, ids: Iterable[str], code: str, reason: str) -> None:
        """Hold these without an attempt: the destination takes nothing of their kind."""
        chosen = list(ids)
        rows = [(one, self.destination, self.customer, one, code, reason) for one in chosen]
        with self._writing("noting what is not asked for"):
            self.connection.executemany(
                "INSERT INTO delivery (file, destination, customer, parcel, state, code, reason)"
                " VALUES (?, ?, ?, ?, 'held', ?, ?) ON CONFLICT (file, destination) DO UPDATE"
                " SET parcel = excluded.file, state = 'held', attempts = 0, attempted_at = 0,"
                " code = excluded.code, reason = excluded.reason WHERE delivery.state = 'waiting'",
                rows,
            )
            self._settle(chosen)

    def reopened(self, code: str, next_attempt_at: float) -> list[str]:
        """Put back to waiting what is held here with this code; give the ids."""
        with self._writing("putting back"):
            rows = self.connection.execute(
                "SELECT file FROM delivery WHERE customer = ? AND destination = ?"
                " AND state = 'held' AND code = ?",
                (self.customer, self.destination, code),
            ).fetchall()
            ids = [one for (one,) in rows]
            return reopen(self.connection, ids, self.destination, next_attempt_at)

    def in_a_row(self, code: str, most: int) -> int:
        """Count the parcels, up to `most`, that ended with this code after any other end."""
        with schema.storing("reading attempts"):
            values = {"customer": self.customer, "destination": self.destination, "code": code}
            (parcels,) = self.connection.execute(_IN_A_ROW, values).fetchone()
        return min(int(parcels), most)

    def settle(self) -> None:
        """Settle what waited only for destinations that are the customer's no more."""
        with self._writing("settling"):
            rows = self.connection.execute(
                "SELECT DISTINCT id FROM file JOIN delivery ON file = id WHERE"
                " file.customer = ? AND file.state = 'waiting' AND delivery.state <> 'waiting'",
                (self.customer,),
            )
            self._settle([one for (one,) in rows])

    def _works(self, ids: list[str]) -> list[str]:
        """Name the works of instances."""
        query = "SELECT work FROM file WHERE id IN (SELECT value FROM json_each(?)) ORDER BY 1"
        with schema.storing("reading works"):
            return [work for (work,) in self.connection.execute(query, (json.dumps(ids),))]

    def _attempted(self, ids: Iterable[str], what: str, values: tuple[object, ...]) -> None:
        """Change what waits, all of it or none."""
        chosen, now = list(ids), time.time()
        statement = (
            f"UPDATE delivery SET {what}, attempts = attempts + 1, attempted_at = ?"  # noqa: S608 (ours)
            " WHERE file = ? AND destination = ? AND state = 'waiting'"
        )
        with self._writing("noting a delivery"):
            rows = [(*values, now, one, self.destination) for one in chosen]
            self.connection.executemany(statement, rows)
            self._settle(chosen)

    def _settle(self, ids: list[str]) -> None:
        among = json.dumps(self.among)
        values = {"ids": json.dumps(ids), "among": among, "many": len(self.among)}
        self.connection.execute(_SETTLE, values | {"now": time.time()})

    @contextmanager
    def _writing(self, doing: str) -> Iterator[None]:
        with writing(self.connection, doing):
            self.claims.keep(self.claim)
            yield


@contextmanager
def writing(connection: Database, doing: str) -> Iterator[None]:
    """Write all of it or none."""
    with schema.storing(doing), connection.writing():
        yield


def reopen(
    connection: Database, ids: list[str], destination: str | None, next_attempt_at: float
) -> list[str]:
    """Put held deliveries back to waiting, at one destination or all; give the instances."""
    values = {
        "ids": json.dumps(ids),
        "destination": destination,
        "at": next_attempt_at,
        "now": time.time(),
    }
    connection.execute(_REOPEN, values)
    connection.execute(_BREAK_UP, values)
    rows = connection.execute(
        "UPDATE delivery SET state = 'waiting', attempts = 0, next_attempt_at = :at"
        " WHERE state = 'held' AND destination = coalesce(:destination, destination)"
        " AND file IN (SELECT value FROM json_each(:ids))"
        " AND file IN (SELECT id FROM file WHERE state = 'waiting') RETURNING file",
        values,
    ).fetchall()
    return sorted({one for (one,) in rows})


def put_back(connection: Database, ids: list[str] | None) -> tuple[list[str], list[str]]:
    """Put held deliveries back to waiting, with their parcels; give them, and what stays held."""
    with writing(connection, "putting back"):
        rows = connection.execute(
            "SELECT DISTINCT file FROM delivery JOIN file ON id = file"
            " WHERE delivery.state = 'held' AND file.state <> 'sent'"
            " AND file.step IN ('', 'deliver') AND (:every"
            " OR parcel IN (SELECT parcel FROM delivery WHERE state = 'held'"
            " AND file IN (SELECT value FROM json_each(:ids))))",
            {"every": ids is None, "ids": json.dumps(ids or [])},
        ).fetchall()
        asked = [one for (one,) in rows]
        back = reopen(connection, asked, None, 0.0)
    return back, sorted(set(asked) - set(back))
