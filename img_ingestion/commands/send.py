"""Send what is cleaned and waiting: the whole of `filetransfer.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from img_ingestion import console, turns
from img_ingestion.commands import place
from img_ingestion.commands.told import DONE, HELD, STORAGE, UNAVAILABLE, Told
from img_ingestion.ending import ending
from img_ingestion.review.audit import Trail
from img_ingestion.settings_file import load
from img_ingestion.tally import STATES, Tally, stranded

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

    from img_ingestion.commands.told import Telling
    from img_ingestion.ledger import Ledger
    from img_ingestion.settings import Settings
    from img_ingestion.transfer import Delivered

NAME = "send"
HELP = "send what waits; take no file"
DESCRIPTION = "Send what is cleaned and waiting to the backend. No customer's file is opened."
REPORTS = True


def arguments(parser: ArgumentParser) -> None:
    """Say what can be asked: nothing of its own."""
    del parser


def run(chosen: Namespace) -> Telling:
    """Send what waits; no customer's file is opened."""
    home, tally = place.home(chosen), Tally()
    settings = load(home.root, chosen.config)
    with ending() as end, turns.ledger(home, settings.ledger, together=True) as ledger:
        for told in delivered(settings, ledger, tally):
            yield told
            if end.asked():
                break
        status = yield from concluded(settings, ledger, tally)
        return end.status if end.signal else status


def delivered(settings: Settings, ledger: Ledger, tally: Tally) -> Iterator[Told]:
    """Walk line two and tell of each parcel; pause after each."""
    if not ledger.pending():
        return
    from img_ingestion.transfer import transfer

    for one in transfer(ledger, settings):
        yield told_of(one, ledger, tally)


def told_of(one: Delivered, ledger: Ledger, tally: Tally) -> Told:
    """Count, record and tell what became of a parcel."""
    for each, (state, code) in ledger.outcomes(one.ids).items():
        tally.note([each], state, console.refusal(code))
    Trail(ledger.home.state).add("parcel", one._asdict(), synced=False)
    return Told((console.of_parcel(one),), {"parcel": one._asdict()})


def summary(tally: Tally, ledger: Ledger) -> Told:
    """Say how a pass ended, in one line that adds up."""
    waiting = ledger.pending()
    counts = {state: tally.count(state) for state in STATES} | {"waiting": waiting}
    return Told((tally.summary(waiting),), {"summary": counts})


def concluded(settings: Settings, ledger: Ledger, tally: Tally) -> Telling:
    """Say how a pass ended, and make its exit status."""
    waiting, nowhere = ledger.pending(), stranded(settings, ledger)
    if tally.states:
        Trail(ledger.home.state).add("pass", {state: tally.count(state) for state in STATES})
    if nowhere or not any(one.destinations for one in (settings, *settings.customers.values())):
        yield Told((console.no_backend(nowhere),))
    yield summary(tally, ledger)
    if tally.stuck:
        return STORAGE
    if tally.count("held"):
        return HELD
    return UNAVAILABLE if waiting > nowhere else DONE
