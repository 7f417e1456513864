"""What is decided and waits to be entered: several files, which then share the syncs."""

from __future__ import annotations

import time
from math import inf
from typing import TYPE_CHECKING

from img_ingestion.outcome import TAKEN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from img_ingestion.bench import Decided
    from img_ingestion.outcome import Ingested

TOGETHER = 64
"""Files that are entered at a time, at the most."""
TOGETHER_BYTES = 64 * 2**20
"""Bytes of their originals, which are in memory until then; one file may have more."""
PAUSE_S = 0.5
"""How long what is decided waits for others."""


class Gathering:
    """
    What is decided, by customer: where a place refuses, that is a customer's.

    Parameters
    ----------
    together : int, optional
        How many are entered at a time.
    most : float, optional
        How many are entered at all, of those that were not told before.

    """

    def __init__(self, together: int = TOGETHER, most: float = inf) -> None:
        self._together = together
        self._most = most
        self._decided: list[Decided] = []
        self._since = 0.0

    def __len__(self) -> int:
        return len(self._decided)

    def add(self, one: Decided) -> None:
        """Let one wait for others."""
        if not self._decided:
            self._since = time.monotonic()
        self._decided.append(one)

    @property
    def left_s(self) -> float:
        """Give the time that they may still wait, in seconds."""
        waited_s = time.monotonic() - self._since
        return max(0.0, PAUSE_S - waited_s) if self._decided else inf

    @property
    def due(self) -> bool:
        """Tell whether it is time to enter what is there."""
        return bool(self._decided) and (
            len(self._decided) >= self._together
            or sum(not one.told for one in self._decided) >= self._most
            or sum(one.job.entry.size for one in self._decided) >= TOGETHER_BYTES
            or len({one.job.entry.customer for one in self._decided}) > 1
            or not self.left_s
        )

    def taken(self) -> list[Decided]:
        """Take those that are to be entered now, of one customer; others go on waiting."""
        customer, left = self._decided[0].job.entry.customer, self._most
        group: list[Decided] = []
        others: list[Decided] = []
        for one in self._decided:
            fits = one.job.entry.customer == customer and len(group) < self._together
            left -= fits and not one.told
            (group if fits and left >= 0 else others).append(one)
        self._decided = others
        return group

    def entered(self, outcomes: Iterable[Ingested]) -> None:
        """Note what was entered."""
        self._most -= sum(one.outcome in TAKEN for one in outcomes)
