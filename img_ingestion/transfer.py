"""Line two: what waits in the ledger goes to its destinations, series by series."""

from __future__ import annotations

import time
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from img_ingestion import batches
from img_ingestion.carriage import Here
from img_ingestion.claims import holding
from img_ingestion.destinations import DESTINATIONS
from img_ingestion.errors import (
    DestinationBusy,
    DestinationRefused,
    DestinationShut,
    InstanceError,
    NoPicture,
    ParcelTooLarge,
    TakenOver,
)
from img_ingestion.instance import CARRY_PICTURES
from img_ingestion.ledger.ceiling import Ceiling
from img_ingestion.patience import wait_s

if TYPE_CHECKING:
    from collections.abc import Container, Generator, Iterable, Iterator, Mapping

    from img_ingestion.batches import Batch, Measure
    from img_ingestion.carriage import Carriage
    from img_ingestion.destinations import Opener
    from img_ingestion.instance import Parcel
    from img_ingestion.ledger import Deliveries, Ledger, Outgoing
    from img_ingestion.settings import Place, Settings

GIVE_UP = 3
"""Failures without a success between them that make a pass leave a destination alone."""
SHUT, TOO_LARGE = DestinationShut.__name__, ParcelTooLarge.__name__

Outcome = Literal["sent", "waiting", "held"]


class Delivered(NamedTuple):
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
    destination: str = "backend"


class _Split(NamedTuple):
    """A parcel that was refused in one piece, and the pieces that are worth trying."""

    pieces: tuple[Batch, ...]
    code: str
    outcome: Literal["split"] = "split"


class _Line(NamedTuple):
    """From one customer's outbox to one of its destinations."""

    ledger: Ledger
    deliveries: Deliveries
    carriage: Carriage
    measure: Measure
    ceiling: Ceiling


@dataclass(frozen=True, slots=True)
class Sending:
    """
    Line two of a pass, in one round or several.

    Whoever does not answer is given up for all of them.
    """

    ledger: Ledger
    settings: Settings
    carriage: Carriage
    failures: Counter[tuple[str, Place]] = field(default_factory=Counter)
    settled: set[tuple[str, str]] = field(default_factory=set)
    """Customers and destinations: what was settled before the pass, or by it."""

    def round(self) -> Iterator[Delivered | None]:
        """
        Go over what is due now; give the outcome of each parcel once the ledger has it.

        None stands for a pause: a parcel is away, and its answer is not there yet.
        """
        for customer in self.ledger.customers():
            places = self.settings.of(customer).destinations
            for name, place in places.items():
                deliveries = self.ledger.deliveries(customer, name, places)
                self._settle(deliveries)
                for claim, due in batches.ours(self.ledger, customer, name, place.max_images):
                    claimed = replace(deliveries, claim=claim)
                    # What another run has taken over is told by that one.
                    with suppress(TakenOver):
                        yield from _delivering(self, claimed, due, place)
                    if self.failures[name, place] >= GIVE_UP:
                        break

    def _settle(self, deliveries: Deliveries) -> None:
        """Settle, once a pass, what waited for destinations that are the customer's no more."""
        customer, name = deliveries.customer, deliveries.destination
        if (customer, name) not in self.settled:
            self.settled.add((customer, name))
            with holding(self.ledger.claims, f"settle {customer}") as ours:
                if ours:
                    deliveries.settle()


def transfer(
    ledger: Ledger, settings: Settings, destinations: Mapping[str, Opener] = DESTINATIONS
) -> Iterator[Delivered]:
    """
    Make one pass over what is due; give the outcome of each parcel once the ledger has it.

    A parcel is in the ledger, key and members, before its first attempt: a pass that dies with
    the answer in hand sends the same again. A refused parcel of several instances is tried again
    one by one, so that a poisoned one does not hold its brothers. What is not attempted (no
    destination chosen, or one that was given up) stays due and is not given.

    An instance without pixel data is held at once for a destination that takes images only.

    Raises
    ------
    StorageError
        The ledger or an image's data cannot be read or written.

    """
    with Here(settings, destinations) as here:
        yield from filter(None, Sending(ledger, settings, here).round())


def _delivering(
    sending: Sending, deliveries: Deliveries, due: list[Outgoing], place: Place
) -> Iterator[Delivered | None]:
    """Deliver what is due of a customer at one of its destinations."""
    customer, name, ledger = deliveries.customer, deliveries.destination, sending.ledger
    if name in CARRY_PICTURES:
        yield from _spared(deliveries, (one for one in due if not one.images))
        due = [one for one in due if one.images]
    ceiling = Ceiling(ledger.connection, customer, name)
    weight = batches.weight(ledger.home, name)
    measure = batches.Measure.of(place, weight, ceiling.known())
    filled = deque(batches.filled(due, measure))
    if filled and sending.failures[name, place] < GIVE_UP:
        line = _Line(ledger, deliveries, sending.carriage, measure, ceiling)
        yield from _sent_along(line, filled, sending.failures, (name, place))


def _spared(deliveries: Deliveries, unpictured: Iterable[Outgoing]) -> Iterator[Delivered]:
    """Hold, without asking for it, what a destination that takes images only takes nothing of."""
    for batch in batches.by_series(unpictured):
        ids, code, name = tuple(one.id for one in batch), NoPicture.__name__, deliveries.destination
        why = f"no pixel data: the {name} takes images only"
        deliveries.spared(ids, code, why)
        series = str(batch[0].series["seriesInstanceUid"])
        yield Delivered(deliveries.customer, series, ids, 0, "held", why, code, name)


def _sent_along(
    line: _Line,
    due: deque[Batch],
    failures: Counter[tuple[str, Place]],
    place: tuple[str, Place],
) -> Iterator[Delivered | None]:
    """Deliver batch after batch, until one fails that says that all of them would."""
    in_a_row, noted = line.deliveries.in_a_row(SHUT, GIVE_UP), set[str]()
    while due and failures[place] < GIVE_UP:
        outcome = yield from _attempt(line, due.popleft(), in_a_row, noted)
        in_a_row = in_a_row + 1 if outcome.code == SHUT else 0
        if isinstance(outcome, _Split):
            if outcome.code == TOO_LARGE:
                due = _lighter(line, outcome.pieces, due)
            due.extendleft(reversed(outcome.pieces))
            continue
        if outcome.outcome == "waiting":
            failures[place] = GIVE_UP if outcome.code == SHUT else failures[place] + 1
        elif outcome.outcome == "sent":
            failures[place] = 0
        yield outcome
        if outcome.outcome == "sent" and not noted:
            noted = _noted(line, due)


def _noted(line: _Line, due: Iterable[Batch]) -> set[str]:
    """Note at once so many small parcels as one could have been, and give their keys."""
    parcels, instances = dict[str, tuple[str, ...]](), 0
    for batch in (each for each in due if not each[0].parcel):
        instances += len(batch)
        if instances > line.measure.images:
            break
        parcel = batches.parcel(line.ledger.home, batch)
        parcels[parcel.key] = parcel.ids
    if parcels:
        line.deliveries.bundled(parcels)
    return set(parcels)


def _lighter(line: _Line, pieces: Iterable[Batch], due: Iterable[Batch]) -> deque[Batch]:
    """Learn the size of the pieces, and cut down to it what else is due."""
    measure = line.measure.within(pieces)
    line.ceiling.learn(measure.size)
    return deque(batches.again(due, measure))


def _attempt(
    line: _Line, batch: Batch, in_a_row: int, noted: Container[str]
) -> Generator[None, None, Delivered | _Split]:
    """Deliver a batch and enter what became of it; pause while it is away."""
    parcel = batches.parcel(line.ledger.home, batch)
    if not (batch[0].parcel or parcel.key in noted):
        line.deliveries.bundled({parcel.key: parcel.ids})
    try:
        receipt = yield from line.carriage.carried(line.deliveries.destination, parcel)
    except DestinationBusy as error:
        pause_s = wait_s(parcel.key, batch[0].attempts, error.retry_after_s or 0.0)
        code = type(error).__name__
        line.deliveries.postponed(parcel.ids, time.time() + pause_s, code, str(error))
        return _delivered(line, parcel, "waiting", (str(error), code))
    except (DestinationRefused, InstanceError) as error:
        return _refused(line, batch, parcel, error, in_a_row)
    line.deliveries.sent(parcel.ids, receipt)
    return _delivered(line, parcel, "sent", (receipt.status, ""))


def _refused(
    line: _Line, batch: Batch, parcel: Parcel, error: DestinationRefused | InstanceError, row: int
) -> Delivered | _Split:
    """Enter a refusal: of the whole batch, of its pieces, or of everything that we would send."""
    code = type(error).__name__
    if isinstance(error, DestinationShut) and row + 1 >= GIVE_UP:
        return _left_alone(line, batch, parcel, error)
    perhaps_taken = isinstance(error, DestinationRefused) and error.perhaps_taken
    # The answer to an earlier attempt may be lost, and who refuses us does not look at the key.
    perhaps_taken = perhaps_taken or (code == SHUT and bool(batch[0].parcel))
    if len(batch) > 1 and not perhaps_taken:
        halve = isinstance(error, ParcelTooLarge)
        return _Split(batches.halves(batch) if halve else batches.singles(batch), code)
    line.deliveries.refused(parcel.ids, code, str(error))
    return _delivered(line, parcel, "held", (str(error), code))


def _left_alone(line: _Line, batch: Batch, parcel: Parcel, error: DestinationShut) -> Delivered:
    """Keep waiting what was refused in a row: a wrong token or URL is no fault of the images."""
    next_attempt_at = time.time() + wait_s(parcel.key, batch[0].attempts, 0.0)
    line.deliveries.postponed(parcel.ids, next_attempt_at, SHUT, str(error))
    others = line.deliveries.reopened(SHUT, next_attempt_at)
    said = f"{error}: {GIVE_UP} refusals in a row, look at url and credentials; all stays waiting"
    delivered = _delivered(line, parcel, "waiting", (said, SHUT))
    return delivered._replace(ids=(*parcel.ids, *others))


def _delivered(line: _Line, parcel: Parcel, outcome: Outcome, said: tuple[str, str]) -> Delivered:
    series_uid = str(parcel.series["seriesInstanceUid"])
    status, code = said
    return Delivered(
        parcel.customer,
        series_uid,
        parcel.ids,
        len(parcel.images),
        outcome,
        status,
        code,
        line.deliveries.destination,
    )
