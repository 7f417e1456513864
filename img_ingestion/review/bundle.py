"""
What support needs to see, without a patient in it: made of counts, codes and switches only.

Only what is listed here goes in. A text that the operator chose (an address, a path, a name) is
told as `(set)`, and a customer is a number: a folder can be named after a doctor.
"""

from __future__ import annotations

import io
import json
import platform
import tarfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import distributions
from typing import TYPE_CHECKING

from pydantic import BaseModel

from img_ingestion import __version__
from img_ingestion.review.audit import Trail
from img_ingestion.review.overview import held, overview

if TYPE_CHECKING:
    from img_ingestion.deidentify.recipe import Recipe
    from img_ingestion.ledger import Ledger
    from img_ingestion.settings import Settings

LATEST = 2000
"""Records of the audit trail that go in."""
FACTS = ("number", "at", "what", "id", "outcome", "code", "reason", "status", "images", "recipe")
"""Of an audit record; no account and no customer."""
CHOICES = frozenset({"pixels", "rendering"})
"""Sections whose texts are words of ours."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """What the parts are made from."""

    ledger: Ledger
    settings: Settings
    recipe: Recipe

    def written(self) -> bytes:
        """Give the bundle as a gzipped tar."""
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w:gz") as archive:
            for name, content in self._parts().items():
                text = json.dumps(content, indent=2, default=str).encode() + b"\n"
                member = tarfile.TarInfo(f"support/{name}.json")
                member.size, member.mode = len(text), 0o600
                archive.addfile(member, io.BytesIO(text))
        return stream.getvalue()

    def _parts(self) -> dict[str, object]:
        found = overview(self.ledger.home, self.ledger)
        numbers = {name: f"customer-{count}" for count, name in enumerate(found.customers, 1)}
        states = {numbers[name]: states for name, states in found.customers.items()}
        return {
            "about": _about(),
            "settings": _switches(self.settings),
            "status": {**asdict(found), "customers": states},
            "recipe": {
                "sha256": self.recipe.digest,
                "lines": len(self.recipe.header),
                "rules": len(self.recipe.pixel_rules),
                "warnings": self.recipe.warnings,
            },
            "held": [
                {"id": one.id, "step": one.step, "code": one.code, "reason": one.reason}
                for one in held(self.ledger)
            ],
            "audit": self._latest(),
        }

    def _latest(self) -> list[dict[str, object]]:
        trail = Trail(self.ledger.home.state)
        records = [json.loads(line) for line in trail.records()][-LATEST:]
        return [{fact: one[fact] for fact in FACTS if fact in one} for one in records]


def _about() -> dict[str, object]:
    packages = {each.metadata["Name"]: each.version for each in distributions()}
    return {
        "img_ingestion": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "packages": dict(sorted(packages.items())),
    }


def _switches(section: BaseModel, name: str = "") -> dict[str, object]:
    """Give a section's numbers and switches; its texts only where they are words of ours."""
    found: dict[str, object] = {}
    for key in type(section).model_fields:
        value = getattr(section, key)
        if isinstance(value, BaseModel):
            found[key] = _switches(value, key)
        elif isinstance(value, Mapping):
            found[key] = f"{len(value)} of them"
        elif isinstance(value, bool | int | float) or (name in CHOICES and isinstance(value, str)):
            found[key] = value
        else:
            found[key] = "(set)" if value else ""
    return found
