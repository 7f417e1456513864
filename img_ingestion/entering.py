"""
What was decided of several files is entered: vault, names, ledger, and the originals put away.

What has to be durable before what holds for all of them together, so each sync is made once for
all: [pseudonyms in the vault], [note of the names; outputs under them], ledger, originals, ledger.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from img_ingestion import durable
from img_ingestion.errors import Incomplete, StorageError, TakenOver
from img_ingestion.outcome import left, told
from img_ingestion.unsynced import Unsynced

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from img_ingestion.bench import Bench, Decided, Job
    from img_ingestion.ledger import Entry
    from img_ingestion.outcome import Ingested

CONTRADICTED = "other content came before under the same SOP Instance UID; both are kept"


def steps(bench: Bench, group: Sequence[Decided], outcomes: list[Ingested]) -> Iterator[None]:
    """
    Enter files of one customer; between the steps there is time for others.

    Parameters
    ----------
    bench : Bench
        What the pass works with.
    group : sequence of Decided
        The files; they are entered together or not at all.
    outcomes : list of Ingested
        Takes what became of them, in their order.

    Raises
    ------
    StorageError
        State cannot be written. Where only the customer's places refuse, they are `stuck`.

    """
    with durable.staging() as temporaries:
        temporaries += [path for one in group if one.made for path in one.made.temporaries]
        try:
            entered = yield from _entered(bench, group)
        except StorageError as error:
            outcomes += stuck(bench, [one.job for one in group], error)
            return
        # They have their final names.
        temporaries.clear()
    yield from _put_away(bench, entered, outcomes)


def stuck(bench: Bench, jobs: Sequence[Job], error: StorageError) -> list[Ingested]:
    """Leave a customer alone; it writes to state/: if that refuses as well, the pass is over."""
    if isinstance(error, TakenOver):
        return [elsewhere(bench, job, str(error)) for job in jobs]
    bench.shelves.recover(bench.ledger, [job.entry for job in jobs])
    bench.stuck.update(job.entry.customer for job in jobs)
    return [left(job.entry.id, job.entry.customer, "stuck", str(error)) for job in jobs]


def elsewhere(bench: Bench, job: Job, plain: str) -> Ingested:
    """Leave a file to another run, or to a later pass."""
    bench.ledger.claims.ended(job.entry.place)
    return left(job.entry.id, job.entry.customer, "arriving", plain)


def _entered(bench: Bench, group: Sequence[Decided]) -> Generator[None, None, list[Decided]]:
    """Give outputs their names when nothing can hold them any more; tell the ledger."""
    customer = group[0].job.entry.customer
    if customer in bench.stuck:
        raise StorageError("a place of this customer refuses")
    named = _named(bench, group)
    made = [(one.entry, one.made) for one in named if one.made]
    if made and not bench.shelves.rehearsal:
        if bench.settings.of(customer).vault.enabled:
            # Before the ledger: nothing may leave that the vault cannot bring home.
            replaced = [pair for _, one in made for pair in one.replaced.items()]
            bench.vault.remember(customer, dict(replaced))
            yield
        finals = [one.outputs.finals(entry.name).items() for entry, one in made]
        moves = dict(pair for pairs in finals for pair in pairs)
        bench.shelves.place(bench.ledger, [entry for entry, _ in made], moves)
        yield
    bench.ledger.enter(
        (one.entry, one.made.outputs.contents(one.entry.name) if one.made else None)
        for one in named
        if not one.known
    )
    yield
    return named


def _named(bench: Bench, group: Sequence[Decided]) -> list[Decided]:
    """Give a name to what has outputs; say which contradicts what came before."""
    named, names, contents_of = [], set[str](), dict[str, str]()
    for one in group:
        entry = one.entry
        if one.made:
            name = bench.shelves.free_name(bench.ledger, entry, one.made.name, names)
            names.add(name.casefold())
            entry = entry._replace(name=name)
            uid = one.made.outputs.uid
            other = contents_of.setdefault(uid, entry.sha256) != entry.sha256 and bool(uid)
            if other or bench.ledger.contradicted(entry, uid):
                entry = entry._replace(reason=CONTRADICTED)
        named.append(one._replace(entry=entry))
    return named


def _put_away(bench: Bench, group: Sequence[Decided], outcomes: list[Ingested]) -> Iterator[None]:
    """Put the originals away, which the ledger knows by now, and say what became of them."""
    away: list[tuple[Entry, str]] = []
    problems: dict[str, Ingested] = {}
    try:
        with durable.storing("moving originals"), Unsynced() as unsynced:
            for one in group:
                try:
                    away += _moved(bench, one, unsynced)
                except StorageError as error:
                    (problems[one.job.entry.id],) = stuck(bench, [one.job], error)
                yield
        bench.ledger.archived(away)
    except StorageError as error:
        jobs = [one.job for one in group if one.job.entry.id not in problems]
        problems |= {one.id: one for one in stuck(bench, jobs, error)}
    for one in group:
        if problem := problems.get(one.job.entry.id):
            outcomes.append(problem)
            continue
        bench.ledger.claims.ended(one.job.entry.place)
        if not one.told:
            outcomes.append(_told(one))


def _moved(bench: Bench, one: Decided, unsynced: Unsynced) -> list[tuple[Entry, str]]:
    """Bring an original to its place; give what the ledger notes once the folders are synced."""
    entry, job = one.entry, one.job
    if bench.shelves.rehearsal:
        return [(entry, "")]
    bench.shelves.explain(entry, unsynced)
    target = bench.shelves.original(entry, job.arrival.received.path.name)
    # Who writes the rest of what is incomplete keeps the file open.
    sealing, grows = bench.sealing, entry.code == Incomplete.__name__
    way = target if grows else sealing.way(target, entry.customer)
    # What is encrypted has to be durable first: then its original goes.
    moved = job.source.put_away(job.arrival, way, unsynced if way == target else None)
    return [(entry, sealing.seal(way))] if moved else []


def _told(one: Decided) -> Ingested:
    """Say what became of a file."""
    outcome = told(one.entry)
    if one.made:
        encoded = one.made.outputs.encodings(one.entry.name)
        outcome = replace(outcome, encoded=encoded, seconds=one.made.seconds)
    return outcome.of_store if one.job.arrival.of_store else outcome
