"""Say where the gateway stands; it looks and changes nothing, also while a pass is at work."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from img_ingestion import turns
from img_ingestion.commands import place
from img_ingestion.commands.told import DONE, Told
from img_ingestion.review.overview import overview

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

    from img_ingestion.commands.told import Telling
    from img_ingestion.review.overview import Overview

NAME = "status"
HELP = "say what waits, what is held, what was sent, and how much room there is"
DESCRIPTION = "Say where the gateway stands. Nothing is changed; a pass may be at work."
REPORTS = True


def arguments(parser: ArgumentParser) -> None:
    """Say what can be asked: nothing of its own."""
    del parser


def run(chosen: Namespace) -> Telling:
    """Count what the ledger holds."""
    home = place.home(chosen)
    with turns.ledger(home, place.settings(chosen).ledger, rehearsing=True) as ledger:
        found = overview(home, ledger)
    yield Told(tuple(_lines(found)), asdict(found))
    return DONE


def _lines(found: Overview) -> Iterator[str]:
    for state in ("waiting", "held", "sent", "duplicate"):
        yield f"{state:<16}{found.states.get(state, 0)}"
    yield f"{'oldest waiting':<16}{_ago(found.oldest_waiting)}"
    yield f"{'last sent':<16}{_ago(found.last_success)}"
    for each in found.delays:
        yield f"waiting         {each.files} for {each.destination}: {each.reason}"
        yield f"{'next attempt':<16}{_in(each.next_attempt_at)}"
    for code, count in found.held.items():
        yield f"held            {count} {code}"
    for customer, states in found.customers.items():
        counts = ", ".join(f"{count} {state}" for state, count in states.items())
        yield f"customer        {customer}: {counts}"
    for folder, free in found.free.items():
        yield f"free            {free / 1e9:.1f} GB for {folder}/"


def _in(moment: float) -> str:
    left = moment - time.time()
    when = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(moment))
    return f"{when} (in {left:.0f} s)" if left > 0 else "the next pass"


def _ago(moment: float | None) -> str:
    if moment is None:
        return "never"
    when = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(moment))
    return f"{when} ({max(0, int(time.time() - moment))} s ago)"
