"""Line one: what customers sent becomes clean instances, pictures and work for the outbox."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from img_ingestion import deidentify, durable
from img_ingestion.apart import Apart
from img_ingestion.arrival import Left
from img_ingestion.bench import Bench
from img_ingestion.errors import Incomplete, InstanceError, StorageError
from img_ingestion.ledger import Entry
from img_ingestion.making import Maker, made
from img_ingestion.outcome import STEPS, Ingested, told
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
    from img_ingestion.instance import ReceivedInstance
    from img_ingestion.ledger import Ledger
    from img_ingestion.outcome import Stays
    from img_ingestion.protocols import Source
    from img_ingestion.settings import Settings


CONTRADICTED = "other content came before under the same SOP Instance UID; both are kept"


def ingest(
    home: Home, settings: Settings, recipe: Recipe, ledger: Ledger, files: Sequence[Path] = ()
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
    shelves = Shelves(home, rehearsal=ledger.rehearsing)
    apart = Apart(Maker(settings, recipe, shelves).work)
    bench = Bench(settings, recipe, ledger, shelves, apart)
    return _pass(bench, sources(home, settings, ledger.key, files))


def _pass(bench: Bench, wing: Sequence[Source]) -> Iterator[Ingested]:
    bench.shelves.begin(bench.ledger)
    with bench.apart:
        for source in wing:
            for found in source.arrivals(bench.stuck):
                if isinstance(found, Left):
                    yield _left(found.id, found.customer, found.why, found.plain)
                else:
                    yield from _arrived(bench, source, found)
    # Not in a `finally`: what an exception leaves half done is for the next pass to put right.
    if not bench.stuck:
        bench.shelves.end()


def _arrived(bench: Bench, source: Source, arrival: Arrival) -> Iterator[Ingested]:
    """Take one file; if a place of its customer refuses, leave that customer alone."""
    one, customer = arrival.received.id, arrival.received.customer
    bench.shelves.room(bench.settings.of(customer).limits.min_free_bytes)
    try:
        yield from _taken(bench, source, arrival)
    except StorageError as error:
        # It writes to state/: if that refuses as well, the pass is over.
        bench.shelves.recover(bench.ledger)
        bench.stuck.add(customer)
        yield _left(one, customer, "stuck", str(error))


def _taken(bench: Bench, source: Source, arrival: Arrival) -> Iterator[Ingested]:
    """Decide on one file, enter it in the ledger, and only then put the original away."""
    received = arrival.received
    seen = Entry(
        id=received.id,
        customer=received.customer,
        place=arrival.place,
        sha256=received.sha256,
        size=arrival.stamp.size,
        seen_at=time.time(),
    )
    entry = bench.ledger.known(seen)
    if entry is None:
        source.check(arrival)
        entry, outcome = _decided(bench, arrival, seen)
    else:
        outcome = told(entry, entry.name)
    if entry is None:
        yield outcome
        return
    bench.shelves.explain(entry)
    target = bench.shelves.original(entry, received.path.name)
    if bench.shelves.rehearsal or source.put_away(arrival, target):
        bench.ledger.archived(entry)
    # What a killed pass decided may have been sent since: then that pass' outcome was told.
    if entry.state != "sent":
        yield outcome


def _decided(bench: Bench, arrival: Arrival, entry: Entry) -> tuple[Entry | None, Ingested]:
    """Bring one new file to its state: waiting, duplicate or held; none while it may grow."""
    try:
        if arrival.refused is not None:
            raise arrival.refused
        policy = bench.policy(entry.customer)
        entry = replace(entry, work=_work(entry, policy))
        name = bench.ledger.done(entry.work)
        if name is None:
            return _cleaned(bench, policy, arrival.received, entry)
        entry = replace(entry, state="duplicate")
    except InstanceError as error:
        if isinstance(error, Incomplete) and _may_grow(arrival, bench.settings):
            return None, _left(entry.id, entry.customer, "arriving", f"incomplete ({error})")
        name = ""
        step, code = STEPS[error.code], error.code
        entry = replace(entry, state="held", step=step, code=code, reason=str(error))
    bench.ledger.add(entry)
    return entry, told(entry, name)


def _cleaned(
    bench: Bench, policy: Policy, received: ReceivedInstance, entry: Entry
) -> tuple[Entry, Ingested]:
    """Walk the whole line once: outputs get their names when nothing can hold them any more."""
    with durable.staging() as temporaries:
        try:
            clean = made(bench.apart, received, policy, temporaries)
        finally:
            if not bench.apart.alive:
                bench.shelves.sweep(entry.customer)
        entry = replace(entry, name=bench.shelves.free_name(bench.ledger, entry, clean.name))
        bench.shelves.place(entry, clean.outputs.finals(entry.name))
    if policy.settings.vault.enabled and not bench.shelves.rehearsal:
        # Before the ledger: nothing may leave that the vault cannot bring home.
        vault = Vault(bench.shelves.home.state / "vault.sqlite")
        vault.remember(entry.customer, clean.replaced)
    contents = clean.outputs.contents(entry.name)
    if bench.ledger.contradicted(entry, contents):
        entry = replace(entry, reason=CONTRADICTED)
    bench.ledger.add(entry, contents)
    return entry, told(entry, entry.name, clean.outputs.encodings(entry.name))


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
