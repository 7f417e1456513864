"""What a pass works with."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from img_ingestion import deidentify
from img_ingestion.deidentify.pseudonyms import KEY_BYTES, load_key
from img_ingestion.sealing import Sealing

if TYPE_CHECKING:
    from img_ingestion.arrival import Arrival
    from img_ingestion.deidentify import Policy
    from img_ingestion.deidentify.recipe import Recipe
    from img_ingestion.errors import StorageError
    from img_ingestion.gathering import Gathering
    from img_ingestion.ledger import Entry, Ledger
    from img_ingestion.making import Made
    from img_ingestion.protocols import Answer, Source, Workers
    from img_ingestion.settings import Settings
    from img_ingestion.shelves import Shelves
    from img_ingestion.vault import Vault


class Job(NamedTuple):
    """One file of a pass."""

    source: Source
    arrival: Arrival
    entry: Entry
    policy: Policy | None = None
    """Known once it is being cleaned."""


class Decided(NamedTuple):
    """What is to be entered of one file."""

    job: Job
    entry: Entry
    made: Made | None = None
    """What its outputs are, under temporary names."""
    known: bool = False
    """Whether the ledger has it, since a pass that did not live to put it away."""
    told: bool = False
    """Whether an earlier pass told of it."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that outlives a file and ends with the pass."""

    settings: Settings
    recipe: Recipe
    ledger: Ledger
    shelves: Shelves
    workers: Workers
    vault: Vault
    gathered: Gathering
    """What is decided."""
    begun: dict[str, Job] = field(default_factory=dict)
    """What is being cleaned, by the id of the file."""
    works: set[str] = field(default_factory=set)
    """What is being cleaned, or decided and not entered."""
    twins: list[Job] = field(default_factory=list)
    """One that came while its like was among them; nothing is taken until that is entered."""
    answered: list[tuple[Job, Answer]] = field(default_factory=list)
    """What was cleaned while others were entered."""
    refused: list[tuple[Job, StorageError]] = field(default_factory=list)
    """What a place of its customer refused."""
    policies: dict[str, Policy] = field(default_factory=dict)
    """Made once a customer and pass."""
    stuck: set[str] = field(default_factory=set)
    """Customers of whom nothing more is taken in this pass: a place of theirs refuses."""

    @property
    def busy(self) -> bool:
        """Tell whether anything is on the way."""
        return bool(self.begun or self.gathered or self.twins or self.answered or self.refused)

    @property
    def sealing(self) -> Sealing:
        """What encrypts originals."""
        return Sealing(self.shelves.home, self.settings)

    def policy(self, customer: str) -> Policy:
        """Give a customer's policy; a rehearsal makes no key where there is none."""
        if customer not in self.policies:
            state = self.shelves.home.state
            if self.shelves.rehearsal and not (state / "keys" / f"{customer}.key").exists():
                key = secrets.token_bytes(KEY_BYTES)
            else:
                key = load_key(state, customer)
            policy = deidentify.policy(customer, self.settings, self.recipe, key)
            self.policies[customer] = policy
        return self.policies[customer]
