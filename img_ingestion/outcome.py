"""What a pass says of a file: its outcome, in words that identify nobody."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Self

from img_ingestion.errors import InstanceError, NoPicture

if TYPE_CHECKING:
    from collections.abc import Mapping

    from img_ingestion.ledger import Entry
    from img_ingestion.ledger.entry import State

STEPS: Mapping[str, str] = {
    "NotDicom": "read",
    "Incomplete": "read",
    "TooLarge": "read",
    "NotAdmitted": "admit",
    "NotDecoded": "decode",
    "NotDeidentified": "deidentify",
    "NotVerified": "verify",
    "NotRendered": "render",
    "NotDescribed": "describe",
}
"""Which step of the line holds an instance, by the code of the error."""

_KINDS: list[type[InstanceError]] = [*InstanceError.__subclasses__(), NoPicture]
PLAIN: Mapping[str, str] = {kind.__name__: kind.plain for kind in _KINDS}
"""The plain words, by code."""

Stays = Literal["arriving", "skipped", "stuck"]
"""Why a file stays in `local_dcm`: for the next pass, for good, or until a place can be written."""
TAKEN = frozenset({"waiting", "held", "duplicate"})
"""What becomes of a file that does not stay."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of one file in this pass."""

    id: str
    customer: str
    shown: str
    """What the console may call the file: a path in which nothing identifies."""
    outcome: Literal["waiting", "held", "duplicate"] | Stays
    code: str = ""
    plain: str = ""
    """The reason in plain words, of what is held or stays."""
    reason: str = ""
    """What exactly held it, or is odd about it: keywords, rules and types, never a value."""
    encoded: tuple[tuple[str, int], ...] = ()
    """The pictures: file name, and bytes of base64."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """What each stage took; empty of what was not made anew."""
    more: bool = False
    """Whether others that were entered together with it are still to be told."""

    @property
    def of_store(self) -> Self:
        """The same of an object of a store, which lies in no folder of the home."""
        return replace(self, shown=self.shown.replace("./local_dcm/", "s3:", 1))


PAUSE = Ingested("", "", "", "skipped")
"""Given where that is asked for: nothing is half done, and there is time for something else."""


def taken(state: State) -> Literal["waiting", "held", "duplicate"]:
    """Say what became of a file when it was taken, whatever was sent since."""
    return "waiting" if state == "sent" else state


def told(entry: Entry) -> Ingested:
    """Say what became of a file, in words that identify nobody."""
    return Ingested(
        id=entry.id,
        customer=entry.customer,
        shown=f"./local_dcm/{entry.customer}/{entry.name or entry.id}.dcm",
        outcome=taken(entry.state),
        code=entry.code,
        plain=PLAIN.get(entry.code, "held") if entry.code else "",
        reason=entry.reason,
    )


def left(one: str, customer: str, why: Stays, plain: str) -> Ingested:
    """Say of a file that it stays where it is."""
    return Ingested(one, customer, f"./local_dcm/{customer}/{one}", why, plain=plain)
