"""Deliver nothing: for a first run on real data, with the network unplugged."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from img_ingestion.errors import DestinationBusy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from img_ingestion.instance import Parcel, Receipt
    from img_ingestion.protocols import Destination
    from img_ingestion.settings import Backend


@contextmanager
def destination(_settings: Backend) -> Iterator[Destination]:
    """Keep every parcel waiting."""
    yield _Nowhere()


class _Nowhere:
    """Where no parcel goes."""

    def deliver(self, parcel: Parcel) -> Receipt:  # noqa: ARG002 (the protocol's parameter)
        """Raise DestinationBusy."""
        raise DestinationBusy("nothing is sent to nowhere")
