"""What is due at a destination, as line two takes it; and every file, as `reconcile` does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from img_ingestion.ledger import schema
from img_ingestion.ledger.entry import SEALED, Filed, Outgoing
from img_ingestion.patience import LONGEST_WAIT_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from img_ingestion.ledger.database import Database

    Series = tuple[str, str]
    """Study and series, as they are written down."""

_DUE = """
FROM file LEFT JOIN delivery ON delivery.file = id AND destination = :destination
WHERE file.state = 'waiting'
    AND coalesce(delivery.state = 'waiting'
        AND NOT (next_attempt_at > :now AND next_attempt_at <= :now + :longest), TRUE)
    AND NOT EXISTS (
        SELECT 1 FROM remembered AS other
        WHERE other.parcel = delivery.parcel AND other.destination = :destination AND NOT EXISTS (
            SELECT 1 FROM delivery AS there JOIN file AS same ON same.id = there.file
            WHERE there.parcel = other.parcel AND there.destination = :destination
                AND same.work = other.work
        )
    )
"""
"""Of a parcel that is remembered from a ledger that was lost, nothing but the whole is due."""

_INSTANCES = f"""
SELECT id, file.customer, work, name, coalesce(parcel, ''), coalesce(attempts, 0), instance_number,
    study, series, images {_DUE}
"""
_IN_ORDER = "ORDER BY file.customer, study, series, instance_number, id"
_NEXT_SERIES = f"""
SELECT study, series {_DUE} AND file.customer = :customer AND (study, series) > (:study, :series)
ORDER BY study, series LIMIT 1
"""

_FILES = """
SELECT id, customer, state, size, archived, name, digests, images,
    (SELECT count(*) FROM delivery WHERE file = id AND delivery.state = 'sent'
        AND receipt_status <> ''),
    (SELECT count(*) FROM file AS twin WHERE twin.work = file.work AND twin.id <> file.id
        AND twin.state <> 'duplicate'),
    sha256, changed_at, state = 'sent' OR (state = 'duplicate' AND EXISTS (
        SELECT 1 FROM file AS twin WHERE twin.work = file.work AND twin.state = 'sent')),
    (SELECT json_group_array(directory) FROM pruned WHERE pruned.file = id)
FROM file WHERE customer = ? ORDER BY seen_at, id
"""


def due(
    connection: Database, encoded: Path, asked: Mapping[str, object], series: Series | None = None
) -> list[Outgoing]:
    """
    Give what is due, a series' instances together, by Instance Number.

    Parameters
    ----------
    connection : Connection
        The ledger's.
    encoded : Path
        The folder of the pictures' base64, one folder a customer in it.
    asked : mapping
        `now`, in seconds since 1970; `customer`, None for all; `destination`.
    series : tuple
        Where only one is asked for.

    """
    which = "" if asked["customer"] is None else "AND file.customer = :customer "
    which += "AND study = :study AND series = :series " if series else ""
    with schema.storing("reading the outbox"):
        values = _values(asked, series)
        rows = connection.execute(_INSTANCES + which + _IN_ORDER, values).fetchall()
    return [_outgoing(encoded, *row) for row in rows]


def next_series(connection: Database, asked: Mapping[str, object], after: Series) -> Series | None:
    """Give the first series of a customer after another of which something is due."""
    with schema.storing("reading the outbox"):
        row = connection.execute(_NEXT_SERIES, _values(asked, after)).fetchone()
    return (str(row[0]), str(row[1])) if row else None


def _values(asked: Mapping[str, object], series: Series | None) -> Mapping[str, object]:
    # What seems to wait for longer than anything does was postponed by a clock that was ahead.
    study, one = series or ("", "")
    return {**asked, "longest": 2 * LONGEST_WAIT_S, "study": study, "series": one}


def _outgoing(encoded: Path, *row: str) -> Outgoing:
    from img_ingestion.instance import ParcelImage  # noqa: PLC0415 (a pass may send nothing)

    one, customer, work, name, parcel, attempts, order, *words = row
    study, series, images = (json.loads(each) for each in words)
    folder = encoded / customer
    return Outgoing(
        id=one,
        customer=customer,
        work=work,
        name=name,
        study=study,
        series=series,
        images=tuple(ParcelImage(fields, folder / data) for fields, data in images),
        order=int(order),
        attempts=int(attempts),
        parcel=parcel,
    )


def note_sealed(connection: Database, one: str, digest: str) -> None:
    """Note the digest of an encrypted original beside those of the outputs."""
    (digests,) = connection.execute("SELECT digests FROM file WHERE id = ?", (one,)).fetchone()
    noted = json.dumps(json.loads(digests) | {SEALED: digest}, sort_keys=True)
    connection.execute("UPDATE file SET digests = ? WHERE id = ?", (noted, one))


def files(connection: Database, customer: str) -> Iterator[Filed]:
    """Give every file of a customer, in the order of arrival."""
    with schema.storing("reading files"):
        for row in connection.execute(_FILES, (customer,)):
            one, whose, state, size, archived, name, digests, images, receipts, twins = row[:10]
            sha256, settled_at, delivered, pruned = row[10:]
            yield Filed(
                id=one,
                customer=whose,
                state=state,
                size=size,
                archived=bool(archived),
                name=name,
                outputs=json.loads(digests),
                data=tuple(data for _, data in json.loads(images)),
                receipts=receipts,
                twins=twins,
                sha256=sha256,
                settled_at=settled_at,
                delivered=bool(delivered),
                pruned=frozenset(json.loads(pruned)),
            )
