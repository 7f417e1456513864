"""
What is in whose hands, in PostgreSQL: each claim with a lease by its clock, and a fence.

A claim is a run's until its session ends or its lease does, whichever is first; from then on
anybody may take it over. Who takes it over gives it a new fence, and whatever the old holder still
wants to enter is refused in the transaction that would enter it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from img_ingestion.claims import Orphan
from img_ingestion.errors import StorageError, TakenOver
from img_ingestion.ledger import schema
from img_ingestion.ledger.postgres import UNIQUE

if TYPE_CHECKING:
    from img_ingestion.ledger.postgres import Postgres

AT_WORK = 7_100_002
"""Number of the advisory lock that every session at work has."""
CLAIMS = (
    """
    CREATE TABLE claim (
        key         TEXT PRIMARY KEY,
        fence       BIGINT NOT NULL,
        lease_ends  TIMESTAMPTZ NOT NULL,
        process     INTEGER NOT NULL,
        began       TIMESTAMPTZ NOT NULL,
        customer    TEXT NOT NULL DEFAULT '',
        file        TEXT NOT NULL DEFAULT '',
        work        TEXT NOT NULL DEFAULT '',
        name        TEXT NOT NULL DEFAULT ''
    )
    """,
    "CREATE SEQUENCE fence",
    "CREATE UNIQUE INDEX claimed_work ON claim (work) WHERE work <> ''",
    "CREATE UNIQUE INDEX claimed_name ON claim (customer, name) WHERE name <> ''",
)
LEASE = "clock_timestamp() + make_interval(secs => :lease)"
LEFT = """
(claim.lease_ends < clock_timestamp() OR NOT EXISTS (
    SELECT 1 FROM pg_stat_activity AS session WHERE session.pid = claim.process
        AND (session.backend_start IS NULL OR session.backend_start = claim.began)))
"""
"""Of a session that is another account's the server does not say when it began."""
_TAKE = f"""
INSERT INTO claim (key, fence, lease_ends, process, began)
SELECT :key, nextval('fence'), {LEASE}, pid, backend_start
FROM pg_stat_activity WHERE pid = pg_backend_pid()
ON CONFLICT (key) DO UPDATE SET fence = excluded.fence, lease_ends = excluded.lease_ends,
    process = excluded.process, began = excluded.began
    WHERE claim.file = '' AND {LEFT}
RETURNING fence
"""  # noqa: S608 (ours)
"""Where a file was begun, its temporaries and outputs come first: that is for `orphans`."""
_TAKE_OVER = f"""
UPDATE claim SET fence = nextval('fence'), lease_ends = {LEASE},
    process = pg_backend_pid(), began = session.backend_start
FROM pg_stat_activity AS session
WHERE session.pid = pg_backend_pid() AND key IN (
    SELECT key FROM claim WHERE {LEFT} ORDER BY key FOR UPDATE SKIP LOCKED)
RETURNING key, fence, customer, file, name
"""  # noqa: S608 (ours)
_OURS = "WHERE key = :key AND fence = :fence"


@dataclass(frozen=True, slots=True)
class Leases:
    """What one run has in hand, and whether it still has."""

    database: Postgres
    lease_s: float
    fences: dict[str, int] = field(default_factory=dict)
    """Of what we have, by key."""
    shared = True

    def taken(self, key: str) -> bool:
        """Take something in hand; False where somebody else has it."""
        with schema.storing("claiming"):
            row = self.database.execute(_TAKE, {"key": key, "lease": self.lease_s}).fetchone()
        if row:
            self.fences[key] = row[0]
        return row is not None

    def begun(self, key: str, customer: str, file: str, work: str) -> bool:
        """Say which file it is and what is done with it; False where that is done elsewhere."""
        return self._noted(key, {"customer": customer, "file": file, "work": work})

    def named(self, key: str, customer: str, name: str) -> bool:
        """Take a name for outputs; False where somebody else has it in hand."""
        return self._noted(key, {"customer": customer, "name": name})

    def keep(self, key: str) -> None:
        """See, within what is being written, that something is still ours, and stays so."""
        if key and not self._updated(key, {}):
            raise TakenOver("another run has taken over what this one had in hand")

    def ended(self, key: str) -> None:
        """Let go of something."""
        values = {"key": key, "fence": self.fences.pop(key, 0)}
        with schema.storing("letting go"):
            self.database.execute(f"DELETE FROM claim {_OURS}", values)  # noqa: S608 (ours)

    def alone(self) -> bool:
        """Tell whether nobody else is at work; nobody begins until `joined`."""
        with schema.storing("looking for others"):
            query = "SELECT pg_try_advisory_lock(?)"
            return bool(self.database.execute(query, (AT_WORK,)).fetchone()[0])

    def joined(self) -> None:
        """Let others begin."""
        with schema.storing("letting others begin"):
            self.database.execute("SELECT pg_advisory_unlock(?)", (AT_WORK,))

    def orphans(self) -> list[Orphan]:
        """Take over what runs that are gone had in hand."""
        with schema.storing("taking over"), self.database.writing():
            rows = self.database.execute(_TAKE_OVER, {"lease": self.lease_s}).fetchall()
        self.fences.update({key: fence for key, fence, *_ in rows})
        return [Orphan(key, customer, file, name) for key, _, customer, file, name in rows]

    def ours(self, key: str) -> list[Orphan]:
        """Give what we have in hand of a key, as if we were gone; nothing if it is not ours."""
        query = f"SELECT key, customer, file, name FROM claim {_OURS}"  # noqa: S608 (ours)
        values = {"key": key, "fence": self.fences.get(key, 0)}
        with schema.storing("reading a claim"):
            return [Orphan(*row) for row in self.database.execute(query, values).fetchall()]

    def _noted(self, key: str, facts: dict[str, str]) -> bool:
        try:
            with schema.storing("claiming"):
                if not self._updated(key, facts):
                    raise TakenOver("another run has taken over what this one had in hand")
        except StorageError as error:
            if str(error.__cause__) == UNIQUE:
                return False
            raise
        return True

    def _updated(self, key: str, facts: dict[str, str]) -> bool:
        """Change a claim if it is ours, and have its lease begin anew."""
        what = ", ".join(["", *(f"{fact} = :{fact}" for fact in facts)])
        values = {"key": key, "fence": self.fences.get(key, 0), "lease": self.lease_s}
        statement = f"UPDATE claim SET lease_ends = {LEASE}{what} {_OURS}"  # noqa: S608 (ours)
        return bool(self.database.execute(statement, values | facts).rowcount)
