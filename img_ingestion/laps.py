"""How long each stage of a piece of work took."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Laps:
    """A stopwatch: the time since the lap before belongs to the stage that is named."""

    seconds: dict[str, float] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def lap(self, stage: str) -> None:
        """Give the time since the lap before to a stage."""
        now = time.monotonic()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self.began
        self.began = now
