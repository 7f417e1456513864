"""
What a compressed frame carries beside its pixels: remarks, application segments, second pictures.

No decoder shows them and no reader of the header sees them, but they leave with the file. What is
not needed to decode the frame is cut out; the coded pixels stay byte for byte.

::

    jpeg.py         JPEG and JPEG-LS: COM and APPn segments, what stands behind the end
    jpeg_2000.py    JPEG 2000 and HTJ2K: COM segments, what stands behind the end
    rle.py          RLE: the unused part of the header
    remarks.py      what may stay: an encoder's own name, and padding
"""

from __future__ import annotations

from io import BytesIO
from types import MappingProxyType
from typing import TYPE_CHECKING

from pydicom.encaps import encapsulate, generate_frames, parse_basic_offsets, parse_fragments
from pydicom.uid import (
    HTJ2K,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLELossless,
)

from img_ingestion import attribute
from img_ingestion.deidentify.code_streams import jpeg, jpeg_2000, rle
from img_ingestion.pixel_data.encapsulated import one_each
from img_ingestion.pixel_data.format import frame_count, pixel_element

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydicom.dataset import Dataset

__all__ = ["strip"]

BARE: Mapping[str, Callable[[bytes], bytes]] = MappingProxyType(
    {
        **dict.fromkeys((*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes), jpeg.bare),
        **dict.fromkeys((*JPEG2000TransferSyntaxes, HTJ2K, HTJ2KLossless), jpeg_2000.bare),
        HTJ2KLosslessRPCL: jpeg_2000.bare,
        RLELossless: rle.bare,
    }
)
"""Transfer syntax -> what makes one frame bare. Others have no room for remarks."""

EXTENDED_OFFSETS = (0x7FE00001, 0x7FE00002)


def strip(dataset: Dataset) -> bool:
    """
    Cut everything but the coded pixels out of encapsulated Pixel Data (7FE0,0010).

    Parameters
    ----------
    dataset : Dataset
        With its file meta information; its pixel data and offset tables are changed in place, and
        only if there was something to cut.

    Returns
    -------
    bool
        Whether something was cut.

    Raises
    ------
    NotDecoded
        A code stream is not built as its standard says, or something stands behind its end.

    """
    extended = [tag for tag in EXTENDED_OFFSETS if attribute.has(dataset, tag)]
    bare = BARE.get(dataset.file_meta.TransferSyntaxUID)
    if bare is None or not attribute.has(dataset, "PixelData"):
        # An offset table for pixels that stand uncompressed points nowhere: bytes nobody reads.
        for tag in extended:
            del dataset[tag]
        return bool(extended)
    pixels, count = pixel_element(dataset), frame_count(dataset)
    places = None if extended else one_each(pixels.value, count)
    if places is None:
        tables = None
        if len(extended) == len(EXTENDED_OFFSETS):
            tables = tuple(dataset[tag].value for tag in EXTENDED_OFFSETS)
        every = generate_frames(pixels.value, number_of_frames=count, extended_offsets=tables)
        frames = list(every)
    else:
        frames = [pixels.value[start:end] for start, end in places]
    stripped = [bare(frame) for frame in frames]
    if stripped == frames and not extended and (places or _offsets_are_true(pixels.value)):
        return False
    for tag in extended:
        del dataset[tag]
    pixels.value = encapsulate(stripped)
    return True


def _offsets_are_true(value: bytes) -> bool:
    """Tell whether each entry of the Basic Offset Table (PS3.5 A.4) is where a fragment starts."""
    offsets = parse_basic_offsets(value)
    fragments = BytesIO(value)
    fragments.seek(8 + int.from_bytes(value[4:8], "little"))
    _, starts = parse_fragments(fragments)
    first = starts[0] if starts else 0
    return set(offsets) <= {start - first for start in starts}
