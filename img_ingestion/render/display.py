"""What a viewer shows of each frame: 8 bits of grey or RGB."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from img_ingestion.errors import NotRendered
from img_ingestion.pixel_data import frames
from img_ingestion.render.colour import mapped, rgb
from img_ingestion.render.greyscale import (
    Greyscale,
    full_range,
    greyscale,
    supplemental_first,
)
from img_ingestion.render.opencv import looked_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from img_ingestion.pixel_data import PixelFormat
    from img_ingestion.settings import Limits

WIDEST_TABLE = 16
"""Bits of a cell whose values are looked up in a table; wider ones are computed one by one."""


def displayed(
    dataset: Dataset, pixel_format: PixelFormat, numbers: range, limits: Limits
) -> Iterator[NDArray[np.uint8]]:
    """Give each chosen frame as (rows, columns, 1) grey or (rows, columns, 3) RGB levels."""
    if pixel_format.photometric == "PALETTE COLOR":
        colours = mapped(every_value(pixel_format), dataset, pixel_format)
        for frame in frames(dataset, limits, numbers):
            yield colours[_cells(frame, pixel_format)[:, :, 0]]
    elif pixel_format.samples > 1:
        for frame in frames(dataset, limits, numbers):
            yield rgb(frame, pixel_format)
    else:
        yield from _grey(dataset, pixel_format, numbers, limits)


def _grey(
    dataset: Dataset, pixel_format: PixelFormat, numbers: range, limits: Limits
) -> Iterator[NDArray[np.uint8]]:
    """Transform frame by frame; the table is made anew only where the transformation changes."""
    everything, shown, table = None, None, None
    for number, frame in zip(numbers, frames(dataset, limits, numbers), strict=True):
        wanted = greyscale(dataset, number, pixel_format)
        if wanted.voi is None:
            if everything is None:
                stored = [frame] if pixel_format.frames == 1 else frames(dataset, limits)
                everything = full_range(dataset, pixel_format, stored)
            wanted = wanted._replace(voi=everything)
        if wanted != shown:
            shown, table = wanted, _table(dataset, pixel_format, wanted)
        yield wanted.levels(frame) if table is None else _looked_up(frame, table, pixel_format)


def _table(
    dataset: Dataset, pixel_format: PixelFormat, wanted: Greyscale
) -> NDArray[np.uint8] | None:
    """Give the level, or the colour, of every value that a cell can have."""
    first = supplemental_first(dataset, pixel_format)
    if pixel_format.is_float or pixel_format.bits_allocated > WIDEST_TABLE:
        if first is not None:
            raise NotRendered("a supplemental palette for more than 16 bits")
        return None
    levels = _levels(
        wanted, pixel_format.cell, pixel_format.bits_stored, signed=pixel_format.signed
    )
    if first is None:
        return levels
    stored = every_value(pixel_format)
    colours = mapped(stored, dataset, pixel_format)
    return np.where((stored >= first)[:, None], colours, levels[:, None])


@lru_cache(maxsize=8)
def _levels(
    wanted: Greyscale, cell: np.dtype[Any], bits: int, *, signed: bool
) -> NDArray[np.uint8]:
    """Give the level of every value of so many bits, as its cell has it; slices share windows."""
    stored = np.arange(1 << bits).astype(cell)
    if signed:
        stored = (stored << (8 * cell.itemsize - bits)).view(f"i{cell.itemsize}")
        stored >>= 8 * cell.itemsize - bits
    levels = np.zeros(1 << 8 * cell.itemsize, np.uint8)
    levels[stored.view(cell)] = wanted.levels(stored)
    levels.flags.writeable = False
    return levels


def _looked_up(
    frame: NDArray[Any], table: NDArray[np.uint8], pixel_format: PixelFormat
) -> NDArray[np.uint8]:
    cells = _cells(frame, pixel_format)
    return looked_up(cells, table) if table.ndim == 1 else table[cells[:, :, 0]]


def every_value(pixel_format: PixelFormat) -> NDArray[Any]:
    """Give every stored value that fits a cell, in the order of the cells' unsigned numbers."""
    if pixel_format.is_float or pixel_format.bits_allocated > WIDEST_TABLE:
        raise NotRendered("a palette for more than 16 bits")
    cell = pixel_format.cell
    every = np.arange(2 ** (8 * cell.itemsize)).astype(cell)
    return every.view(f"i{cell.itemsize}") if pixel_format.signed else every


def _cells(frame: NDArray[Any], pixel_format: PixelFormat) -> NDArray[Any]:
    return frame.view(pixel_format.cell)
