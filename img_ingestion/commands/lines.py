"""Both lines of a pass: one after the other, or, where several clean, at the same time."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from img_ingestion.commands.send import delivered, told_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from img_ingestion.commands.told import Told
    from img_ingestion.ledger import Ledger
    from img_ingestion.settings import Settings
    from img_ingestion.tally import Tally
    from img_ingestion.transfer import Delivered, Sending

    Asked = Callable[[], bool]
    """Tells whether the pass is to end; asked between things that belong together."""

ENOUGH = 32
"""Files that were cleaned, for them to be sent meanwhile: about as many as travel together."""


def until(telling: Iterator[Told], asked: Asked) -> Iterator[Told]:
    """Tell until the end is asked for."""
    for told in telling:
        yield told
        if not told.more and asked():
            return


def in_turn(
    first: Iterator[Told], settings: Settings, ledger: Ledger, tally: Tally, asked: Asked
) -> Iterator[Told]:
    """Clean all of it, and then send."""
    return until(chain(first, delivered(settings, ledger, tally)), asked)


def beside(
    first: Iterator[Told], settings: Settings, ledger: Ledger, tally: Tally, asked: Asked
) -> Iterator[Told]:
    """
    Clean, and send what is ready while others are cleaned.

    This process alone writes to the ledger. Another one carries parcels, one at a time, and is
    asked for its answer whenever the first line pauses. Where the end is asked for, the parcel
    that is away is waited for, and told.
    """
    ready = 0
    for told in first:
        yield told
        ready += _is_ready(told)
        if not told.more and (ready >= ENOUGH or asked()):
            break
    if asked():
        return
    if ready < ENOUGH:
        yield from in_turn(first, settings, ledger, tally, asked)
        return
    from img_ingestion.carriage import Courier
    from img_ingestion.destinations import DESTINATIONS
    from img_ingestion.transfer import Sending

    with Courier(settings, DESTINATIONS) as courier:
        sending = Sending(ledger, settings, courier)
        going = yield from _meanwhile(first, sending, tally, asked)
        for one in chain(going if courier.away else (), () if asked() else sending.round()):
            if one is None:
                courier.back()
                continue
            yield told_of(one, ledger, tally)
            if asked():
                return


def _meanwhile(
    first: Iterator[Told], sending: Sending, tally: Tally, asked: Asked
) -> Generator[Told, None, Iterator[Delivered | None]]:
    """Clean what is left, round after round of sending beside it; give what is still going."""
    going, ready = sending.round(), 0
    for told in first:
        yield told
        ready += _is_ready(told)
        if told.more:
            continue
        if asked():
            break
        for one in going:
            if one is None:
                break
            yield told_of(one, sending.ledger, tally)
        else:
            if ready >= ENOUGH:
                going, ready = sending.round(), 0
    return going


def _is_ready(told: Told) -> bool:
    """Tell whether it is of a file that can be sent."""
    one = (told.values or {}).get("file")
    return isinstance(one, dict) and one["outcome"] == "waiting"
