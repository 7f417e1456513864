"""What travels along the line. Frozen values; they go forward only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydicom.dataset import Dataset


CARRY_PICTURES = frozenset({"backend"})
"""
Destinations that are sent pictures; the others are sent the cleaned instances. So the former get
nothing of an instance without pixel data.
"""


@dataclass(frozen=True, slots=True)
class ReceivedInstance:
    """
    One file as a customer sent it, read once.

    `path` and `content` hold PHI: neither is ever printed, logged or written to the ledger.
    """

    id: str
    """Sixteen hexadecimal digits of our own making; what logs, ledger and quarantine call it."""
    customer: str
    path: Path = field(repr=False)
    content: bytes = field(repr=False)
    sha256: str
    """Of `content`, hexadecimal."""


class Region(NamedTuple):
    """
    A rectangle of the picture to hide, in pixels of the whole frame.

    `left` and `top` are inside, `right` and `bottom` just outside, origin top left (PS3.3
    C.7.6.3.1.4 column and row order, counted from 0). `frames` empty means every frame.
    """

    left: int
    top: int
    right: int
    bottom: int
    found_by: str
    """The rule or detector that asked for it, e.g. the label of the recipe's rule."""
    frames: frozenset[int] = frozenset()

    def is_on(self, frame: int) -> bool:
        """Tell whether it is to be hidden in frame `frame`, counted from 1."""
        return not self.frames or frame in self.frames


@dataclass(frozen=True, slots=True)
class Identifiers:
    """
    What identifies the patient in one instance, collected from the original data set.

    Everything is held case-folded and without diacritics as `free_text.folded` makes it. It
    drives the output name, the cleaning of text, pixel text and the residue check.
    """

    names: frozenset[str] = field(default=frozenset(), repr=False)
    """Words of person names, of two letters or more."""
    numbers: frozenset[str] = field(default=frozenset(), repr=False)
    """Record, accession, admission and other identifying numbers."""
    phrases: frozenset[str] = field(default=frozenset(), repr=False)
    """Whole values that identify: addresses, phones, institutions and the like."""
    dates: frozenset[str] = field(default=frozenset(), repr=False)
    """Dates as YYYYMMDD."""
    uids: frozenset[str] = field(default=frozenset(), repr=False)
    """Instance UIDs that must not leave."""
    places: frozenset[str] = field(default=frozenset(), repr=False)
    """Words and names of institutions, wards and stations: identify in prose, name devices too."""
    births: frozenset[str] = field(default=frozenset(), repr=False)
    """Those of the dates that no option moves: the patient was born then."""


@dataclass(frozen=True, slots=True)
class CleanInstance:
    """
    An instance that nothing identifies any more. Only `deidentify()` makes one.

    `dataset` has its file meta information (`dataset.file_meta`), is ready to be written, and
    must not be changed.
    """

    id: str
    customer: str
    name: str
    """Stem of the output files, without the `cleaned-` prefix; cannot identify."""
    dataset: Dataset = field(repr=False)
    parts: tuple[bytes | memoryview, ...] = field(repr=False)
    """The written Part 10 file, as it was checked for residue; its pixels may be the source's."""
    replaced: Mapping[tuple[str, str], str] = field(repr=False)
    """(kind, original) -> pseudonym, for the vault; the only place with originals."""
    regions: tuple[Region, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict, compare=False)
    """What each stage took."""

    @property
    def content(self) -> bytes:
        """The whole file, joined."""
        return b"".join(self.parts)


@dataclass(frozen=True, slots=True)
class Picture:
    """
    One frame as PNG, and what a reader must know to use its samples.

    The numbers describe the PNG, not the source (PS3.3 C.7.6.3): modality value =
    sample * rescale_slope + rescale_intercept.
    """

    frame: int
    """Frame number, from 1."""
    png: bytes = field(repr=False)
    rows: int
    columns: int
    samples_per_pixel: int
    photometric_interpretation: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    rescale_slope: float
    rescale_intercept: float


class ParcelImage(NamedTuple):
    """One entry of the contract's `images`: its words, and the file that holds its `data`."""

    fields: Mapping[str, object]
    """All of the contract's image fields but `data`."""
    data: Path
    """The `.png.txt` whose bytes are exactly the `data` string."""


class Parcel(NamedTuple):
    """What goes to a destination in one request: instances of one series of one customer."""

    customer: str
    ids: tuple[str, ...]
    """Ledger ids of the instances, in instance order."""
    key: str
    """Deterministic idempotency key: same work, same key."""
    study: Mapping[str, object]
    """The contract's `study` object."""
    series: Mapping[str, object]
    """The contract's `series` object."""
    images: tuple[ParcelImage, ...]
    instances: tuple[Path, ...] = ()
    """The cleaned instances as files, one for each id."""


class Receipt(NamedTuple):
    """What a destination said when it took a parcel."""

    status: str
    """For the console and the ledger, e.g. `200 ok`."""
    digest: str = ""
    """sha256 of the answer, hexadecimal."""
