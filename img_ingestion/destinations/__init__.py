"""Where parcels can go. A new destination is one new file and one of `NAMES`."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from img_ingestion.protocols import Destination

    # Each opener takes the section of the settings that has its name.
    Opener = Callable[[Any], AbstractContextManager[Destination]]

NAMES = ("backend", "stow", "store", "folder", "objects")
"""Each of a module here, which has `destination`, and of a section of the settings."""


def _opener(name: str) -> Opener:
    """Give what opens a destination, and imports it only then: most customers have one."""

    def opened(section: Any) -> AbstractContextManager[Destination]:  # noqa: ANN401 (as above)
        opener: Opener = import_module(f"{__name__}.{name}").destination
        return opener(section)

    return opened


DESTINATIONS: Mapping[str, Opener] = MappingProxyType({name: _opener(name) for name in NAMES})
