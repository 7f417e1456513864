"""Originals that leave `archive/` go to an object store first, where the settings name one."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from img_ingestion import durable, sealing

if TYPE_CHECKING:
    from pathlib import Path

    from img_ingestion.bucket import Bucket
    from img_ingestion.home import Home
    from img_ingestion.object_store import ArchiveStore
    from img_ingestion.settings import Settings

KIND = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Storeroom:
    """The stores of a home's customers, each opened when it is first needed."""

    home: Home
    settings: Settings
    opened: dict[ArchiveStore, Bucket] = field(default_factory=dict)
    until_the_end: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.until_the_end.close()

    def refuses(self, customer: str, path: Path) -> bool:
        """Tell whether a file cannot go where it should: a plain original, by whose name even."""
        return self._is_for(customer, path) and not sealing.is_sealed(path)

    def take(self, customer: str, path: Path) -> None:
        """
        Put an original where the settings say, under the name that it has in `archive/`.

        Raises
        ------
        StorageError
            It cannot be read, or the store cannot be reached or refuses it.

        """
        if not self._is_for(customer, path):
            return
        place = self.settings.of(customer).archive_store
        if place not in self.opened:
            from img_ingestion import bucket  # noqa: PLC0415 (optional: requirements-s3.txt)

            self.opened[place] = bucket.opened(place)
            self.until_the_end.callback(self.opened[place].close)
        name = path.relative_to(self.home.archive).as_posix()
        with durable.storing("reading an original"), path.open("rb") as content:
            self.opened[place].put(f"{place.prefix}{name}", content, KIND)

    def _is_for(self, customer: str, path: Path) -> bool:
        asked = bool(self.settings.of(customer).archive_store.url)
        return asked and path.is_relative_to(self.home.archive)
