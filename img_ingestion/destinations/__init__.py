"""Where parcels can go. A new destination is one new file and one line of `DESTINATIONS`."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from img_ingestion.destinations import backend, folder, objects, store, stow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from img_ingestion.protocols import Destination

    # Each opener takes the section of the settings that has its name.
    Opener = Callable[[Any], AbstractContextManager[Destination]]

DESTINATIONS: Mapping[str, Opener] = MappingProxyType(
    {
        "backend": backend.destination,
        "stow": stow.destination,
        "store": store.destination,
        "folder": folder.destination,
        "objects": objects.destination,
    }
)
