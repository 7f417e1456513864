"""Encapsulated pixel data: fragments -> codestreams, one a frame (PS3.5 annex A.4)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from pydicom.encaps import generate_frames

from img_ingestion import attribute
from img_ingestion.errors import NotDecoded, turned_into

if TYPE_CHECKING:
    from collections.abc import Generator

    from pydicom.dataset import Dataset

ITEM = struct.pack("<HH", 0xFFFE, 0xE000)
HEADER = 8
"""Bytes of an item's tag and length."""


def codestreams(dataset: Dataset, frames: int) -> Generator[bytes, None, None]:
    """
    Give the codestream of each frame, in frame order.

    Raises
    ------
    NotDecoded
        The fragments do not make as many frames as Number of Frames (0028,0008) says. It
        comes at the end when there are too many: the rest would be pixels nobody looks at.

    """
    count = 0
    with turned_into(NotDecoded, "reading the fragments"):
        value, offsets = dataset.PixelData, _offsets(dataset)
        places = None if offsets else one_each(value, frames)
        if places is not None:
            yield from (value[start:end] for start, end in places)
            return
        for frame in generate_frames(value, number_of_frames=frames, extended_offsets=offsets):
            count += 1
            if count > frames:
                break
            yield frame
    if count != frames:
        raise NotDecoded("the fragments do not make as many frames as Number of Frames says")


def one_each(value: bytes, frames: int) -> list[tuple[int, int]] | None:
    """
    Give where each frame begins and ends, where each is one fragment.

    None where one may be several, where the Basic Offset Table says otherwise, and where the
    fragments do not end with the bytes.
    """
    places, position = [], 0
    while position + HEADER <= len(value) and value.startswith(ITEM, position):
        start = position + HEADER
        position = start + int.from_bytes(value[start - 4 : start], "little")
        places.append((start, position))
    if position != len(value) or len(places) != frames + 1:
        return None
    (start, first), *of_frames = places
    if start == first:  # no table, as what is longer than one can say has none
        return of_frames
    table = struct.pack(f"<{frames}L", *(begins - HEADER - first for begins, _ in of_frames))
    return of_frames if value[start:first] == table else None


def _offsets(dataset: Dataset) -> tuple[bytes, bytes] | None:
    """Give the Extended Offset Table (7FE0,0001) and its lengths, where both are there."""
    keywords = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")
    if not all(attribute.has(dataset, keyword) for keyword in keywords):
        return None
    return dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths
