"""What the header says of the pixel values, and whether it says enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from img_ingestion import attribute
from img_ingestion.errors import NotDecoded, turned_into

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

FLOATS = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}
"""Pixel data that are floating point numbers, and their bits (PS3.3 C.7.6.24, C.7.6.25)."""

SAMPLES = {
    "MONOCHROME1": 1,
    "MONOCHROME2": 1,
    "PALETTE COLOR": 1,
    "RGB": 3,
    "YBR_FULL": 3,
    "YBR_FULL_422": 3,
    "YBR_PARTIAL_422": 3,
    "YBR_ICT": 3,
    "YBR_RCT": 3,
}
"""Photometric interpretations that are understood, and their Samples per Pixel (0028,0002)."""


class PixelFormat(NamedTuple):
    """Shape and meaning of the pixel values (PS3.3 C.7.6.3)."""

    rows: int
    columns: int
    frames: int
    samples: int
    bits_allocated: int
    bits_stored: int
    signed: bool
    photometric: str
    is_float: bool
    high_bit: int
    planar: bool | None = False
    """Planar Configuration (0028,0006) is 1: cells lie plane by plane. None: the header is mute."""

    @property
    def values(self) -> int:
        """Number of values in one frame."""
        return self.rows * self.columns * self.samples

    @property
    def cell(self) -> np.dtype[Any]:
        """Container of one value, unsigned unless it is a floating point number."""
        if self.is_float:
            return np.dtype(f"f{self.bits_allocated // 8}")
        return np.dtype(f"u{max(self.bits_allocated, 8) // 8}")

    @property
    def unpacked_bytes(self) -> int:
        """Bytes of all frames, decoded."""
        return self.frames * self.values * self.cell.itemsize


def pixel_element(dataset: Dataset) -> DataElement:
    """Find the one element that holds the pixels: integer, float or double float."""
    found = [keyword for keyword in ("PixelData", *FLOATS) if attribute.has(dataset, keyword)]
    if len(found) != 1:
        raise NotDecoded(f"{len(found)} pixel data elements where there must be one")
    with turned_into(NotDecoded, f"reading {found[0]}"):
        element = dataset[attribute.tag_of(found[0])]
    if not isinstance(element.value, bytes | memoryview) or not element.value:
        raise NotDecoded(f"{found[0]} is empty or not bytes")
    return element


def declared_format(dataset: Dataset) -> PixelFormat:
    """Read what the header declares; refuse what is absent or contradicts itself."""
    bits = FLOATS.get(pixel_element(dataset).keyword, 0)
    allocated = _number(dataset, "BitsAllocated")
    stored = bits or _number(dataset, "BitsStored")
    samples = _number(dataset, "SamplesPerPixel")
    declared = PixelFormat(
        rows=_number(dataset, "Rows"),
        columns=_number(dataset, "Columns"),
        frames=frame_count(dataset),
        samples=samples,
        bits_allocated=allocated,
        bits_stored=stored,
        signed=not bits and _number(dataset, "PixelRepresentation") == 1,
        photometric=_text(dataset, "PhotometricInterpretation"),
        is_float=bool(bits),
        high_bit=_number(dataset, "HighBit", stored - 1),
        planar=_planar(dataset) if samples > 1 else False,
    )
    _consistent(declared, bits)
    return declared


def frame_count(dataset: Dataset) -> int:
    """Give Number of Frames (0028,0008); an image without it has one."""
    return _number(dataset, "NumberOfFrames", 1)


def _consistent(declared: PixelFormat, float_bits: int) -> None:
    """Refuse numbers that cannot all be true (PS3.5 section 8.1.1, PS3.3 C.7.6.3.1)."""
    if min(declared.rows, declared.columns, declared.frames) < 1:
        raise NotDecoded("Rows, Columns or Number of Frames is below 1")
    if SAMPLES.get(declared.photometric) != declared.samples:
        raise NotDecoded("Photometric Interpretation does not go with Samples per Pixel")
    if declared.bits_allocated not in ((float_bits,) if float_bits else (1, 8, 16, 32)):
        raise NotDecoded(f"Bits Allocated {declared.bits_allocated} is not supported")
    if not 1 <= declared.bits_stored <= declared.high_bit + 1 <= declared.bits_allocated:
        raise NotDecoded("Bits Stored, High Bit and Bits Allocated contradict each other")


def stored_values(cells: NDArray[Any], pixel_format: PixelFormat, shift: int = 0) -> NDArray[Any]:
    """
    Take the stored bits out of their cells (PS3.5 section 8.1.1).

    Parameters
    ----------
    cells : ndarray
        (rows, columns, samples), of any integer type: a decoder's sign is only bits here.
    pixel_format : PixelFormat
        Bits Stored and Pixel Representation decide what counts and what is a sign.
    shift : int
        Bits below the stored ones: High Bit + 1 - Bits Stored.

    Returns
    -------
    ndarray
        Same shape, sign extended, nothing left of what shared the cell (overlay bits, dirt).

    """
    if pixel_format.is_float:
        return cells
    cells = cells.astype(pixel_format.cell, copy=False)
    spare = pixel_format.cell.itemsize * 8 - pixel_format.bits_stored
    if pixel_format.signed:
        cells = cells.view(f"i{pixel_format.cell.itemsize}")
    if not spare or (not shift and stand_alone(cells, pixel_format)):
        return cells
    if pixel_format.signed:
        return cells << (spare - shift) >> spare
    mask = cells.dtype.type((1 << pixel_format.bits_stored) - 1)
    stored: NDArray[Any] = cells >> shift & mask
    return stored


def stand_alone(cells: NDArray[Any], pixel_format: PixelFormat) -> bool:
    """
    Tell whether values whose stored bits are the lowest share their cells with nothing.

    Above them are zeros, or their sign repeated. To look takes a third of what a copy takes.
    """
    if not pixel_format.signed:
        return bool(cells.max() < 1 << pixel_format.bits_stored)
    numbers = cells.view(cells.dtype.str.replace("u", "i"))
    beyond = 1 << pixel_format.bits_stored - 1
    return bool(-beyond <= numbers.min() and numbers.max() < beyond)


def _planar(dataset: Dataset) -> bool | None:
    """Read what native frames of several samples need (type 1C) and codestreams do not."""
    planar = _number(dataset, "PlanarConfiguration", -1)
    return {0: False, 1: True}.get(planar)


def _number(dataset: Dataset, keyword: str, default: int | None = None) -> int:
    with turned_into(NotDecoded, f"reading {keyword}"):
        value = attribute.number(dataset, keyword)
        if value is None:
            value = default
        if value is None:
            raise NotDecoded(f"{keyword} is missing")
        return value


def _text(dataset: Dataset, keyword: str) -> str:
    with turned_into(NotDecoded, f"reading {keyword}"):
        return attribute.text(dataset, keyword).upper()
