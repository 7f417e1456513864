"""What a reviewer decides, done: tried, written into the recipe, recorded, and taken anew."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from img_ingestion import durable, turns
from img_ingestion.deidentify import recipe
from img_ingestion.errors import NotDicom, SettingsError, turned_into
from img_ingestion.ingest import ingest
from img_ingestion.review import device, explain, held
from img_ingestion.review.audit import Trail
from img_ingestion.review.overview import DELIVER, REJECTED, Held
from img_ingestion.review.overview import held as listed
from img_ingestion.settings_file import recipe_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from img_ingestion.deidentify.pixels.rules import Box, PixelRule
    from img_ingestion.deidentify.recipe import Recipe
    from img_ingestion.home import Home
    from img_ingestion.outcome import Ingested
    from img_ingestion.review.device import Device
    from img_ingestion.review.explain import Explanation
    from img_ingestion.settings import Settings

LONGEST_S = 20.0
"""Time that a decision about many images takes; the rest is taken by the next pass."""
GRAYLIST = "\n%filter graylist\n\n# Made in review; state/audit.jsonl says when and by whom.\n\n"


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a reviewer works. Looking takes no lock; a decision takes it while it lasts."""

    home: Home
    settings: Settings
    devices: dict[str, Device] = field(default_factory=dict, repr=False)
    """Of the originals that were read; what lies under an id does not change."""

    def device(self, one: Held) -> Device:
        """Say which device made a held image."""
        if one.id not in self.devices:
            self.devices[one.id] = device.device(self.home, one)
        return self.devices[one.id]

    def inbox(self) -> list[Held]:
        """Give what waits for a person: not what is rejected, nor what a destination refused."""
        with turns.ledger(self.home, self.settings.ledger, rehearsing=True) as ledger:
            return [one for one in listed(ledger) if one.step not in {REJECTED, DELIVER}]

    def recipe(self, *rules: PixelRule) -> Recipe:
        """Read the recipe in force, with rules of a reviewer's on top."""
        site = recipe.load(recipe_path(self.settings, self.home.root))
        if not rules:
            return site
        # Another digest: other policy, other work.
        digest = hashlib.sha256(f"{site.digest}\0{rules!r}".encode()).hexdigest()
        return site._replace(pixel_rules=(*site.pixel_rules, *rules), digest=digest)

    def tried(self, one: Held, drawn: Sequence[Box], frame: int = 1) -> Explanation:
        """Say what would become of a held file with what was drawn; nothing is written."""
        rules = [device.hiding(self._uid(one), drawn)] if drawn else []
        site = self.recipe(*rules)
        path = held.original(self.home, one)
        case = explain.case(path, one.customer, self.home, self.settings, site)
        return explain.explained(case, {frame})

    def again(self, one: Held) -> list[Ingested]:
        """Let it be decided anew, under the settings and the recipe of now."""
        return self._decided("again", [one], {})

    def accept(self, one: Held) -> list[Ingested]:
        """Take the reviewer's word that nothing in these pixels identifies."""
        rules = [device.vouching(self._uid(one))]
        return self._decided("accept", [one], {}, rules)

    def hide(self, one: Held, drawn: Sequence[Box]) -> list[Ingested]:
        """Hide what was drawn, in this image."""
        if not drawn:
            raise SettingsError("no region is drawn")
        rules = [device.hiding(self._uid(one), drawn)]
        return self._decided("hide", [one], {"boxes": list(drawn)}, rules)

    def reject(self, one: Held) -> None:
        """Keep it back for good."""
        with turns.ledger(self.home, self.settings.ledger) as ledger:
            held.reject(ledger, Trail(self.home.state), one)

    def brothers(self, of: Device) -> list[Held]:
        """Give everything held that this device made."""
        return [one for one in self.inbox() if self.device(one) == of]

    def rule(self, of: Device, drawn: Sequence[Box]) -> list[Ingested]:
        """
        Write a rule for the device into the home's recipe, and take all it made anew.

        What is not taken within `LONGEST_S` lies in `local_dcm/` again, for the next pass.
        """
        if not drawn:
            raise SettingsError("no region is drawn")
        with_rule = self._with_rule(of.statement(drawn))
        ones = self.brothers(of)
        with turns.turn(self.home, self.settings.ledger):
            durable.write(self.home.root / self.settings.recipe, with_rule)
            facts = {"rule": of.statement(drawn), "images": len(ones)}
            Trail(self.home.state).add("rule", facts)
        return self._decided("rule", ones, {})

    def _with_rule(self, statement: str) -> bytes:
        """Add a rule to the recipe in force; refuse one that it could not be read with."""
        text = recipe_path(self.settings, self.home.root).read_bytes()
        written = text.rstrip(b"\n") + b"\n" + GRAYLIST.encode() + statement.encode()
        recipe.read(written)
        return written

    def _decided(
        self,
        what: str,
        ones: Sequence[Held],
        facts: dict[str, object],
        rules: Sequence[PixelRule] = (),
    ) -> list[Ingested]:
        """Record the decision, put the originals back, and take them at once."""
        incoming = self.settings.incoming.model_copy(update={"settle_s": 0.0})
        settings = self.settings.model_copy(update={"incoming": incoming})
        trail = Trail(self.home.state)
        with turns.ledger(self.home, self.settings.ledger) as ledger:
            for one in ones:
                held.check(self.home, one)
                # The release that follows makes it durable.
                decided = {"id": one.id, "customer": one.customer, **facts}
                trail.add(what, decided, synced=False)
            files = held.release(self.home, ledger, trail, ones)
            site, taken, until = self.recipe(*rules), [], time.monotonic() + LONGEST_S
            for outcome in ingest(self.home, settings, site, ledger, files) if files else ():
                taken.append(outcome)
                parts = ("id", "customer", "outcome", "code", "reason")
                trail.add("file", {part: getattr(outcome, part) for part in parts})
                if time.monotonic() > until:
                    break
        return taken

    def _uid(self, one: Held) -> str:
        """Give the instance's own UID; without one nothing can be said of it alone."""
        limits = self.settings.of(one.customer).limits
        with turned_into(NotDicom, "reading a held original"):
            uid = str(device.dataset(self.home, one, limits).get("SOPInstanceUID") or "")
        if not uid:
            raise NotDicom("an instance without a UID")
        return uid
