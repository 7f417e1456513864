"""
How a parcel comes to its destination: by this process, or by one beside it while cleaning goes on.

The ledger stays with who asks. What has to be noted before an attempt is noted before the parcel
is handed over, and what came of it when the answer is taken. Who carries has one parcel at a time,
and decides nothing.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from select import select
from typing import TYPE_CHECKING, Any, Protocol, Self

from img_ingestion.apart import Apart
from img_ingestion.errors import (
    DestinationBusy,
    DestinationRefused,
    DestinationShut,
    GatewayError,
    InstanceError,
    ParcelTooLarge,
    SettingsError,
    StorageError,
)
from img_ingestion.instance import Parcel, ParcelImage, Receipt

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from img_ingestion.destinations import Opener
    from img_ingestion.protocols import Destination
    from img_ingestion.settings import Place, Settings

KINDS: Mapping[str, type[GatewayError]] = {
    kind.__name__: kind
    for kind in (
        SettingsError,
        StorageError,
        DestinationBusy,
        DestinationRefused,
        DestinationShut,
        ParcelTooLarge,
        *InstanceError.__subclasses__(),
    )
}
"""What can be wrong, by the name it has in an answer."""


class Carriage(Protocol):
    """What brings parcels to the destinations of a pass."""

    def carried(self, name: str, parcel: Parcel) -> Generator[None, None, Receipt]:
        """Bring a parcel to its customer's destination of this name; pause while it is away."""
        ...


@dataclass(frozen=True, slots=True)
class Here:
    """Carries them itself; a context manager that lets go of the destinations."""

    settings: Settings
    table: Mapping[str, Opener]
    opened: dict[tuple[str, Place], Destination] = field(default_factory=dict)
    until_the_end: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.until_the_end.close()

    def carried(self, name: str, parcel: Parcel) -> Generator[None, None, Receipt]:
        """Bring a parcel there, without a pause."""
        yield from ()
        return self.deliver(name, parcel)

    def deliver(self, name: str, parcel: Parcel) -> Receipt:
        """Bring a parcel there; a destination is opened once, whoever shares it."""
        place = self.settings.of(parcel.customer).destinations[name]
        if (name, place) not in self.opened:
            opening = self.table[name](place)
            self.opened[name, place] = self.until_the_end.enter_context(opening)
        return self.opened[name, place].deliver(parcel)


class Courier:
    """
    A process beside this one, forked when it is first needed; a context manager that ends it.

    Parameters
    ----------
    settings, table : Settings, mapping
        The destinations of each customer, and how each is opened.

    """

    def __init__(self, settings: Settings, table: Mapping[str, Opener]) -> None:
        self._apart = Apart(_Carrying(Here(settings, table)).work)
        self.away = False
        """Whether it has a parcel, or an answer that nobody took."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._apart.alive and not self.away:
            # Who is asked to leave takes leave of the destinations.
            self._apart.begin({}, b"")
            with suppress(InstanceError):
                self._apart.answer()
        self._apart.__exit__(*error)

    def carried(self, name: str, parcel: Parcel) -> Generator[None, None, Receipt]:
        """
        Have a parcel brought there; pause while it is away.

        Raises
        ------
        DestinationBusy
            As any destination; and where the process is gone, and the answer with it.

        """
        self._apart.begin({"name": name, "parcel": _words(parcel)}, b"")
        self.away = True
        while not self.back(0):
            yield
        try:
            answer = self._apart.answer()
        except InstanceError as error:
            raise DestinationBusy("the process that carries parcels is gone") from error
        finally:
            self.away = False
        if "error" in answer:
            raise KINDS[answer["error"]](answer["reason"], **answer["more"])
        return Receipt(**answer)

    def back(self, timeout_s: float = inf) -> bool:
        """Tell, within so long, whether nothing is away any more, or its answer has come."""
        if not (self.away and self._apart.alive):
            return True
        return bool(select([self._apart], [], [], None if timeout_s == inf else timeout_s)[0])


@dataclass(frozen=True, slots=True)
class _Carrying:
    """What is done in the process beside."""

    here: Here

    def work(self, request: Mapping[str, Any], _: bytes) -> Mapping[str, Any]:
        """Bring one parcel there, or take leave; say what came of it."""
        if "parcel" not in request:
            self.here.__exit__()
            return {}
        try:
            receipt = self.here.deliver(request["name"], _parcel(request["parcel"]))
        except GatewayError as error:
            return {"error": type(error).__name__, "reason": str(error), "more": vars(error)}
        return {"status": receipt.status, "digest": receipt.digest}


def _words(parcel: Parcel) -> dict[str, Any]:
    """Give a parcel as JSON knows it."""
    return {
        "customer": parcel.customer,
        "ids": parcel.ids,
        "key": parcel.key,
        "study": parcel.study,
        "series": parcel.series,
        "images": [(image.fields, str(image.data)) for image in parcel.images],
        "instances": [str(path) for path in parcel.instances],
    }


def _parcel(words: Mapping[str, Any]) -> Parcel:
    """Take a parcel from what `_words` gave."""
    images = tuple(ParcelImage(fields, Path(data)) for fields, data in words["images"])
    instances = tuple(map(Path, words["instances"]))
    several = {"ids": tuple(words["ids"]), "images": images, "instances": instances}
    return Parcel(**{**words, **several})
