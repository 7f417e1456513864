"""
Every file's state, and the outbox. The single truth: folders are its products.

It holds digests, pseudonyms and reasons. No original path, name or value is in it: where a file
lay is kept as an HMAC under `state/ledger.key`, which is good for recognising and nothing else.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from img_ingestion.claims import ALONE
from img_ingestion.home import Home
from img_ingestion.ledger import forgetting, intake, outbox, place_key, schema
from img_ingestion.ledger.deliveries import Deliveries, put_back, writing
from img_ingestion.ledger.entry import Contents, Entry, Filed, Outgoing, State
from img_ingestion.ledger.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from img_ingestion.claims import Claims
    from img_ingestion.ledger.outbox import Series
    from img_ingestion.ledger.postgres import Postgres
    from img_ingestion.ledger_access import LedgerAccess

__all__ = ["Contents", "Deliveries", "Entry", "Filed", "Ledger", "Outgoing", "State"]


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger of one home; a context manager that closes it."""

    connection: schema.Sqlite | Postgres = field(repr=False)
    home: Home
    key: bytes = field(repr=False)
    """For the keyed digests of places: it recognises a path, it cannot give it back."""
    rehearsing: bool = False
    """Whether nothing is written: a copy that goes, or a look."""
    claims: Claims = ALONE
    """Who has what in hand."""

    @classmethod
    def open(
        cls,
        state: Path,
        access: LedgerAccess | None = None,
        *,
        together: bool = False,
        anew: bool = False,
    ) -> Self:
        """
        Open the ledger of a home's `state` folder; make it, and its key, on first use.

        With `access` that has a url it is there, shared, and its own lock: `together` with others
        that say so, or alone. `anew` begins an empty one where the home had one.

        Raises
        ------
        SettingsError
            It was written by a newer version of this program.
        StorageError
            It cannot be read or written, or was there and is gone.

        """
        if access and access.url:
            from img_ingestion.ledger import shared  # noqa: PLC0415 (requirements-postgres.txt)

            return cls(*shared.opened(state, access, together=together, anew=anew))
        schema.check_there(state)
        connection = schema.opened(state)
        with schema.storing("writing down what was sent"):
            Memory(state).written_from(connection)
        return cls(connection, Home(state.parent), place_key.made(state))

    @classmethod
    def rehearsal(cls, state: Path, access: LedgerAccess | None = None) -> Self:
        """Give a copy that goes: it can be written to, and no byte on the disk changes."""
        if access and access.url:
            from img_ingestion.ledger import shared  # noqa: PLC0415 (as above)

            return cls(*shared.copied(state, access, looking=False))
        schema.check_there(state)
        copy, key = schema.copied(state), place_key.lent(state)
        return cls(copy, Home(state.parent), key, rehearsing=True)

    @classmethod
    def looking(cls, state: Path, access: LedgerAccess | None = None) -> Self:
        """Give the ledger to read from, whatever its size; no byte on the disk changes."""
        if access and access.url:
            from img_ingestion.ledger import shared  # noqa: PLC0415 (as above)

            return cls(*shared.copied(state, access, looking=True))
        schema.check_there(state)
        return cls(schema.looked_at(state), Home(state.parent), b"", rehearsing=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.connection.close()

    @property
    def shared(self) -> Postgres | None:
        """Give the database that the vault is in, too, where several runs share it."""
        return None if isinstance(self.connection, schema.Sqlite) else self.connection

    def known(self, entry: Entry) -> Entry | None:
        """
        Give what a pass decided about this very file and did not live to put away.

        It is the same file when its `id` is, or when the same content lies in the same place.
        """
        return intake.known(self.connection, entry)

    def done(self, work: str) -> str | None:
        """
        Give the output name of work that is done, None if it is new.

        Done is what waits or was sent, and what was cleaned and nobody takes for want of a picture.
        """
        return intake.done(self.connection, work)

    def named(self, customer: str, name: str) -> bool:
        """Tell whether outputs of this customer have this name."""
        return intake.named(self.connection, customer, name)

    def contradicted(self, entry: Entry, uid: str) -> bool:
        """Tell whether other content came under the same SOP Instance UID (0008,0018)."""
        return intake.contradicted(self.connection, entry, uid)

    def enter(self, files: Iterable[tuple[Entry, Contents | None]]) -> None:
        """Enter files in their states, with what they bring to the outbox: all or none; durable."""
        with writing(self.connection, "entering files"):
            for entry, contents in files:
                self.claims.keep(entry.place)
                intake.enter(self.connection, entry, contents)

    def archived(self, moved: Iterable[tuple[Entry, str]]) -> None:
        """Note that originals are put away; where one is encrypted, the sha256 of what it is."""
        with writing(self.connection, "noting what was moved"):
            for entry, sealed in moved:
                intake.archived(self.connection, entry, sealed)

    def halves(self) -> list[Entry]:
        """Give what is held because it ended too soon, and may have been written to since."""
        return intake.entries(self.connection, "state = 'held' AND code = 'Incomplete'")

    def put_away(self, one: str) -> bool:
        """Tell whether the original of a file is known to be put away."""
        query = "SELECT 1 FROM file WHERE id = ? AND archived = 1"
        with schema.storing("looking up a file"):
            return self.connection.execute(query, (one,)).fetchone() is not None

    def unfinished(self) -> list[Entry]:
        """Give the entries whose originals are not known to be put away."""
        return intake.entries(self.connection, "archived = 0")

    def pruned(self, one: str, directory: str) -> None:
        """Note that a file goes from a folder of the home; durable on return."""
        with schema.storing("noting what goes"):
            self.connection.execute(
                "INSERT INTO pruned (file, directory, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (one, directory, time.time()),
            )

    def forgotten(self, entry: Entry) -> None:
        """Forget a held file: it will be taken anew."""
        with schema.storing("forgetting a held file"):
            self.connection.execute("DELETE FROM file WHERE id = ? AND state = 'held'", (entry.id,))

    def waiting(
        self,
        now: float,
        customer: str | None = None,
        destination: str = "backend",
        series: Series | None = None,
    ) -> list[Outgoing]:
        """
        Give what is due at a destination, a series' instances together, by Instance Number.

        What is postponed beyond `now`, in seconds since 1970, is left out. Only this customer's
        where one is named, and only one series where that is given.
        """
        asked = {"now": now, "customer": customer, "destination": destination}
        return outbox.due(self.connection, self.home.encoded, asked, series)

    def due_series(self, now: float, customer: str, destination: str) -> Iterator[Series]:
        """Give each series of which something is due, one by one, whatever else is written."""
        asked = {"now": now, "customer": customer, "destination": destination}
        after = ("", "")
        while series := outbox.next_series(self.connection, asked, after):
            yield series
            after = series

    def pending(self, customer: str | None = None) -> int:
        """Count what waits, of all or of one customer."""
        whose = "" if customer is None else "AND customer = :customer"
        query = f"SELECT count(*) FROM file WHERE state = 'waiting' {whose}"  # noqa: S608 (ours)
        with schema.storing("counting"):
            return int(self.connection.execute(query, {"customer": customer}).fetchone()[0])

    def customers(self, *, waiting: bool = True) -> list[str]:
        """Name the customers whose instances wait, or all."""
        where = "WHERE state = 'waiting'" if waiting else ""
        query = f"SELECT DISTINCT customer FROM file {where} ORDER BY 1"  # noqa: S608 (ours)
        with schema.storing("reading the outbox"):
            return [name for (name,) in self.connection.execute(query)]

    def deliveries(self, customer: str, destination: str, among: Iterable[str]) -> Deliveries:
        """Give what is known of a customer's instances at one of its destinations."""
        where = customer, destination, tuple(among)
        return Deliveries(self.connection, Memory(self.home.state), *where, self.claims)

    def outcomes(self, ids: Iterable[str]) -> dict[str, tuple[State, str]]:
        """Give state and code of instances, over all their destinations."""
        with schema.storing("reading states"):
            rows = self.connection.execute(
                "SELECT id, state, code FROM file WHERE id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(ids)),),
            ).fetchall()
        return {one: (state, code) for one, state, code in rows}

    def of_study(self, study: str) -> list[tuple[str, str]]:
        """Give (id, customer) of the instances of a study, by its pseudonymous UID."""
        query = "SELECT id, customer FROM file WHERE json_extract(study, '$.studyInstanceUid') = ?"
        with schema.storing("looking up a study"):
            return self.connection.execute(query, (study,)).fetchall()

    def files(self, customer: str) -> Iterator[Filed]:
        """Give every file of a customer, in the order of arrival."""
        return outbox.files(self.connection, customer)

    def totals(self, customer: str | None = None) -> Counter[str]:
        """Count the files by state."""
        with schema.storing("counting"):
            rows = self.connection.execute(
                "SELECT state, count(*) FROM file WHERE customer = coalesce(?, customer)"
                " GROUP BY 1",
                (customer,),
            ).fetchall()
        return Counter(dict(rows))

    def forget(self, customer: str) -> None:
        """
        Forget by what a customer's files could be recognised: digests, places, works, parcels.

        Works are replaced, so that what was the same stays the same.
        """
        forgetting.forget(self.connection, Memory(self.home.state), customer)

    def recall(self) -> None:
        """Take up what the ledger before this one had sent together, and what had arrived."""
        with writing(self.connection, "recalling what was sent"):
            Memory(self.home.state).recalled(self.connection)

    def sound(self) -> bool:
        """Tell whether the database finds itself undamaged."""
        with schema.storing("checking"):
            return self.connection.sound()

    def put_back(self, ids: Iterable[str] | None = None) -> tuple[list[str], list[str]]:
        """
        Put what destinations refused back to waiting, all of it or these.

        Gives what waits again: these, and those that travelled in one parcel with them, so that it
        has its key. And what stays held, because the same was taken anew meanwhile.
        """
        return put_back(self.connection, None if ids is None else list(ids))
