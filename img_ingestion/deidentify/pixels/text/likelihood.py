"""
How likely each pixel of a view belongs to text: looked at in tiles, and small print enlarged.

To enlarge costs more than twice as much as the look itself, so that only what may be print is: the
network's faintest idea of it is enough (docs/pixels.md has what that loses).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from img_ingestion.deidentify.pixels.text import models
from img_ingestion.deidentify.pixels.text.parts import parts
from img_ingestion.deidentify.pixels.text.raster import scaled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

TILE, OVERLAP = 1024, 96
"""Pixels: keeps memory flat on films, and no line of small text is cut in every tile."""
FAINTEST = 0.02
"""Of a pixel that may belong to print."""
CELL = 48
"""Pixels: what is enlarged lies in such cells, with one more around it."""


def likelihood(view: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Look at a view of (rows, columns, 3), 8 bits; give (rows, columns), 0 to 1."""
    seen = np.zeros(view.shape[:2], np.float32)
    for part in _tiles(*view.shape[:2]):
        # Nothing can be read where nothing differs.
        if (view[part] != view[part][0, 0]).any():
            inner = tuple(map(_inner, part, seen.shape))
            found = models.text_likelihood(view[part])
            seen[inner] = found[tuple(map(_within, inner, part))]
    return seen


def closer(
    view: NDArray[np.uint8], seen: NDArray[np.float32], enlarged: float
) -> NDArray[np.float32]:
    """
    Look again, enlarged, at what may be print.

    Parameters
    ----------
    view : ndarray
        (rows, columns, 3), 8 bits.
    seen : ndarray
        Its `likelihood`.
    enlarged : float
        How much.

    Returns
    -------
    ndarray
        (enlarged * rows, enlarged * columns), 0 to 1.

    """
    rows, columns = view.shape[:2]
    found = np.zeros((round(rows * enlarged), round(columns * enlarged)), np.float32)
    for box in parts(seen > FAINTEST, CELL):
        top, bottom = round(box.top * enlarged), round(box.bottom * enlarged)
        left, right = round(box.left * enlarged), round(box.right * enlarged)
        piece = scaled(view[box.top : box.bottom, box.left : box.right], right - left, bottom - top)
        place = found[top:bottom, left:right]
        np.maximum(place, likelihood(piece), out=place)
    return found


def _inner(cut: slice, end: int) -> slice:
    """
    Give what a tile is asked about, along one axis: half of what it shares is its neighbour's.

    The edge of a tile goes through letters, and what is left there of several lines looks like one
    line along the edge: the maximum of both tiles would make one patch of them all.
    """
    start = cut.start + (OVERLAP // 2 if cut.start else 0)
    return slice(start, end if cut.stop >= end else cut.stop - OVERLAP // 2)


def _within(inner: slice, cut: slice) -> slice:
    return slice(inner.start - cut.start, inner.stop - cut.start)


def _tiles(rows: int, columns: int) -> Iterator[tuple[slice, slice]]:
    for top in range(0, max(rows - OVERLAP, 1), TILE - OVERLAP):
        for left in range(0, max(columns - OVERLAP, 1), TILE - OVERLAP):
            yield slice(top, top + TILE), slice(left, left + TILE)
