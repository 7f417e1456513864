"""The ways this house can grow: a source, a step of the de-identification, a destination."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from img_ingestion.instance import Parcel, Receipt, ReceivedInstance


class Source(Protocol):
    """Where instances come from."""

    def instances(self) -> Iterator[ReceivedInstance]:
        """Give each new file that has fully arrived, once, read once."""
        ...


class Destination(Protocol):
    """Where parcels go."""

    def deliver(self, parcel: Parcel) -> Receipt:
        """
        Hand one parcel over; return only when the other side has said that it has it.

        Raises
        ------
        DestinationBusy
            Try again later.
        DestinationRefused
            This parcel will never be taken.

        """
        ...
