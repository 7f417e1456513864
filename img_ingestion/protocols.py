"""The ways this house can grow: a source, a step of the de-identification, a destination."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

    from img_ingestion.arrival import Arrival, Left
    from img_ingestion.instance import Parcel, Receipt


class Source(Protocol):
    """Where instances come from."""

    def arrivals(self, stuck: Container[str] = ()) -> Iterator[Arrival | Left]:
        """
        Give each file that has fully arrived, once, read once; and what is left in place.

        Parameters
        ----------
        stuck : container of str
            Customers whose files are left alone; looked at before each file is read.

        """
        ...

    def check(self, arrival: Arrival) -> None:
        """
        Look, before any work is done, whether the original can be put away afterwards.

        Raises
        ------
        StorageError
            It cannot.

        """
        ...

    def put_away(self, arrival: Arrival, target: Path) -> bool:
        """
        Bring the original of an arrival to its place inside the hospital, durably.

        From then on the source does not give it again.

        Returns
        -------
        bool
            Whether it is there; not, where it was not read and somebody took it away since.

        Raises
        ------
        StorageError
            It cannot be brought there.

        """
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
