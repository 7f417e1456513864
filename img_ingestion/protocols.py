"""The ways this house can grow: a source, those who clean, a destination."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping
    from pathlib import Path

    from img_ingestion.arrival import Arrival, Left
    from img_ingestion.deidentify import Policy
    from img_ingestion.instance import Parcel, Receipt, ReceivedInstance
    from img_ingestion.unsynced import Unsynced

    Answer = Mapping[str, Any]


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

    def put_away(self, arrival: Arrival, target: Path, unsynced: Unsynced | None = None) -> bool:
        """
        Bring the original of an arrival to its place inside the hospital, durably.

        From then on the source does not give it again.

        Parameters
        ----------
        arrival, target : Arrival, Path
            What, and its new name.
        unsynced : Unsynced, optional
            May take note of folders instead: it is durable once they are synced.

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


class Workers(Protocol):
    """
    Who cleans files, one at a time or several; a context manager that lets them go.

    They make, and decide nothing: what they answer is entered by the one who asked.
    """

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    @property
    def free(self) -> bool:
        """Tell whether another file can be begun."""
        ...

    @property
    def whole(self) -> bool:
        """Tell whether nobody is gone of whom `ended` did not say so."""
        ...

    @property
    def several(self) -> bool:
        """Tell whether others go on while one has ended: then they are kept busy."""
        ...

    def ready(self, timeout_s: float) -> bool:
        """Tell, within so long, whether `ended` will not have to wait."""
        ...

    def begin(self, received: ReceivedInstance, policy: Policy) -> None:
        """Have a file cleaned; only while somebody is free."""
        ...

    def ended(self) -> tuple[str, Answer]:
        """
        Wait for the file that ends next; give its id, and the answer as `making` has it.

        Where the answer has `gone`, whoever made it is gone, and may have left temporaries.
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
