"""What travels together: instances of one series, up to the limits of a destination."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from hashlib import sha256
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, Self

from img_ingestion.claims import holding
from img_ingestion.durable import storing
from img_ingestion.instance import CARRY_PICTURES, Parcel
from img_ingestion.shelves import stem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from img_ingestion.home import Home
    from img_ingestion.ledger import Ledger, Outgoing
    from img_ingestion.settings import Place

    Batch = tuple[Outgoing, ...]
    Weight = Callable[[Outgoing], int]


class Measure(NamedTuple):
    """How much travels together."""

    images: int
    size: int
    """Bytes."""
    weight: Weight

    @classmethod
    def of(cls, place: Place, weight: Weight, ceiling: int | None) -> Self:
        """Take the limits of a place, and the size that it has taught us."""
        size = place.max_bytes if ceiling is None else min(place.max_bytes, ceiling)
        return cls(place.max_images, size, weight)

    def within(self, pieces: Iterable[Batch]) -> Self:
        """Measure by the largest of these from now on."""
        return self._replace(size=max(sum(map(self.weight, piece)) for piece in pieces))


def ours(
    ledger: Ledger, customer: str, name: str, enough: int
) -> Iterator[tuple[str, list[Outgoing]]]:
    """
    Give what is due: whole series, of small ones several until it is enough for a parcel.

    Where runs share the ledger, each series comes alone, and while it is ours.
    """
    due: list[Outgoing] = []
    for series in ledger.due_series(time.time(), customer, name):
        claim = _claim(customer, series) if ledger.claims.shared else ""
        with holding(ledger.claims, claim) as mine:
            # Another run may have sent some of it since.
            due += ledger.waiting(time.time(), customer, name, series) if mine else ()
            if due and (claim or len(due) >= enough):
                yield claim, due
                due = []
    if due:
        yield "", due


def _claim(customer: str, series: tuple[str, str]) -> str:
    """Name what is in one pair of hands: a series of a customer."""
    words = json.dumps([customer, *map(json.loads, series)], sort_keys=True)
    return sha256(words.encode()).hexdigest()


def filled(due: Iterable[Outgoing], measure: Measure) -> Iterator[Batch]:
    """
    Give what is due in batches, in order.

    What was one parcel before stays one, whatever else of its series became due meanwhile: its
    answer may have been lost. The rest is put together up to the measure.
    """
    groups: dict[tuple[str, str], list[Outgoing]] = {}
    for one in due:
        described = json.dumps([one.customer, one.study, one.series], sort_keys=True)
        groups.setdefault((described, one.parcel), []).append(one)
    for (_, parcel), instances in groups.items():
        if parcel:
            yield tuple(instances)
        else:
            yield from _measured(instances, measure)


def by_series(instances: Iterable[Outgoing]) -> Iterator[Batch]:
    """Give instances series by series, whatever the limits: nothing of it is sent."""
    for _, series in groupby(instances, lambda one: (one.study, one.series)):
        yield tuple(series)


def again(due: Iterable[Batch], measure: Measure) -> Iterator[Batch]:
    """Give batches that were filled before by a smaller measure."""
    for batch in due:
        yield from [batch] if batch[0].parcel else _measured(batch, measure)


def _measured(instances: Iterable[Outgoing], measure: Measure) -> Iterator[Batch]:
    """Fill batches up to the measure; what is above it by itself travels alone."""
    batch: Batch = ()
    images = size = 0
    for one in instances:
        more_images, more_size = len(one.images) or 1, measure.weight(one)
        images, size = images + more_images, size + more_size
        if batch and (images > measure.images or size > measure.size):
            yield batch
            batch, images, size = (), more_images, more_size
        batch = (*batch, one)
    if batch:
        yield batch


def singles(batch: Batch) -> tuple[Batch, ...]:
    """Take a batch apart into its instances, each a parcel of its own."""
    return tuple((each._replace(parcel=""),) for each in batch)


def halves(batch: Batch) -> tuple[Batch, ...]:
    """Cut a batch of several instances in two."""
    middle, fresh = len(batch) // 2, tuple(each._replace(parcel="") for each in batch)
    return fresh[:middle], fresh[middle:]


def parcel(home: Home, batch: Batch) -> Parcel:
    """
    Make the parcel of a batch.

    The key is the one that it had when it was tried before. A new one is made of the work in it,
    so that the same instances have the same key even where the ledger was lost.
    """
    works = sorted(one.work for one in batch)
    fresh = sha256("\n".join(works).encode()).hexdigest()
    return Parcel(
        customer=batch[0].customer,
        ids=tuple(one.id for one in batch),
        key=batch[0].parcel or fresh,
        study=batch[0].study,
        series=batch[0].series,
        images=tuple(image for one in batch for image in one.images),
        instances=tuple(_instance(home, one) for one in batch),
    )


def weight(home: Home, destination: str) -> Weight:
    """Give the measure of an instance: bytes of what a destination is sent of it."""

    def of_pictures(one: Outgoing) -> int:
        return _size(image.data for image in one.images)

    def of_instance(one: Outgoing) -> int:
        return _size([_instance(home, one)])

    return of_pictures if destination in CARRY_PICTURES else of_instance


def _size(files: Iterable[Path]) -> int:
    """Add up files; one that is gone is found out on delivery."""
    size = 0
    with storing("reading a file's size"):
        for file in files:
            with suppress(FileNotFoundError):
                size += file.stat().st_size
    return size


def _instance(home: Home, one: Outgoing) -> Path:
    return home.cleaned / one.customer / f"{stem(one.name)}.dcm"
