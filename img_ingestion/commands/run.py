"""One pass, or pass after pass: line one, line two, and one line that adds up."""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import chain
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from img_ingestion import console, recipe_seen, sources, turns
from img_ingestion.commands import aftermath, lines, place, selection, workers
from img_ingestion.commands.send import concluded, summary
from img_ingestion.commands.told import (
    DONE,
    HELD,
    STATUSES,
    STORAGE,
    UNFORESEEN,
    Told,
    complaint,
)
from img_ingestion.ending import ending
from img_ingestion.errors import GatewayError, StorageError
from img_ingestion.ledger import Ledger
from img_ingestion.outcome import PAUSE, TAKEN
from img_ingestion.review.audit import Trail
from img_ingestion.review.pass_record import PassRecord
from img_ingestion.settings_file import load, recipe_path
from img_ingestion.shelves import Shelves
from img_ingestion.tally import Tally

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable, Iterator

    from img_ingestion.commands.told import Telling
    from img_ingestion.deidentify.recipe import Recipe
    from img_ingestion.ending import Ending
    from img_ingestion.home import Home
    from img_ingestion.outcome import Ingested
    from img_ingestion.settings import Settings

NAME = "run"
HELP = "make a pass; the default"
DESCRIPTION = """\
Clean what customers sent, and send it to the backend.

One pass: every file that has arrived in local_dcm/CUSTOMER/ is de-identified, written to
local_dcm_dicomcleaner/ as DICOM and PNG and to encoded_images/ as base64, and sent. What
cannot be cleaned for certain is held in quarantine/ with its reason.
"""
REPORTS = True


@dataclass(frozen=True)
class Pass:
    """What a pass has to do."""

    home: Home
    settings: Settings
    chosen: Namespace

    @cached_property
    def recipe(self) -> Recipe:
        """The site's, read when the first file is there: what reads it is slow to import."""
        from img_ingestion.deidentify import recipe

        path = recipe_path(self.settings, self.home.root)
        return recipe.load(path, recipe_seen.seen(self.home))

    @property
    def beside(self) -> bool:
        """Tell whether it sends while it cleans: where several processes clean."""
        return self.chosen.workers > 1 and not self.chosen.dry_run

    @property
    def trail(self) -> Trail | None:
        """Where decisions are recorded; a rehearsal decides nothing."""
        return None if self.chosen.dry_run else Trail(self.home.state)


def arguments(parser: ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="only these files")
    passes = parser.add_mutually_exclusive_group()
    passes.add_argument(
        "--watch",
        type=selection.seconds,
        metavar="SECONDS",
        help="go on: a pass, a pause of SECONDS, a pass ...",
    )
    passes.add_argument(
        "--dry-run", action="store_true", help="say what would be done; change no byte"
    )
    selection.arguments(parser)
    workers.arguments(parser)
    parser.add_argument(
        "--report", type=place.out, metavar="FILE", help="write a page about the pass (.html)"
    )


def run(chosen: Namespace) -> Telling:
    """Make one pass, or pass after pass until the end is asked for."""
    home = place.home(chosen)
    work = Pass(home, load(home.root, chosen.config), chosen)
    if not work.settings.s3.url and selection.is_of_nobody(home, chosen):
        yield complaint("--customer: local_dcm/ has no such folder")
    unread = not recipe_seen.is_as_seen(home, recipe_path(work.settings, home.root))
    digest = work.recipe.digest if unread else ""
    stays, access = chosen.watch is not None, work.settings.ledger
    with (
        ending() as end,
        turns.turn(home, access, rehearsing=chosen.dry_run, patient=end if stays else None),
    ):
        if unread and not chosen.dry_run:
            recipe_seen.note(home, digest)
        while True:
            status = yield from _watched(work, end)
            if not stays or status == STORAGE or end.asked(chosen.watch):
                return end.status if end.signal else status


def _watched(work: Pass, end: Ending) -> Telling:
    """Make one pass, and tell those who asked for it how it was."""
    reporting = work.settings.reporting
    kept = bool(work.chosen.report or reporting.metrics_file)
    record = PassRecord(logged=reporting.log == "json", kept=kept)
    try:
        status = yield from record.watched(_one_pass(work, end, record))
    except GatewayError as error:
        yield from aftermath.ping(reporting, STATUSES.get(type(error), UNFORESEEN))
        raise
    if not work.chosen.dry_run:
        yield from aftermath.ping(reporting, status)
    return status


def _one_pass(work: Pass, end: Ending, record: PassRecord) -> Telling:
    """Make one pass; write its page and numbers while the ledger is open."""
    state, access = work.home.state, work.settings.ledger
    with (
        Ledger.rehearsal(state, access)
        if work.chosen.dry_run
        else Ledger.open(state, access, together=True)
    ) as ledger:
        status = yield from _walked(work, end, ledger)
        record.settle(ledger)
        if work.chosen.report:
            aftermath.page(work.chosen.report, record, ledger, status)
        if not work.chosen.dry_run:
            aftermath.numbers(work.settings.reporting, record, ledger, status)
        return status


def _walked(work: Pass, end: Ending, ledger: Ledger) -> Telling:
    """Take what has arrived, send what waits, say how it ended."""
    dry, tally = work.chosen.dry_run, Tally()
    most_s = work.chosen.max_duration
    until = inf if most_s is None else time.monotonic() + most_s
    first = selection.limited(_ingested(work, ledger, tally), work.chosen)

    def asked() -> bool:
        return end.asked() or time.monotonic() > until

    walked = lines.beside if work.beside else lines.in_turn
    try:
        if dry:
            yield from lines.until(first, asked)
        else:
            yield from walked(first, work.settings, ledger, tally, asked)
    except StorageError as error:
        yield complaint(f"{error}; no further file is taken")
        yield summary(tally, ledger)
        return STORAGE
    if dry:
        yield Told((console.REHEARSED,))
        yield summary(tally, ledger)
        if tally.stuck:
            return STORAGE
        return HELD if tally.count("held") else DONE
    if work.chosen.watch is not None and not (tally.states or tally.stuck):
        return DONE
    return (yield from concluded(work.settings, ledger, tally))


def _found_nothing(work: Pass, ledger: Ledger) -> bool:
    """Tell whether there is nothing to take, and end such a pass: importing what takes is slow."""
    shelves = Shelves(work.home, rehearsal=ledger.rehearsing)
    if shelves.cut or sources.may_have(work.home, work.settings):
        return False
    shelves.begin(ledger)
    shelves.grown(ledger)
    if sources.may_have(work.home, work.settings):
        return False
    shelves.end(ledger)
    return True


def _ingested(work: Pass, ledger: Ledger, tally: Tally) -> Iterator[Told]:
    """Walk line one; then record what a pass before this one was killed too early to record."""
    cut = Shelves(work.home).cut
    try:
        yield from _taken(work, ledger, tally)
    finally:
        if cut and work.trail:
            aftermath.made_good(work.trail, ledger)


def _taken(work: Pass, ledger: Ledger, tally: Tally) -> Iterator[Told]:
    """Take file after file, and tell of each; pause after each."""
    files = selection.files(work.home, work.chosen)
    if files == []:
        return
    if files is None and _found_nothing(work, ledger):
        return
    from img_ingestion.ingest import ingest

    who = workers.chosen(work.home, work.settings, work.recipe, work.chosen)
    most = work.chosen.max_files or inf
    given = work.home, work.settings, work.recipe, ledger, files or ()
    together: list[Ingested] = []
    for one in ingest(*given, workers=who, most=most, pauses=work.beside):
        if one is PAUSE:
            yield Told()
            continue
        together.append(one)
        if not one.more:
            _record(together, work)
            yield from chain.from_iterable(_told_of(each, tally) for each in together)
            together.clear()


def _record(together: Iterable[Ingested], work: Pass) -> None:
    """Record what was decided of files that were entered together."""
    parts = ("id", "customer", "outcome", "code", "reason")
    decided = [one for one in together if one.outcome in TAKEN]
    if decided and work.trail:
        recipe = {"recipe": work.recipe.digest}
        facts = ({part: getattr(one, part) for part in parts} | recipe for one in decided)
        work.trail.add("file", *facts, synced=False)


def _told_of(one: Ingested, tally: Tally) -> Iterator[Told]:
    """Count and tell what became of a file."""
    said = tuple(console.of_file(one))
    if one.outcome == "arriving" or one.outcome == "skipped":  # noqa: PLR1714 (narrows it)
        tally.left.append(one.outcome)
    elif one.outcome == "stuck":
        tally.left.append(one.outcome)
        stuck = complaint(f"{one.customer}: {one.plain}; no further file of it is taken")
        yield stuck._replace(more=one.more)
    else:
        if not tally.states:
            said = (console.OPENING, *said)
        tally.note([one.id], one.outcome, one.plain)
    # Not `asdict`, which copies deep: most passes over a large tree leave most of it.
    facts = {each.name: getattr(one, each.name) for each in fields(one) if each.name != "more"}
    yield Told(said, {"file": facts}, more=one.more)
