"""Line one at the ledger: what is known of a file that arrives, and what became of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from img_ingestion.errors import NoPicture
from img_ingestion.ledger import outbox, schema
from img_ingestion.ledger.entry import Entry
from img_ingestion.ledger.memory import take_up

if TYPE_CHECKING:
    from img_ingestion.ledger.database import Database
    from img_ingestion.ledger.entry import Contents

_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
_ENTRY = ", ".join(Entry._fields)
_KNOWN = f"""
SELECT {_ENTRY} FROM file
WHERE id = :id OR (place = :place AND sha256 = :sha256 AND archived = 0) ORDER BY id = :id DESC
"""  # noqa: S608 (names of our own fields)
_DONE = """
SELECT name FROM file
WHERE work = ? AND (state IN ('waiting', 'sent') OR state = 'held' AND code = ?)
"""
_CONTRADICTED = """
SELECT 1 FROM file WHERE customer = ? AND sha256 <> ? AND uid = ? AND uid <> ''
"""


def known(database: Database, entry: Entry) -> Entry | None:
    """Give what a pass decided about this very file and did not live to put away."""
    values = {"id": entry.id, "place": entry.place, "sha256": entry.sha256}
    with schema.storing("looking up a file"):
        row = database.execute(_KNOWN, values).fetchone()
    return Entry(*row) if row else None


def done(database: Database, work: str) -> str | None:
    """Give the output name of work that is done, None if it is new."""
    with schema.storing("looking up work"):
        row = database.execute(_DONE, (work, NoPicture.__name__)).fetchone()
    return row[0] if row else None


def named(database: Database, customer: str, name: str) -> bool:
    """Tell whether outputs of a customer have this name."""
    # The last words are those of the index.
    query = "SELECT 1 FROM file WHERE customer = ? AND name = ? AND name <> ''"
    with schema.storing("looking up a name"):
        return database.execute(query, (customer, name)).fetchone() is not None


def contradicted(database: Database, entry: Entry, uid: str) -> bool:
    """Tell whether other content came under the same SOP Instance UID (0008,0018)."""
    with schema.storing("looking up an instance"):
        values = (entry.customer, entry.sha256, uid)
        return database.execute(_CONTRADICTED, values).fetchone() is not None


def enter(database: Database, entry: Entry, contents: Contents | None) -> None:
    """Enter a file in its state, with what it brings to the outbox."""
    row = entry._asdict() | {"changed_at": entry.seen_at}
    if contents is not None:
        row["study"] = as_json(contents.study)
        row["series"] = as_json(contents.series)
        row["images"] = as_json(contents.images)
        row["instance_number"] = contents.order
        row["digests"] = as_json(contents.digests)
        row["uid"] = contents.uid
    values = ", ".join(f":{column}" for column in row)
    database.execute(f"INSERT INTO file ({', '.join(row)}) VALUES ({values})", row)  # noqa: S608 (as above)
    take_up(database, entry.id)


def archived(database: Database, entry: Entry, sealed: str) -> None:
    """Note that an original is put away; where it is encrypted, the sha256 of what it is."""
    if sealed:
        outbox.note_sealed(database, entry.id, sealed)
    database.execute("UPDATE file SET archived = 1 WHERE id = ?", (entry.id,))


def entries(database: Database, which: str) -> list[Entry]:
    """Give the entries of which something holds: a condition of ours."""
    with schema.storing("reading entries"):
        rows = database.execute(f"SELECT {_ENTRY} FROM file WHERE {which}")  # noqa: S608 (as above)
        return [Entry(*row) for row in rows]


def as_json(value: object) -> str:
    """Write JSON in one way only: equal studies are equal texts, and sort together."""
    return _JSON.encode(value)
