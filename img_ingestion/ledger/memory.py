"""
What was sent together, and what was taken: kept beside the ledger, for the day it is lost.

`state/parcels.jsonl`, an object a line, only ever added to. A line is on the disk before the parcel
that it names is sent for the first time, so that a rebuilt ledger sends the same works again under
the same key or not at all. It has digests of works and keys: nothing of a patient.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from img_ingestion import durable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from img_ingestion.ledger.database import Database

FILE_NAME = "parcels.jsonl"
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC

_OF_DELIVERIES = """
SELECT destination, parcel, delivery.state = 'sent', receipt_status, receipt_digest,
    json_group_array(DISTINCT work)
FROM delivery JOIN file ON id = delivery.file WHERE parcel <> ''
GROUP BY destination, parcel, delivery.state
"""
_REMEMBER = """
INSERT INTO remembered (work, destination, parcel, sent, receipt_status, receipt_digest)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (work, destination) DO UPDATE SET parcel = excluded.parcel, sent = excluded.sent,
    receipt_status = excluded.receipt_status, receipt_digest = excluded.receipt_digest
"""
_RECALL = """
INSERT INTO delivery (file, destination, customer, parcel, state, receipt_status, receipt_digest)
SELECT id, destination, customer, parcel, CASE WHEN sent = 1 THEN 'sent' ELSE 'waiting' END,
    receipt_status, receipt_digest
FROM file JOIN remembered USING (work) WHERE file.state = 'waiting' {which}
ON CONFLICT DO NOTHING
"""
"""A file that waits takes up the parcels that it was part of in a ledger that was lost."""


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of one home."""

    state: Path

    def bundled(self, parcels: Mapping[str, Iterable[str]], destination: str) -> None:
        """Note parcels, works by key, before their first attempt; durable on return."""
        self._add(destination, [(works, {"parcel": key}) for key, works in parcels.items()])

    def sent(self, works: Iterable[str], destination: str, receipt: tuple[str, str]) -> None:
        """Note that works have arrived; if this is lost, they are asked about again."""
        status, digest = receipt
        self._add(destination, [(works, {"status": status, "digest": digest})], synced=False)

    def recalled(self, connection: Database) -> None:
        """Tell the ledger all of it; a file that is entered later takes up its parcels."""
        known: dict[tuple[str, str], list[object]] = {}
        for line in self._lines():
            for work in line["works"]:
                row = known.setdefault((work, line["destination"]), ["", 0, "", ""])
                if "parcel" in line:
                    row[0] = line["parcel"]
                else:
                    row[1:] = [1, line["status"], line["digest"]]
        rows = [(*key, *row) for key, row in known.items()]
        connection.executemany(_REMEMBER, rows)
        connection.execute(_RECALL.format(which=""))

    def written_from(self, connection: Database) -> None:
        """Write down what an older program left in the ledger alone."""
        if (self.state / FILE_NAME).exists():
            return
        for destination, parcel, sent, status, digest, works in connection.execute(_OF_DELIVERIES):
            self.bundled({parcel: json.loads(works)}, destination)
            if sent:
                self.sent(json.loads(works), destination, (status, digest))

    def forget(self, works: set[str]) -> None:
        """Forget the parcels of these works."""
        kept = [line for line in self._lines() if not works & set(line["works"])]
        if (self.state / FILE_NAME).exists():
            text = "".join(f"\n{json.dumps(line)}" for line in kept)
            durable.write(self.state / FILE_NAME, text.encode())

    def _add(
        self,
        destination: str,
        several: Iterable[tuple[Iterable[str], dict[str, str]]],
        *,
        synced: bool = True,
    ) -> None:
        path = self.state / FILE_NAME
        lines = [
            json.dumps({"destination": destination, "works": list(works), **what})
            for works, what in several
        ]
        with durable.storing("remembering a parcel"):
            durable.create(path, b"")
            with os.fdopen(os.open(path, _FLAGS, 0o600), "wb") as stream:
                # Others may share the home; let go of when the file is closed.
                fcntl.flock(stream, fcntl.LOCK_EX)
                # What a power cut left of the line before ends here.
                stream.write("".join(f"\n{line}" for line in lines).encode())
                stream.flush()
                if synced:
                    os.fsync(stream.fileno())

    def _lines(self) -> Iterator[dict[str, Any]]:
        path = self.state / FILE_NAME
        with durable.storing("reading what was sent together"):
            lines = path.read_bytes().split(b"\n") if path.exists() else []
        for line in lines:
            try:
                yield json.loads(line)
            except ValueError:
                continue


def take_up(connection: Database, one: str) -> None:
    """Make a file that was just entered part of the parcels that are remembered of its work."""
    connection.execute(_RECALL.format(which="AND id = ?"), (one,))
