"""
What one received file is made into, in the process apart: clean instance, pictures, base64.

Only words come back from there, and files under temporary names. Nothing is trusted to be what it
says but by the checks that the line itself makes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from img_ingestion import deidentify, durable
from img_ingestion.errors import (
    GatewayError,
    InstanceError,
    NotDeidentified,
    SettingsError,
    StorageError,
    turned_into,
)
from img_ingestion.instance import ReceivedInstance
from img_ingestion.laps import Laps
from img_ingestion.outputs import Outputs, staged

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from img_ingestion.deidentify import Policy
    from img_ingestion.deidentify.recipe import Recipe
    from img_ingestion.protocols import Answer
    from img_ingestion.settings import Settings
    from img_ingestion.shelves import Shelves

KINDS: Mapping[str, type[GatewayError]] = {
    "SettingsError": SettingsError,
    "StorageError": StorageError,
    **{kind.__name__: kind for kind in InstanceError.__subclasses__()},
}
"""What can be wrong, by the name it has in an answer."""


@dataclass(frozen=True, slots=True)
class Made:
    """What became of one file, under temporary names."""

    name: str
    """NAME of the outputs, if nobody else has it."""
    replaced: Mapping[tuple[str, str], str] = field(repr=False)
    """(kind, original) -> pseudonym, for the vault."""
    outputs: Outputs
    temporaries: tuple[str, ...]
    seconds: Mapping[str, float]
    """What each stage took, apart."""


@dataclass(frozen=True, slots=True)
class Maker:
    """Cleans one file after the other, apart."""

    settings: Settings
    recipe: Recipe
    shelves: Shelves
    policies: dict[str, Policy] = field(default_factory=dict, repr=False)
    """Made once a customer and process."""

    def work(self, request: Mapping[str, Any], content: bytes) -> Mapping[str, Any]:
        """Make everything of one file; the temporaries are whose who asked."""
        try:
            with turned_into(NotDeidentified, "cleaning"), durable.staging() as temporaries:
                answer = self._made(_received(request, content), request["key"], temporaries)
                answer["temporaries"] = list(temporaries)
                temporaries.clear()
        except GatewayError as error:
            return {"error": type(error).__name__, "reason": str(error)}
        return answer

    def _made(self, received: ReceivedInstance, key: str, temporaries: list[str]) -> dict[str, Any]:
        policy = self._policy(received.customer, bytes.fromhex(key))
        clean = deidentify.deidentify(received, policy)
        laps = Laps(dict(clean.seconds))
        outputs = staged(self.shelves, policy.settings, clean, temporaries, laps)
        laps.lap("write")
        replaced = [[*kind_and_original, new] for kind_and_original, new in clean.replaced.items()]
        return {
            "name": clean.name,
            "replaced": replaced,
            "outputs": outputs.words(),
            "seconds": laps.seconds,
        }

    def _policy(self, customer: str, key: bytes) -> Policy:
        if customer not in self.policies:
            policy = deidentify.policy(customer, self.settings, self.recipe, key)
            self.policies[customer] = policy
        return self.policies[customer]


def made(answer: Answer) -> Made:
    """
    Take what was made of one file; its temporaries are whose who asks.

    Raises
    ------
    InstanceError
        The file cannot be cleaned, or cost the process its life.
    StorageError
        Something cannot be written.

    """
    if "error" in answer:
        raise KINDS[answer["error"]](answer["reason"])
    replaced = {(kind, original): new for kind, original, new in answer["replaced"]}
    outputs, temporaries = Outputs.of(answer["outputs"]), tuple(answer["temporaries"])
    return Made(answer["name"], replaced, outputs, temporaries, answer["seconds"])


def _received(request: Mapping[str, Any], content: bytes) -> ReceivedInstance:
    return ReceivedInstance(
        request["id"], request["customer"], Path(request["path"]), content, request["sha256"]
    )
