"""Count a pass so that it adds up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from img_ingestion.ledger import Ledger
    from img_ingestion.settings import Settings

State = Literal["sent", "waiting", "held", "duplicate"]
STATES: tuple[State, ...] = ("sent", "waiting", "held", "duplicate")


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of each instance of one pass; the last word about it counts."""

    states: dict[str, State] = field(default_factory=dict)
    """By ledger id."""
    reasons: dict[str, str] = field(default_factory=dict)
    """Of the held ones, in plain words, by ledger id."""
    left: list[str] = field(default_factory=list)
    """Why files stay where they are: `arriving`, `skipped` or `stuck`."""

    @property
    def stuck(self) -> bool:
        """Tell whether a customer's files cannot be taken because a place refuses."""
        return "stuck" in self.left

    def note(self, ids: Iterable[str], state: State, plain: str = "") -> None:
        """Note what became of some instances."""
        for one in ids:
            self.states[one] = state
            if state == "held":
                self.reasons[one] = plain

    def count(self, state: State) -> int:
        """Count the instances in one state."""
        return sum(1 for one in self.states.values() if one == state)

    def summary(self, waiting: int) -> str:
        """
        Say how the pass ended, in one line that adds up.

        Parameters
        ----------
        waiting : int
            Every instance that waits now, also those of earlier passes.

        """
        counts = {state: self.count(state) for state in STATES} | {"waiting": waiting}
        counted = [f"{count} {state}" for state, count in counts.items()]
        reasons = Counter(self.reasons[one] for one in self.states if self.states[one] == "held")
        if reasons:
            detail = ", ".join(f"{count} {plain}" for plain, count in sorted(reasons.items()))
            counted[STATES.index("held")] += f" ({detail})"
        for why, plain in (
            ("arriving", "still arriving"),
            ("skipped", "skipped"),
            ("stuck", "stuck"),
        ):
            if why in self.left:
                counted.append(f"{self.left.count(why)} {plain}")
        return f"{sum(counts.values())} seen: {', '.join(counted)}"


def stranded(settings: Settings, ledger: Ledger) -> int:
    """Count what waits though no destination is configured for its customer."""
    return sum(
        ledger.pending(customer)
        for customer in ledger.customers()
        if not settings.of(customer).destinations
    )
