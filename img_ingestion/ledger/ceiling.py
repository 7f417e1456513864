"""How large a parcel may be, as a destination has taught us by 413."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from img_ingestion.ledger import schema

if TYPE_CHECKING:
    from img_ingestion.ledger.database import Database

GOOD_FOR_S = 86400.0
"""A server's limit can be raised: after a day it is tried anew."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What is known of a customer's destination."""

    connection: Database = field(repr=False)
    customer: str
    destination: str

    def known(self) -> int | None:
        """Give the size that the next parcel may have, in bytes; None when nothing is known."""
        with schema.storing("reading a size"):
            row = self.connection.execute(
                "SELECT bytes FROM ceiling WHERE customer = ? AND destination = ? AND at > ?",
                (self.customer, self.destination, time.time() - GOOD_FOR_S),
            ).fetchone()
        return row[0] if row else None

    def learn(self, size: int) -> None:
        """Note the size that is tried after a refusal."""
        with schema.storing("noting a size"):
            self.connection.execute(
                "INSERT INTO ceiling (customer, destination, bytes, at) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (customer, destination)"
                " DO UPDATE SET bytes = excluded.bytes, at = excluded.at",
                (self.customer, self.destination, size, time.time()),
            )
