"""What the ledger is told of a file, and what it gives to line two."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from img_ingestion.instance import ParcelImage

State = Literal["waiting", "sent", "held", "duplicate"]
SEALED = "original"
"""Among the digests of outputs that of the encrypted original; no output has this name."""


class Entry(NamedTuple):
    """One file, as it was seen, and what became of it."""

    id: str
    customer: str
    place: str
    """Keyed digest of where the file lay."""
    sha256: str
    size: int
    """Bytes."""
    seen_at: float
    """Seconds since 1970."""
    state: State = "waiting"
    work: str = ""
    """Digest of customer, content and policy: what is done once."""
    name: str = ""
    """NAME of the outputs, if there are any."""
    step: str = ""
    code: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Contents:
    """What an entry brings to the outbox."""

    study: Mapping[str, object]
    series: Mapping[str, object]
    images: Sequence[tuple[Mapping[str, object], str]]
    """
    The contract's fields but `data`, and the `.png.txt` in the customer's folder; none where there
    is no pixel data.
    """
    order: int
    """Instance Number (0020,0013)."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """sha256, hexadecimal, of each output file, by its name."""
    uid: str = ""
    """SOP Instance UID (0008,0018), pseudonymous."""


class Outgoing(NamedTuple):
    """One instance that is due at a destination."""

    id: str
    customer: str
    work: str
    """Digest of customer, content and policy: the same instance has the same, whenever it came."""
    name: str
    """NAME of the outputs."""
    study: dict[str, object]
    series: dict[str, object]
    images: tuple[ParcelImage, ...]
    order: int
    """Instance Number (0020,0013)."""
    attempts: int
    parcel: str
    """Key of the parcel that it was noted as part of, before the first attempt; empty till then."""


class Filed(NamedTuple):
    """One file as the ledger has it, to be held against the folders."""

    id: str
    customer: str
    state: State
    size: int
    """Bytes of the original."""
    archived: bool
    """Whether the original is known to be put away."""
    name: str
    outputs: Mapping[str, str]
    """sha256 of each output and of the encrypted original, by name; empty where it is not known."""
    data: tuple[str, ...]
    """Names of the pictures' base64."""
    receipts: int
    """Destinations that said they have it."""
    twins: int
    """Other files that are no duplicates and of the same work."""
    sha256: str
    """Of the original."""
    settled_at: float
    """When it came to its state, in seconds since 1970."""
    delivered: bool
    """Whether it, or what it is a duplicate of, was sent."""
    pruned: frozenset[str]
    """The folders of the home that it was removed from."""

    @property
    def sealed(self) -> str:
        """Give the sha256 of the encrypted original as it was written; empty where it is not."""
        return self.outputs.get(SEALED, "")
