"""Line one: what customers sent becomes clean instances, pictures and work for the outbox."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

from img_ingestion import deidentify
from img_ingestion.arrival import Left
from img_ingestion.bench import Bench
from img_ingestion.crew import Crew
from img_ingestion.deciding import arrived, begun, decided, handed_over
from img_ingestion.entering import steps, stuck
from img_ingestion.errors import GatewayError, StorageError
from img_ingestion.gathering import TOGETHER, Gathering
from img_ingestion.making import Maker
from img_ingestion.outcome import PAUSE, Ingested, left
from img_ingestion.sealing import Sealing
from img_ingestion.shelves import Shelves
from img_ingestion.sources import sources
from img_ingestion.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from img_ingestion.arrival import Arrival
    from img_ingestion.bench import Job
    from img_ingestion.deidentify.recipe import Recipe
    from img_ingestion.home import Home
    from img_ingestion.ledger import Ledger
    from img_ingestion.protocols import Answer, Source, Workers
    from img_ingestion.settings import Settings

    Found = Iterator[tuple[Source, Arrival | Left]]
    """What all sources have, one after the other."""


def ingest(  # noqa: PLR0913 (what a pass needs, each named)
    home: Home,
    settings: Settings,
    recipe: Recipe,
    ledger: Ledger,
    files: Sequence[Path] = (),
    *,
    workers: Workers | None = None,
    most: float = inf,
    pauses: bool = False,
) -> Iterator[Ingested]:
    """
    Make one pass over what customers sent; give each file's outcome once the ledger has it.

    The caller holds the lock. With a ledger that is rehearsing, the same is done in memory and
    no byte on the disk changes.

    Parameters
    ----------
    home, settings, recipe, ledger : Home, Settings, Recipe, Ledger
        Where, how, and what is known.
    files : sequence of Path, optional
        Only these.
    workers : Workers, optional
        Who cleans them; one process apart by default.
    most : float, optional
        How many the caller takes at the most: no more are entered.
    pauses : bool, optional
        Whether `PAUSE` is given each time that the caller may do something else.

    Raises
    ------
    SettingsError
        One of `files` is not in a customer's folder, or what text is looked for with is not
        installed; raised at once.
    StorageError
        State cannot be written, or room runs out; no further file is taken. Where only one
        customer's places refuse, the others go on, and the outcome of its file is `stuck`.

    """
    deidentify.require(settings)
    Sealing(home, settings).require()
    shelves = Shelves(home, rehearsal=ledger.rehearsing)
    workers = workers or Crew(Maker(settings, recipe, shelves).work)
    vault = Vault(home.state / "vault.sqlite", ledger.shared)
    # Where runs share the ledger, what one takes over from another is one file.
    gathering = Gathering(1 if ledger.claims.shared else TOGETHER, most)
    bench = Bench(settings, recipe, ledger, shelves, workers, vault, gathering)
    given = _pass(bench, sources(home, settings, ledger.key, files, ledger.claims))
    return given if pauses else (one for one in given if one is not PAUSE)


def _pass(bench: Bench, wing: Sequence[Source]) -> Iterator[Ingested]:
    for customer in sorted(_begin(bench)):
        bench.stuck.add(customer)
        yield left("", customer, "stuck", "what a cut pass left there cannot be removed")
    bench.shelves.grown(bench.ledger)
    found = ((source, one) for source in wing for one in source.arrivals(bench.stuck))
    with bench.workers, bench.vault:
        yield from _taken(bench, found)
        while bench.busy:
            yield from _ahead(bench, found)
            yield from _taken(bench, found)
            yield PAUSE
        whole = bench.workers.whole
    # Not in a `finally`: what an exception leaves half done is for the next pass to put right.
    if whole and not bench.stuck:
        bench.shelves.end(bench.ledger)


def _begin(bench: Bench) -> set[str]:
    """Put right what a cut pass left; give the customers of whom that cannot be done."""
    stuck, claims = set[str](), bench.ledger.claims
    # What others have on the way is theirs.
    if not bench.shelves.rehearsal and claims.alone():
        stuck = bench.sealing.catch_up()
        claims.joined()
    return stuck | bench.shelves.begin(bench.ledger)


def _taken(bench: Bench, found: Found) -> Iterator[Ingested]:
    """Take what has arrived, as long as somebody is free to clean it."""
    if bench.twins and bench.twins[0].entry.work not in bench.works:
        twin = bench.twins.pop()
        yield from _tried(bench, twin, handed_over(bench, twin))
    while bench.workers.free and not (bench.gathered.due or bench.twins or bench.refused):
        source, one = next(found, (None, None))
        if source is None or one is None:
            return
        if isinstance(one, Left):
            yield left(one.id, one.customer, one.why, one.plain)
        else:
            job = arrived(bench, source, one)
            yield from _tried(bench, job, begun(bench, job))


def _ahead(bench: Bench, found: Found) -> Iterator[Ingested]:
    """Do what is next: enter what is decided, or wait for the file whose making ends next."""
    while bench.refused:
        job, error = bench.refused.pop()
        bench.works.discard(job.entry.work)
        yield from stuck(bench, [job], error)
    while bench.answered:
        job, answer = bench.answered.pop(0)
        yield from _tried(bench, job, decided(bench, job, answer))
    if bench.gathered and (bench.gathered.due or bench.twins or not bench.begun):
        yield from _entered(bench, found)
    elif bench.begun and (not bench.gathered or bench.workers.ready(bench.gathered.left_s)):
        bench.answered.append(_answer(bench))


def _entered(bench: Bench, found: Found) -> Iterator[Ingested]:
    """Enter what is decided; tell of all of it before anything else can go wrong."""
    group, outcomes, others = bench.gathered.taken(), list[Ingested](), list[Ingested]()
    problem: GatewayError | None = None
    for _ in steps(bench, group, outcomes):
        try:
            if bench.workers.several and problem is None:
                others += _meanwhile(bench, found)
        except GatewayError as error:
            problem = error
    bench.works.difference_update(one.job.entry.work for one in group)
    bench.gathered.entered(outcomes)
    for left_over, outcome in zip(range(len(outcomes) - 1, -1, -1), outcomes, strict=True):
        yield replace(outcome, more=left_over > 0)
    yield from others
    if problem is not None:
        raise problem


def _meanwhile(bench: Bench, found: Found) -> Iterator[Ingested]:
    """Let nobody wait who cleans; nothing is decided that could touch what is being entered."""
    while bench.workers.ready(0):
        bench.answered.append(_answer(bench))
    yield from _taken(bench, found)


def _tried(bench: Bench, job: Job, doing: Iterator[Ingested]) -> Iterator[Ingested]:
    """Do it; if a place of its customer refuses, that is seen to when nothing is half entered."""
    try:
        yield from doing
    except StorageError as error:
        bench.refused.append((job, error))


def _answer(bench: Bench) -> tuple[Job, Answer]:
    """Wait for the file whose making ends next."""
    one, answer = bench.workers.ended()
    return bench.begun.pop(one), answer
