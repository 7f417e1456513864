"""Encapsulated pixel data: fragments -> codestreams, one a frame (PS3.5 annex A.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.encaps import generate_frames

from img_ingestion.errors import NotDecoded, turned_into

if TYPE_CHECKING:
    from collections.abc import Generator

    from pydicom.dataset import Dataset


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
        for frame in generate_frames(
            dataset.PixelData, number_of_frames=frames, extended_offsets=_offsets(dataset)
        ):
            count += 1
            if count > frames:
                break
            yield frame
    if count != frames:
        raise NotDecoded("the fragments do not make as many frames as Number of Frames says")


def _offsets(dataset: Dataset) -> tuple[bytes, bytes] | None:
    """Give the Extended Offset Table (7FE0,0001) and its lengths, where both are there."""
    keywords = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")
    if any(keyword not in dataset for keyword in keywords):
        return None
    return dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths
