"""What the ledger is told of a file, and what it gives to line two."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from img_ingestion.instance import ParcelImage

State = Literal["waiting", "sent", "held", "duplicate"]


@dataclass(frozen=True, slots=True)
class Entry:
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
    """The contract's fields but `data`, and the `.png.txt` in the customer's folder."""
    order: int
    """Instance Number (0020,0013)."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """sha256, hexadecimal, of each output, by its suffix after the stem, e.g. `.dcm`."""


@dataclass(frozen=True, slots=True)
class Outgoing:
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
    """Key of the parcel that it is part of since its first attempt; empty before."""
