"""What is decided of one file: without a look at its content, or by what was made of it."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from img_ingestion.bench import Decided, Job
from img_ingestion.entering import elsewhere
from img_ingestion.errors import Incomplete, InstanceError
from img_ingestion.ledger import Entry
from img_ingestion.making import made
from img_ingestion.outcome import STEPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from img_ingestion.arrival import Arrival
    from img_ingestion.bench import Bench
    from img_ingestion.deidentify import Policy
    from img_ingestion.outcome import Ingested
    from img_ingestion.protocols import Answer, Source
    from img_ingestion.settings import Settings


def arrived(bench: Bench, source: Source, arrival: Arrival) -> Job:
    """Take one file, if there is room for what it becomes."""
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
    return Job(source, arrival, seen)


def begun(bench: Bench, job: Job) -> Iterator[Ingested]:
    """Decide on what needs no look at its content; have the rest cleaned."""
    known = bench.ledger.known(job.entry)
    if known is not None:
        # A file of an archive, say, that has its place already; or a killed pass decided on it, it
        # was sent since, and that pass' outcome was told.
        before = known.state == "sent" or bench.ledger.put_away(known.id)
        bench.gathered.add(Decided(job, known, known=True, told=before))
        return
    job.source.check(job.arrival)
    try:
        policy = _policy(bench, job.arrival)
    except InstanceError as error:
        yield from _held(bench, job, error)
        return
    entry = job.entry._replace(work=_work(job.entry, policy))
    yield from handed_over(bench, job._replace(entry=entry, policy=policy))


def handed_over(bench: Bench, job: Job) -> Iterator[Ingested]:
    """Have a file cleaned whose like is not; while that is on the way, it waits."""
    entry, policy = job.entry, job.policy
    if entry.work in bench.works:
        bench.twins.append(job)
        return
    if not bench.ledger.claims.begun(entry.place, entry.customer, entry.id, entry.work):
        yield elsewhere(bench, job, "the same is being cleaned by another run")
        return
    name = bench.ledger.done(entry.work)
    if name is not None or policy is None:
        reason = f"the same as cleaned-{name}"
        bench.gathered.add(Decided(job, entry._replace(state="duplicate", reason=reason)))
        return
    bench.works.add(entry.work)
    bench.begun[entry.id] = job
    bench.workers.begin(job.arrival.received, policy)


def decided(bench: Bench, job: Job, answer: Answer) -> Iterator[Ingested]:
    """Decide by what was made of a file."""
    try:
        bench.gathered.add(Decided(job, job.entry, made(answer)))
    except InstanceError as error:
        if answer.get("gone"):
            bench.shelves.sweep(job.entry)
        yield from _held(bench, job, error)


def _held(bench: Bench, job: Job, error: InstanceError) -> Iterator[Ingested]:
    """Hold a file for a reviewer, or leave it while it may grow."""
    if isinstance(error, Incomplete) and _may_grow(job.arrival, bench.settings):
        bench.works.discard(job.entry.work)
        yield elsewhere(bench, job, f"incomplete ({error})")
        return
    step, code = STEPS[error.code], error.code
    held = job.entry._replace(state="held", step=step, code=code, reason=str(error))
    bench.gathered.add(Decided(job, held))


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


def _work(entry: Entry, policy: Policy) -> str:
    """Name what is done once: this content, of this customer, under this policy."""
    words = (entry.customer, entry.sha256, policy.version)
    return hashlib.sha256("\0".join(words).encode()).hexdigest()
