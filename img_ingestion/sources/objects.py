"""
Objects of S3 or a compatible store: `s3://BUCKET/PREFIX/CUSTOMER/...`.

The list is the truth: uploads that are not complete are not in it, and what was missed once is
there the next time. An object is read as it was listed, or not at all.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from img_ingestion import durable
from img_ingestion.arrival import Arrival, Left, Stamp
from img_ingestion.bucket import Bucket, Pin
from img_ingestion.claims import ALONE
from img_ingestion.errors import StorageError
from img_ingestion.home import UNASSIGNED, Home, customer_of
from img_ingestion.instance import ReceivedInstance
from img_ingestion.sources.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from img_ingestion.claims import Claims
    from img_ingestion.settings import Settings
    from img_ingestion.unsynced import Unsynced

WHERE = "object-store"
"""Whose place it is that cannot be reached, where no customer is to be named."""


@dataclass(frozen=True, slots=True)
class Objects:
    """Find the objects that nobody has taken yet."""

    bucket: Bucket
    home: Home
    settings: Settings
    key: bytes = field(repr=False)
    """For the digests of places."""
    claims: Claims = ALONE
    """Who has which object in hand: it is ours before it is read."""

    def arrivals(self, stuck: Container[str] = ()) -> Iterator[Arrival | Left]:
        """Give each object, once, read once; where the store refuses, say so and end."""
        try:
            self._ask_versions()
            for pin in self.bucket.listed(self.settings.s3.prefix):
                customer = self._customer(pin)
                folder_marker = pin.key.endswith("/") and not pin.size
                if not folder_marker and customer not in stuck and not self._taken(pin):
                    yield from self._claimed(pin, customer)
        except StorageError as error:
            # What is in other sources, and what waits to be sent, goes on.
            yield Left(secrets.token_hex(8), WHERE, "stuck", str(error))

    def _claimed(self, pin: Pin, customer: str) -> Iterator[Arrival | Left]:
        """Read an object, if nobody else does."""
        place, arrival = self._place(pin), None
        if not self.claims.taken(place):
            return
        try:
            arrival = self._arrival(pin, customer)
        finally:
            if arrival is None:
                self.claims.ended(place)
        yield arrival or Left(place[:16], customer, "arriving", "changing while it is read")

    def check(self, arrival: Arrival) -> None:
        """Trust that what can be read can be tagged: only trying would tell."""

    def put_away(self, arrival: Arrival, target: Path, unsynced: Unsynced | None = None) -> bool:
        """
        Write the original to its place inside the hospital, then tag, move or delete the object.

        Raises
        ------
        StorageError
            The place cannot be written, or the store refuses.

        """
        del unsynced  # It is durable on return: the object goes then.
        pin = arrival.pin
        assert isinstance(pin, Pin)  # noqa: S101 (our own arrivals have one)
        durable.folder(target.parent)
        if arrival.received.content:
            durable.write(target, arrival.received.content, arrival.received.id)
        elif pin.size:
            found = self.bucket.opened(pin)
            if found is None:
                return False
            with durable.writer(target) as copy:
                for chunk in self.bucket.chunks(found[1]):
                    copy.write(chunk)
        else:
            durable.write(target, b"", arrival.received.id)
        on_the_way = self.home.unsealed / self.home.quarantine.name
        held = any(target.is_relative_to(one) for one in (self.home.quarantine, on_the_way))
        self._settle(pin, held=held)
        return True

    def _ask_versions(self) -> None:
        """Refuse to remove by name what may be something else by then."""
        asked = self.settings.s3
        if {asked.after, asked.after_held} != {"tag"} and not self.bucket.keeps_versions():
            raise StorageError(
                "s3.after: move and delete need a bucket that keeps versions: only there can "
                "exactly what was read be removed; tag works in any"
            )

    def _taken(self, pin: Pin) -> bool:
        """Tell by its tag whether an object was taken; what is moved or deleted needs no look."""
        asked = self.settings.s3
        return "tag" in {asked.after, asked.after_held} and self.bucket.taken(pin)

    def _arrival(self, pin: Pin, customer: str) -> Arrival | None:
        """Read an object as it was listed, None if it is another one by now."""
        found = self.bucket.opened(pin)
        if found is None:
            return None
        pin, body = found
        refused = refusal(self.settings, customer, pin.size)
        digest, parts = hashlib.sha256(), []
        for chunk in self.bucket.chunks(body):
            digest.update(chunk)
            if refused is None:
                parts.append(chunk)
        content = b"".join(parts)
        if refused is None and len(content) != pin.size:
            return None
        sha256, place = digest.hexdigest(), self._place(pin)
        words = (customer, place, sha256, pin.etag, pin.version, str(pin.modified_ns))
        one = hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]
        # No file system is asked for this path; a key may hold what no file name can.
        path = Path(customer, pin.key.rpartition("/")[2].replace("\0", "") or "object")
        received = ReceivedInstance(one, customer, path, content, sha256)
        stamp = Stamp(0, 0, pin.size, pin.modified_ns, pin.modified_ns)
        return Arrival(received, place, stamp, refused, pin, of_store=True)

    def _settle(self, pin: Pin, *, held: bool) -> None:
        asked = self.settings.s3
        after = asked.after_held if held else asked.after
        if after == "tag":
            self.bucket.tag(pin)
            return
        if after == "move":
            # Something else may have had this key, and be there already.
            name = f"{pin.key.removeprefix(asked.prefix)}.{pin.etag[:8]}"
            self.bucket.copy(pin, f"{asked.moved_to}/{'held' if held else 'taken'}/{name}")
        self.bucket.delete(pin)

    def _customer(self, pin: Pin) -> str:
        first, slash, _ = pin.key.removeprefix(self.settings.s3.prefix).partition("/")
        return customer_of(first) if slash else UNASSIGNED

    def _place(self, pin: Pin) -> str:
        where = f"s3://{self.bucket.name}/{pin.key}"
        return hmac.digest(self.key, where.encode(), "sha256").hex()
