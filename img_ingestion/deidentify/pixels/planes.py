"""Bits of a pixel cell that are not of the pixel: where old overlays, or anything, may hide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from img_ingestion.deidentify.pixels import native
from img_ingestion.errors import NotDeidentified, turned_into
from img_ingestion.pixel_data import frames
from img_ingestion.pixel_data.codecs import CODECS
from img_ingestion.pixel_data.encapsulated import codestreams
from img_ingestion.pixel_data.format import pixel_element, stand_alone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from img_ingestion.pixel_data import PixelFormat
    from img_ingestion.settings import Limits

BITS_STORED, HIGH_BIT, PIXEL_REPRESENTATION = 0x00280101, 0x00280102, 0x00280103
OVERLAYS = 0x6000
OVERLAY_BITS_ALLOCATED, OVERLAY_BIT_POSITION, OVERLAY_DATA = 0x0100, 0x0102, 0x3000


def clear(dataset: Dataset, stored: PixelFormat, limits: Limits) -> bool:
    """
    Clear the bits outside Bits Stored (0028,0101) of native pixel data, if anything is there.

    An overlay could once live in them (PS3.3 C.9.2, retired): no picture shows it, and the
    file would carry it out. They are cleared whether or not the header tells of an overlay.
    Zeros, and the sign of a negative value repeated (PS3.5 8.1.1), are legal and stay: then
    no byte changes.

    Returns
    -------
    bool
        Whether a bit was changed.

    Raises
    ------
    NotDeidentified
        An overlay lives where it cannot be told from the picture, or something stands beside
        the stored bits of compressed data.

    """
    for position in _embedded(dataset):
        lowest = stored.high_bit - stored.bits_stored + 1
        if not native.is_native(dataset) or lowest <= position <= stored.high_bit:
            raise NotDeidentified("an overlay lives in the pixel data")
    if stored.bits_stored == stored.bits_allocated:
        return False
    if native.is_native(dataset):
        return _cleared(dataset, stored)
    if not all(_is_legal(cells, stored) for cells in _whole_cells(dataset, stored, limits)):
        raise NotDeidentified("something stands beside the stored bits of compressed pixels")
    return False


def _cleared(dataset: Dataset, stored: PixelFormat) -> bool:
    pixels = pixel_element(dataset)
    if _is_legal(native.words(np.frombuffer(pixels.value, np.uint8), dataset, stored), stored):
        return False
    octets = np.frombuffer(pixels.value, np.uint8).copy()
    cells = native.words(octets, dataset, stored)
    cells[:] = _in_place(cells, stored)
    pixels.value = octets.tobytes()
    return True


def _whole_cells(dataset: Dataset, stored: PixelFormat, limits: Limits) -> Iterator[NDArray[Any]]:
    """Decode with all allocated bits, where the code streams have more than the stored ones."""
    header = CODECS[dataset.file_meta.TransferSyntaxUID].header
    if header and all(
        header(stream).precision <= stored.bits_stored
        for stream in codestreams(dataset, stored.frames)
    ):
        return
    whole = dataset.group_dataset(0x0028)
    whole.update(dataset.group_dataset(0x7FE0))
    whole.file_meta = dataset.file_meta
    # New elements: to set the value of one would set it in `dataset` too.
    whole.add_new(BITS_STORED, "US", stored.bits_allocated)
    whole.add_new(HIGH_BIT, "US", stored.bits_allocated - 1)
    whole.add_new(PIXEL_REPRESENTATION, "US", 0)
    yield from frames(whole, limits)


def _embedded(dataset: Dataset) -> Iterator[int]:
    """Give the bit position of each overlay that the header says is in the pixel data."""
    groups = {int(tag) >> 16 for tag, _ in dataset.items()}
    for group in sorted(group for group in groups if group & 0xFF01 == OVERLAYS):
        position = _number(dataset, group, OVERLAY_BIT_POSITION)
        bits = _number(dataset, group, OVERLAY_BITS_ALLOCATED)
        has_data = (group << 16) + OVERLAY_DATA in dataset
        if not has_data and (position > 0 or bits > 1):
            yield position


def _number(dataset: Dataset, group: int, element: int) -> int:
    tag = (group << 16) + element
    with turned_into(NotDeidentified, "reading where an overlay lives"):
        return int(dataset[tag].value or 0) if tag in dataset else 0


def _is_legal(cells: NDArray[Any], stored: PixelFormat) -> bool:
    if stored.high_bit + 1 == stored.bits_stored and stand_alone(cells, stored):
        return True
    used = _mask(stored)
    if not int(np.bitwise_or.reduce(cells, axis=None)) & ~used:
        return True
    return stored.signed and np.array_equal(cells, _in_place(cells, stored))


def _in_place(cells: NDArray[Any], stored: PixelFormat) -> NDArray[Any]:
    """Give the cells with their stored bits alone, signed values with their sign repeated."""
    kept: NDArray[Any] = np.bitwise_and(cells, np.array(_mask(stored), cells.dtype))
    if not stored.signed:
        return kept
    unused = stored.bits_allocated - 1 - stored.high_bit
    numbers: NDArray[Any] = (kept << unused).astype(f"i{kept.dtype.itemsize}") >> unused
    return numbers.astype(cells.dtype)


def _mask(stored: PixelFormat) -> int:
    return ((1 << stored.bits_stored) - 1) << (stored.high_bit - stored.bits_stored + 1)
