"""What one pass did and how long each line took, as it was told."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from img_ingestion.console import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from img_ingestion.commands.told import Telling, Told
    from img_ingestion.ledger import Ledger

STAGES = {"file": "clean", "parcel": "send"}
"""What was told of -> the line of the pass that took the time, by the clock on the wall."""


@dataclass(frozen=True, slots=True)
class PassRecord:
    """What was told in one pass."""

    logged: bool
    """Whether each of it goes to the log as well."""
    kept: bool
    """Whether somebody will ask for files and parcels; else their number costs no memory."""
    started: float = field(default_factory=time.time)
    """Seconds since 1970."""
    files: list[Mapping[str, Any]] = field(default_factory=list)
    parcels: list[Mapping[str, Any]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    """By line of the pass, and by each stage of the first; of several workers together."""
    refused: dict[str, str] = field(default_factory=dict)
    """Why a destination did not take what is held now, by id; also of files of earlier passes."""

    def watched(self, telling: Telling) -> Telling:
        """Pass on what a pass tells, and keep what will be asked for."""
        while True:
            began = time.monotonic()
            try:
                told = next(telling)
            except StopIteration as end:
                return int(end.value)
            self._note(told, time.monotonic() - began)
            yield told._replace(log=_by_ids(told)) if self.logged else told

    def _note(self, told: Told, seconds: float) -> None:
        for kind, stage in STAGES.items():
            if told.values and kind in told.values:
                self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds
                facts = dict(told.values[kind])  # type: ignore[call-overload]
                # Added up and not kept: a pass may be of a hundred thousand files.
                laps = facts.pop("seconds", {})
                if self.kept:
                    (self.files if kind == "file" else self.parcels).append(facts)
                for part, spent in laps.items():
                    whole = f"{stage}: {part}"
                    self.seconds[whole] = self.seconds.get(whole, 0.0) + spent

    def settle(self, ledger: Ledger) -> None:
        """Take up how the pass left its files: what was cleaned may have been sent, or refused."""
        said = {one: parcel["status"] for parcel in self.parcels for one in parcel["ids"]}
        now = ledger.outcomes([*said, *(str(one["id"]) for one in self.files)])
        for number, one in enumerate(self.files):
            if one["outcome"] == "waiting" and one["id"] in now:
                state, code = now[one["id"]]
                self.files[number] = {**one, "outcome": state, "code": code}
        for one in said.keys() & now.keys():
            state, code = now[one]
            if state == "held":
                self.refused[one] = f"{refusal(code)}: {said[one]}"

    @property
    def outcomes(self) -> Counter[tuple[str, str]]:
        """Count files by outcome and code, parcels' images by outcome."""
        return Counter((one["outcome"], one["code"]) for one in self.files)

    @property
    def encoded_bytes(self) -> int:
        """Bytes of base64 that the pass made."""
        return sum(size for one in self.files for _, size in one["encoded"])


def _by_ids(told: Told) -> Mapping[str, object] | None:
    """Give what the log may have: ids and codes, no path, not even a safe one."""
    if told.values is None:
        return None
    left_out = {"shown", "encoded", "seconds"}
    return {
        kind: {k: v for k, v in facts.items() if k not in left_out}
        if isinstance(facts, dict)
        else facts
        for kind, facts in told.values.items()
    }
