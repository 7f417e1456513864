"""Pixel Data (7FE0,0010) of frames that were written anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.dataelem import DataElement
from pydicom.encaps import encapsulate

from img_ingestion.errors import NotDeidentified, turned_into

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

PIXEL_DATA = 0x7FE00010
LONGEST = 2**32 - 2
"""Bytes of an element that has a length (PS3.5 7.1.1); also what a basic offset table reaches."""


def set_streams(image: Dataset, streams: list[bytes]) -> None:
    """Set one fragment a frame, with their offsets (PS3.5 A.4)."""
    with turned_into(NotDeidentified, "encapsulating the frames"):
        # A basic offset table counts in 32 bits; without one readers walk the fragments.
        fits = sum(len(stream) + 8 for stream in streams) < LONGEST
        set_pixels(image, "OB", encapsulate(streams, has_bot=fits), undefined_length=True)


def set_pixels(image: Dataset, vr: str, data: bytes, *, undefined_length: bool) -> None:
    """Set a new element: to change the value of the old one would change its other owners."""
    image[PIXEL_DATA] = DataElement(PIXEL_DATA, vr, data)
    image[PIXEL_DATA].is_undefined_length = undefined_length
