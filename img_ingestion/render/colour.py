"""Palette, luminance and chrominance -> RGB (PS3.3 C.7.6.3.1.2, C.7.6.3.1.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from img_ingestion.errors import NotRendered
from img_ingestion.render.lookup_table import LookupTable, encoding, lookup_table
from img_ingestion.render.opencv import rgb_of_ybr

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from img_ingestion.pixel_data import PixelFormat

PARTIAL = np.array(
    [[1.1644, 0.0, 1.5960], [1.1644, -0.3917, -0.8130], [1.1644, 2.0173, 0.0]], np.float32
)
"""RGB of (Y - 16, CB - 128, CR - 128) in YBR_PARTIAL_422."""


def rgb(frame: NDArray[Any], pixel_format: PixelFormat) -> NDArray[np.uint8]:
    """Give a frame of three samples as 8-bit RGB, (rows, columns, 3)."""
    if pixel_format.signed:
        raise NotRendered("colour samples are signed")
    levels = in_8_bits(frame, pixel_format.bits_stored)
    if pixel_format.photometric == "YBR_FULL":
        return rgb_of_ybr(levels)
    if pixel_format.photometric == "YBR_PARTIAL_422":
        zero = np.array([16, 128, 128], np.float32)
        return np.clip(np.rint((levels - zero) @ PARTIAL.T), 0, 255).astype(np.uint8)
    return levels


def in_8_bits(values: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Give the eight most significant of `bits` bits; stretch fewer over the whole range."""
    if bits >= 8:  # noqa: PLR2004
        highest: NDArray[Any] = values >> (bits - 8) if bits > 8 else values  # noqa: PLR2004
        return highest.astype(np.uint8, copy=False)
    return (values.astype(np.uint16) * 255 // ((1 << bits) - 1)).astype(np.uint8)


def palette(dataset: Dataset, *, signed: bool) -> tuple[int, NDArray[np.uint8]]:
    """
    Read the palette of the data set.

    Returns
    -------
    int
        First stored value that is mapped.
    ndarray
        (entries, 3), 8-bit RGB.

    """
    written = encoding(dataset, signed=signed)
    red, green, blue = (
        lookup_table(dataset, f"{name}PaletteColorLookupTable", written)
        for name in ("Red", "Green", "Blue")
    )
    if not (red.first == green.first == blue.first):
        raise NotRendered("the colours of the palette do not start at the same value")
    if not (len(red.entries) == len(green.entries) == len(blue.entries)):
        raise NotRendered("the colours of the palette have not the same number of entries")
    return red.first, np.stack([_palette_levels(table) for table in (red, green, blue)], axis=1)


def _palette_levels(table: LookupTable) -> NDArray[np.uint8]:
    return in_8_bits(table.entries, table.bits)


def mapped(stored: NDArray[Any], dataset: Dataset, pixel_format: PixelFormat) -> NDArray[np.uint8]:
    """Give the palette's colour of each of the stored values, (values, 3)."""
    first, colours = palette(dataset, signed=pixel_format.signed)
    return colours[np.clip(stored.astype(np.int64) - first, 0, len(colours) - 1)]
