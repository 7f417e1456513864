"""Line two: what waits in the ledger goes to its destination, series by series."""

from __future__ import annotations

import json
import time
from collections import Counter, deque
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from img_ingestion.destinations import DESTINATIONS, chosen
from img_ingestion.durable import storing
from img_ingestion.errors import DestinationBusy, DestinationRefused, InstanceError
from img_ingestion.instance import Parcel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from img_ingestion.destinations import Opener
    from img_ingestion.ledger import Ledger, Outgoing
    from img_ingestion.protocols import Destination
    from img_ingestion.settings import Backend, Settings

GIVE_UP = 3
"""Failures without a success between them that make a pass leave a destination alone."""
FIRST_WAIT_S = 30.0
LONGEST_WAIT_S = 3600.0

Outcome = Literal["sent", "waiting", "held"]
Batch = tuple["Outgoing", ...]


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of one parcel."""

    customer: str
    series_uid: str
    """Pseudonymous."""
    ids: tuple[str, ...]
    """Ledger ids of the instances."""
    images: int
    outcome: Outcome
    status: str
    """For the console: `200 ok`, or why not."""
    code: str = ""
    """Of the error; empty when sent."""


def transfer(
    ledger: Ledger, settings: Settings, destinations: Mapping[str, Opener] = DESTINATIONS
) -> Iterator[Delivered]:
    """
    Make one pass over what is due; give the outcome of each parcel once the ledger has it.

    A refused parcel of several instances is tried again one by one, so that a poisoned one
    does not hold its brothers. What is not attempted (no destination chosen, or one that was
    given up) stays due and is not given.

    Raises
    ------
    StorageError
        The ledger or an image's data cannot be read or written.

    """
    batches = deque(_batches(ledger.waiting(time.time()), settings))
    failures: Counter[Backend] = Counter()
    opened: dict[Backend, Destination] = {}
    with ExitStack() as until_the_end:
        while batches:
            batch = batches.popleft()
            backend = settings.of(batch[0].customer).backend
            if chosen(backend) == "nowhere" or failures[backend] == GIVE_UP:
                continue
            if backend not in opened:
                opening = destinations[chosen(backend)](backend)
                opened[backend] = until_the_end.enter_context(opening)
            delivered = _attempt(ledger, opened[backend], batch)
            if delivered is None:
                batches.extendleft((each,) for each in reversed(batch))
                continue
            if delivered.outcome == "waiting":
                failures[backend] += 1
            elif delivered.outcome == "sent":
                failures[backend] = 0
            yield delivered


def _batches(due: Iterable[Outgoing], settings: Settings) -> Iterator[Batch]:
    """
    Put instances of one series together, in their order, up to the settings' limits.

    Those that were tried equally often stay together: a batch whose answer was lost keeps its
    key, although more of the series has come since.
    """
    series: dict[tuple[str, str, int], list[Outgoing]] = {}
    for one in due:
        described = json.dumps([one.study, one.series], sort_keys=True)
        series.setdefault((one.customer, described, one.attempts), []).append(one)
    for (customer, _, _), instances in series.items():
        yield from _filled(instances, settings.of(customer).backend)


def _filled(instances: Iterable[Outgoing], backend: Backend) -> Iterator[Batch]:
    """Fill batches up to the limits; what is above them by itself travels alone."""
    batch: Batch = ()
    images = size = 0
    for one in instances:
        more_images, more_size = len(one.images), _size(one)
        images, size = images + more_images, size + more_size
        if batch and (images > backend.max_images or size > backend.max_bytes):
            yield batch
            batch, images, size = (), more_images, more_size
        batch = (*batch, one)
    if batch:
        yield batch


def _size(one: Outgoing) -> int:
    """Give the bytes of an instance's data; a file that is gone is found out on delivery."""
    size = 0
    with storing("reading an image's size"):
        for image in one.images:
            with suppress(FileNotFoundError):
                size += image.data.stat().st_size
    return size


def _parcel(batch: Batch) -> Parcel:
    ids = tuple(one.id for one in batch)
    return Parcel(
        customer=batch[0].customer,
        ids=ids,
        key=sha256("\n".join(sorted(ids)).encode()).hexdigest(),
        study=batch[0].study,
        series=batch[0].series,
        images=tuple(image for one in batch for image in one.images),
    )


def _attempt(ledger: Ledger, destination: Destination, batch: Batch) -> Delivered | None:
    """Deliver a batch and enter what became of it; None when each is worth trying alone."""
    parcel = _parcel(batch)
    try:
        receipt = destination.deliver(parcel)
    except DestinationBusy as error:
        wait_s = _wait_s(parcel.key, batch[0].attempts, error.retry_after_s or 0.0)
        ledger.postponed(parcel.ids, time.time() + wait_s, str(error))
        return _delivered(parcel, "waiting", str(error), type(error).__name__)
    except (DestinationRefused, InstanceError) as error:
        perhaps_taken = isinstance(error, DestinationRefused) and error.perhaps_taken
        if len(batch) > 1 and not perhaps_taken:
            return None
        ledger.refused(parcel.ids, type(error).__name__, str(error))
        return _delivered(parcel, "held", str(error), type(error).__name__)
    ledger.sent(parcel.ids, receipt.status, receipt.digest)
    return _delivered(parcel, "sent", receipt.status)


def _wait_s(key: str, attempts: int, asked_s: float) -> float:
    """
    Give the seconds until the next attempt: twice as long each time, an hour at the most.

    The key spreads what failed together over the second half of the time.
    """
    longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(attempts, 16))
    spread = int(key[:8], 16) / 0xFFFFFFFF
    return min(LONGEST_WAIT_S, max(asked_s, longest * (1 + spread) / 2))


def _delivered(parcel: Parcel, outcome: Outcome, status: str, code: str = "") -> Delivered:
    series_uid = str(parcel.series["seriesInstanceUid"])
    return Delivered(
        parcel.customer, series_uid, parcel.ids, len(parcel.images), outcome, status, code
    )
