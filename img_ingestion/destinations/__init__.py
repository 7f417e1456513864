"""Where parcels can go. A new destination is one new file and one line of `DESTINATIONS`."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from img_ingestion.destinations import backend, nowhere

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from img_ingestion.protocols import Destination
    from img_ingestion.settings import Backend

    Opener = Callable[[Backend], AbstractContextManager[Destination]]

DESTINATIONS: Mapping[str, Opener] = MappingProxyType(
    {
        "backend": backend.destination,
        "nowhere": nowhere.destination,
    }
)


def chosen(settings: Backend) -> str:
    """Name the destination that the settings ask for."""
    return "backend" if settings.url else "nowhere"
