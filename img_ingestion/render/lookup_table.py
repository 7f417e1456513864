"""LUT Descriptor and LUT Data of modality, VOI and palette (PS3.3 C.11.1.1, C.7.6.3.1.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pydicom.uid import ExplicitVRBigEndian

from img_ingestion.errors import NotRendered, turned_into
from img_ingestion.render.functional_groups import items, numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

DISCRETE, LINEAR, INDIRECT = 0, 1, 2
"""Segment types of PS3.3 C.7.9.2."""


LONGEST = 2**16
"""Entries of a table at the most; a descriptor writes this number as 0."""


@dataclass(frozen=True, slots=True, eq=False)
class LookupTable:
    """Entries for consecutive values, the first of which is `first`."""

    first: int
    bits: int
    entries: NDArray[np.uint16]

    def applied(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Look values up; those outside get the nearest entry, as the standard wants."""
        index = np.clip(np.rint(np.nan_to_num(values)) - self.first, 0, len(self.entries) - 1)
        return np.asarray(self.entries[index.astype(np.intp)], np.float64)


class Encoding(NamedTuple):
    """How the numbers of a table are written in this instance."""

    big_endian: bool
    signed: bool
    """The values that are looked up can be negative, so the first one mapped can be too."""


def encoding(dataset: Dataset, *, signed: bool) -> Encoding:
    """Say how the tables of an instance are written."""
    with turned_into(NotRendered, "reading TransferSyntaxUID"):
        return Encoding(dataset.file_meta.TransferSyntaxUID == ExplicitVRBigEndian, signed)


def first_table(dataset: Dataset, keyword: str, written: Encoding) -> LookupTable | None:
    """Read the first table of a LUT sequence, none where it is absent or an empty shell."""
    for item in items(dataset, keyword)[:1]:
        if numbers(item, "LUTDescriptor"):
            return lookup_table(item, "LUT", written)
    return None


def lookup_table(item: Dataset, prefix: str, written: Encoding) -> LookupTable:
    """
    Read one table.

    Parameters
    ----------
    item : Dataset
        Item of a LUT sequence, or the data set that has the palette.
    prefix : str
        `LUT` for the sequences' items, `RedPaletteColorLookupTable` and so on for palettes.
    written : Encoding
        Byte order and sign of the instance.

    Raises
    ------
    NotRendered
        Descriptor and data contradict each other.

    """
    with turned_into(NotRendered, f"reading {prefix}Descriptor"):
        count, first, bits = (int(number) for number in item[f"{prefix}Descriptor"].value)
    if not 8 <= bits <= 16:  # noqa: PLR2004 - PS3.3 C.11.1.1
        raise NotRendered(f"{prefix}Descriptor asks for entries that have not 8 to 16 bits")
    count = count or LONGEST
    with turned_into(NotRendered, f"reading {prefix}Data"):
        entries = _entries(item, prefix, written, (count, bits))
    if len(entries) != count:
        raise NotRendered(f"{prefix}Data has not as many entries as its descriptor says")
    if written.signed and first >= 2**15:
        first -= 2**16
    return LookupTable(first, bits, entries)


def _entries(
    item: Dataset, prefix: str, written: Encoding, shape: tuple[int, int]
) -> NDArray[np.uint16]:
    count, bits = shape
    if f"{prefix}Data" in item:
        return _numbers(item[f"{prefix}Data"].value, written, shape)
    segmented = item[f"Segmented{prefix}Data"].value
    octets = bits == 8 and isinstance(segmented, bytes)  # noqa: PLR2004
    size = len(segmented) // (1 if octets else 2) if isinstance(segmented, bytes) else 0
    return _expanded(_numbers(segmented, written, (size, bits)).tolist(), count, octets=octets)


def _numbers(value: Any, written: Encoding, shape: tuple[int, int]) -> NDArray[np.uint16]:  # noqa: ANN401
    """Give numbers of 8 or 16 bits, whichever the length of the data says."""
    if not isinstance(value, bytes):
        return np.atleast_1d(np.asarray(value, np.int64)).astype(np.uint16)
    count, bits = shape
    words = np.frombuffer(value[: len(value) // 2 * 2], ">u2" if written.big_endian else "<u2")
    if bits == 8 and len(value) < 2 * count:  # noqa: PLR2004
        # One octet an entry; in words, so that big endian swaps them in pairs.
        octets = words.astype("<u2").view(np.uint8) if written.big_endian else value
        return np.frombuffer(octets, np.uint8)[:count].astype(np.uint16)
    return words[:count].astype(np.uint16)


def _expanded(segments: list[int], count: int, *, octets: bool) -> NDArray[np.uint16]:
    """Expand segmented data to at most `count` entries (PS3.3 C.7.9.2)."""
    entries: list[int] = []
    at = 0
    while at + 1 < len(segments) and len(entries) < count:
        at = _segment(segments, at, entries, octets=octets)
    return np.asarray(entries, np.uint16)


def _segment(segments: list[int], at: int, entries: list[int], *, octets: bool) -> int:
    """Expand the segment that starts at index `at`; give the index after it."""
    if len(entries) > LONGEST:
        raise NotRendered("a segmented palette expands to more than its descriptor can say")
    kind, length = segments[at], segments[at + 1]
    at += 2
    if kind == DISCRETE:
        entries += segments[at : at + length]
        return at + length
    if kind == LINEAR and entries:
        # The line starts after the last entry, and its last point is its end.
        line = np.linspace(entries[-1], segments[at], length + 1)[1:]
        entries += np.rint(line).astype(int).tolist()
        return at + 1
    if kind != INDIRECT:
        raise NotRendered("a segmented palette has a segment of unknown type")
    # The offset has 32 bits, the least significant part first, and counts bytes.
    parts, width = (4, 8) if octets else (2, 16)
    offset = sum(part << width * index for index, part in enumerate(segments[at : at + parts]))
    start = offset if octets else offset // 2
    for _ in range(length):
        if segments[start] == INDIRECT:
            raise NotRendered("a segmented palette refers to a reference")
        start = _segment(segments, start, entries, octets=octets)
    return at + parts
