"""What a pass works with."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from img_ingestion import deidentify
from img_ingestion.deidentify.pseudonyms import KEY_BYTES, load_key

if TYPE_CHECKING:
    from img_ingestion.apart import Apart
    from img_ingestion.deidentify import Policy
    from img_ingestion.deidentify.recipe import Recipe
    from img_ingestion.ledger import Ledger
    from img_ingestion.settings import Settings
    from img_ingestion.shelves import Shelves


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that outlives a file and ends with the pass."""

    settings: Settings
    recipe: Recipe
    ledger: Ledger
    shelves: Shelves
    apart: Apart
    policies: dict[str, Policy] = field(default_factory=dict)
    """Made once a customer and pass."""
    stuck: set[str] = field(default_factory=set)
    """Customers of whom nothing more is taken in this pass: a place of theirs refuses."""

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
