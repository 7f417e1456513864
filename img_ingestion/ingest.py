"""Line one: what customers sent becomes clean instances, pictures and work for the outbox."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from img_ingestion import deidentify, durable
from img_ingestion.arrival import Left
from img_ingestion.deidentify.pseudonyms import KEY_BYTES, load_key
from img_ingestion.errors import InstanceError
from img_ingestion.ledger import Entry
from img_ingestion.outcome import STEPS, Ingested, told
from img_ingestion.outputs import staged
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
    from img_ingestion.protocols import Source
    from img_ingestion.settings import Settings


@dataclass(frozen=True, slots=True)
class Bench:
    """What a pass works with."""

    settings: Settings
    recipe: Recipe
    ledger: Ledger
    shelves: Shelves
    policies: dict[str, Policy] = field(default_factory=dict)
    """Made once a customer and pass."""


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
        Something cannot be written, or room runs out; no further file is taken.

    """
    deidentify.require(settings)
    shelves = Shelves(home, rehearsal=ledger.rehearsing)
    bench = Bench(settings, recipe, ledger, shelves)
    return _pass(bench, sources(home, settings, ledger.key, files))


def _pass(bench: Bench, wing: Sequence[Source]) -> Iterator[Ingested]:
    bench.shelves.begin(bench.ledger)
    for source in wing:
        for found in source.arrivals():
            if isinstance(found, Left):
                shown = f"./local_dcm/{found.customer}/{found.id}"
                yield Ingested(found.id, found.customer, shown, found.why, plain=found.plain)
            else:
                yield from _arrived(bench, source, found)
    # Not in a `finally`: what an exception leaves half done is for the next pass to put right.
    bench.shelves.end()


def _arrived(bench: Bench, source: Source, arrival: Arrival) -> Iterator[Ingested]:
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
        bench.shelves.room(bench.settings.of(received.customer).limits.min_free_bytes)
        entry, outcome = _decided(bench, arrival, seen)
    else:
        outcome = told(entry, entry.name)
    bench.shelves.explain(entry)
    if not bench.shelves.rehearsal:
        source.put_away(arrival, bench.shelves.original(entry, received.path.name))
    bench.ledger.archived(entry)
    # What a killed pass decided may have been sent since: then that pass' outcome was told.
    if entry.state != "sent":
        yield outcome


def _decided(bench: Bench, arrival: Arrival, entry: Entry) -> tuple[Entry, Ingested]:
    """Bring one new file to its state: waiting, duplicate or held."""
    try:
        if arrival.refused is not None:
            raise arrival.refused
        policy = _policy(bench, entry.customer)
        entry = replace(entry, work=_work(entry, policy))
        name = bench.ledger.done(entry.work)
        if name is None:
            return _cleaned(bench, policy, arrival.received, entry)
        entry = replace(entry, state="duplicate")
    except InstanceError as error:
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
        clean = deidentify.deidentify(received, policy)
        outputs = staged(bench.shelves, policy.settings, clean, temporaries)
        entry = replace(entry, name=bench.shelves.free_name(bench.ledger, entry, clean.name))
        bench.shelves.place(entry, outputs.finals(entry.name))
    if policy.settings.vault.enabled and not bench.shelves.rehearsal:
        # Before the ledger: nothing may leave that the vault cannot bring home.
        vault = Vault(bench.shelves.home.state / "vault.sqlite")
        vault.remember(entry.customer, clean.replaced)
    bench.ledger.add(entry, outputs.contents(entry.name))
    return entry, told(entry, entry.name, outputs.encodings(entry.name))


def _policy(bench: Bench, customer: str) -> Policy:
    """Give a customer's policy; a rehearsal makes no key where there is none."""
    if customer not in bench.policies:
        state = bench.shelves.home.state
        if bench.shelves.rehearsal and not (state / "keys" / f"{customer}.key").exists():
            key = secrets.token_bytes(KEY_BYTES)
        else:
            key = load_key(state, customer)
        policy = deidentify.policy(customer, bench.settings, bench.recipe, key)
        bench.policies[customer] = policy
    return bench.policies[customer]


def _work(entry: Entry, policy: Policy) -> str:
    """Name what is done once: this content, of this customer, under this policy."""
    words = (entry.customer, entry.sha256, policy.version)
    return hashlib.sha256("\0".join(words).encode()).hexdigest()
