"""Line one: what customers sent becomes clean instances, pictures and work for the outbox."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from img_ingestion import deidentify, durable
from img_ingestion.arrival import Left
from img_ingestion.bench import Bench, Job
from img_ingestion.crew import Crew
from img_ingestion.errors import Incomplete, InstanceError, StorageError, TakenOver
from img_ingestion.ledger import Entry
from img_ingestion.making import Maker, made
from img_ingestion.outcome import STEPS, Ingested, told
from img_ingestion.sealing import Sealing
from img_ingestion.shelves import Shelves
from img_ingestion.sources import sources
from img_ingestion.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from img_ingestion.arrival import Arrival
    from img_ingestion.deidentify import Policy
    from img_ingestion.deidentify.recipe import Recipe
    from img_ingestion.home import Home
    from img_ingestion.ledger import Ledger
    from img_ingestion.outcome import Stays
    from img_ingestion.protocols import Answer, Source, Workers
    from img_ingestion.settings import Settings


CONTRADICTED = "other content came before under the same SOP Instance UID; both are kept"


def ingest(  # noqa: PLR0913 (what a pass needs, each named)
    home: Home,
    settings: Settings,
    recipe: Recipe,
    ledger: Ledger,
    files: Sequence[Path] = (),
    *,
    workers: Workers | None = None,
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
    bench = Bench(settings, recipe, ledger, shelves, workers, vault)
    return _pass(bench, sources(home, settings, ledger.key, files, ledger.claims))


def _pass(bench: Bench, wing: Sequence[Source]) -> Iterator[Ingested]:
    for customer in sorted(_begin(bench)):
        bench.stuck.add(customer)
        yield _left("", customer, "stuck", "what a cut pass left there cannot be removed")
    bench.shelves.grown(bench.ledger)
    with bench.workers, bench.vault:
        for source in wing:
            for found in source.arrivals(bench.stuck):
                if isinstance(found, Left):
                    yield _left(found.id, found.customer, found.why, found.plain)
                else:
                    yield from _arrived(bench, source, found)
            while bench.begun:
                yield from _ended(bench)
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


def _arrived(bench: Bench, source: Source, arrival: Arrival) -> Iterator[Ingested]:
    """Take one file; if a place of its customer refuses, leave that customer alone."""
    received = arrival.received
    bench.shelves.room(bench.settings.of(received.customer).limits.min_free_bytes)
    seen = Entry(
        id=received.id,
        customer=received.customer,
        place=arrival.place,
        sha256=received.sha256,
        size=arrival.stamp.size,
        seen_at=time.time(),
    )
    job = Job(source, arrival, seen)
    try:
        yield from _begun(bench, job)
    except StorageError as error:
        yield _stuck(bench, job, error)


def _begun(bench: Bench, job: Job) -> Iterator[Ingested]:
    """Decide on what needs no look at its content; have the rest cleaned."""
    known = bench.ledger.known(job.entry)
    if known is not None:
        # A file of an archive, say, that has its place already: its outcome was told.
        before = known.id not in {one.id for one in bench.ledger.unfinished()}
        outcomes = list(_put_away(bench, job, known, told(known, known.name)))
        yield from () if before else outcomes
        return
    job.source.check(job.arrival)
    try:
        policy = _policy(bench, job.arrival)
    except InstanceError as error:
        yield from _held(bench, job, error)
        return
    job = replace(job, entry=replace(job.entry, work=_work(job.entry, policy)), policy=policy)
    while job.entry.work in {one.entry.work for one in bench.begun.values()}:
        yield from _ended(bench)
    entry = job.entry
    if not bench.ledger.claims.begun(entry.place, entry.customer, entry.id, entry.work):
        yield _elsewhere(bench, entry, "the same is being cleaned by another run")
        return
    name = bench.ledger.done(job.entry.work)
    if name is not None:
        reason = f"the same as cleaned-{name}"
        yield from _entered(bench, job, replace(job.entry, state="duplicate", reason=reason))
        return
    bench.begun[job.entry.id] = job
    bench.workers.begin(job.arrival.received, policy)
    if not bench.workers.free:
        yield from _ended(bench)


def _ended(bench: Bench) -> Iterator[Ingested]:
    """Enter the file whose making ends next."""
    one, answer = bench.workers.ended()
    job = bench.begun.pop(one)
    try:
        yield from _made(bench, job, answer)
    except StorageError as error:
        yield _stuck(bench, job, error)


def _made(bench: Bench, job: Job, answer: Answer) -> Iterator[Ingested]:
    """Give outputs their names when nothing can hold them any more."""
    entry = job.entry
    with durable.staging() as temporaries:
        try:
            clean = made(answer, temporaries)
        except InstanceError as error:
            if answer.get("gone"):
                bench.shelves.sweep(entry)
            yield from _held(bench, job, error)
            return
        if entry.customer in bench.stuck:
            raise StorageError("a place of this customer refuses")
        entry = replace(entry, name=bench.shelves.free_name(bench.ledger, entry, clean.name))
        bench.shelves.place(bench.ledger, entry, clean.outputs.finals(entry.name))
    if bench.settings.of(entry.customer).vault.enabled and not bench.shelves.rehearsal:
        # Before the ledger: nothing may leave that the vault cannot bring home.
        bench.vault.remember(entry.customer, clean.replaced)
    contents = clean.outputs.contents(entry.name)
    if bench.ledger.contradicted(entry, contents):
        entry = replace(entry, reason=CONTRADICTED)
    bench.ledger.add(entry, contents)
    outcome = told(entry, entry.name, clean.outputs.encodings(entry.name))
    outcome = replace(outcome, seconds=clean.seconds)
    yield from _put_away(bench, job, entry, outcome)


def _held(bench: Bench, job: Job, error: InstanceError) -> Iterator[Ingested]:
    """Hold a file for a reviewer, or leave it while it may grow."""
    entry = job.entry
    if isinstance(error, Incomplete) and _may_grow(job.arrival, bench.settings):
        bench.ledger.claims.ended(entry.place)
        yield _left(entry.id, entry.customer, "arriving", f"incomplete ({error})")
        return
    step, code = STEPS[error.code], error.code
    held = replace(entry, state="held", step=step, code=code, reason=str(error))
    yield from _entered(bench, job, held)


def _entered(bench: Bench, job: Job, entry: Entry) -> Iterator[Ingested]:
    """Enter a file that nothing is made of."""
    bench.ledger.add(entry)
    yield from _put_away(bench, job, entry, told(entry, entry.name))


def _put_away(bench: Bench, job: Job, entry: Entry, outcome: Ingested) -> Iterator[Ingested]:
    """Put the original away, which the ledger knows by now, and say what became of it."""
    bench.shelves.explain(entry)
    target = bench.shelves.original(entry, job.arrival.received.path.name)
    if entry.code != Incomplete.__name__:  # Who writes the rest of it keeps the file open.
        target = bench.sealing.way(target)
    if bench.shelves.rehearsal or job.source.put_away(job.arrival, target):
        sealed = "" if bench.shelves.rehearsal else bench.sealing.seal(target)
        bench.ledger.archived(entry, sealed)
    bench.ledger.claims.ended(job.entry.place)
    # What a killed pass decided may have been sent since: then that pass' outcome was told.
    if entry.state != "sent":
        yield outcome if job.arrival.pin is None else outcome.of_store


def _stuck(bench: Bench, job: Job, error: StorageError) -> Ingested:
    """Leave a customer alone; it writes to state/: if that refuses as well, the pass is over."""
    if isinstance(error, TakenOver):
        return _elsewhere(bench, job.entry, str(error))
    bench.shelves.recover(bench.ledger, job.entry)
    bench.stuck.add(job.entry.customer)
    return _left(job.entry.id, job.entry.customer, "stuck", str(error))


def _elsewhere(bench: Bench, entry: Entry, plain: str) -> Ingested:
    """Leave a file to another run, or to a later pass."""
    bench.ledger.claims.ended(entry.place)
    return _left(entry.id, entry.customer, "arriving", plain)


def _policy(bench: Bench, arrival: Arrival) -> Policy:
    """Give the policy of a file that is not refused unread."""
    if arrival.refused is not None:
        raise arrival.refused
    return bench.policy(arrival.received.customer)


def _may_grow(arrival: Arrival, settings: Settings) -> bool:
    """Tell whether somebody wrote to a file so lately that the rest of it may still come."""
    # ctime, because a copy can keep the date of its original. After a jump of the clock it may
    # be in the future; waiting does no harm.
    quiet_s = abs(time.time() - arrival.stamp.ctime_ns / 1e9)
    return quiet_s < settings.incoming.give_up_s


def _left(one: str, customer: str, why: Stays, plain: str) -> Ingested:
    """Say of a file that it stays where it is."""
    return Ingested(one, customer, f"./local_dcm/{customer}/{one}", why, plain=plain)


def _work(entry: Entry, policy: Policy) -> str:
    """Name what is done once: this content, of this customer, under this policy."""
    words = (entry.customer, entry.sha256, policy.version)
    return hashlib.sha256("\0".join(words).encode()).hexdigest()
