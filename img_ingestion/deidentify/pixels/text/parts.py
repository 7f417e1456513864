"""Boxes around what is marked in a picture: as few pixels as a few boxes can have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from img_ingestion.deidentify.pixels.rules import Box
from img_ingestion.deidentify.pixels.text.raster import patches

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


def parts(marked: NDArray[np.bool_], cell: int) -> list[Box]:
    """
    Box what is marked, with a rim.

    Parameters
    ----------
    marked : ndarray
        (rows, columns).
    cell : int
        Pixels of the grid that boxes lie on; what lies within a cell or in neighbouring ones is
        in one box, and a cell around it is the rim.

    """
    rows, columns = marked.shape
    padded = np.pad(marked, ((0, -rows % cell), (0, -columns % cell)))
    shape = padded.shape[0] // cell, cell, padded.shape[1] // cell, cell
    _, boxes = patches(np.any(padded.reshape(shape), axis=(1, 3)))
    return merged(
        Box(
            max(left - 1, 0) * cell,
            max(top - 1, 0) * cell,
            min((left + wide + 1) * cell, columns),
            min((top + high + 1) * cell, rows),
        )
        for left, top, wide, high in boxes.tolist()
    )


def merged(boxes: Iterable[Box]) -> list[Box]:
    """Give one box for two where it has no more pixels than both: what overlaps is seen once."""
    disjoint: list[Box] = []
    for each in boxes:
        box = each
        while other := next((one for one in disjoint if _fits(box, one)), None):
            disjoint.remove(other)
            box = _around(box, other)
        disjoint.append(box)
    return disjoint


def _fits(one: Box, other: Box) -> bool:
    return _pixels(_around(one, other)) <= _pixels(one) + _pixels(other)


def _around(one: Box, other: Box) -> Box:
    return Box(
        min(one.left, other.left),
        min(one.top, other.top),
        max(one.right, other.right),
        max(one.bottom, other.bottom),
    )


def _pixels(box: Box) -> int:
    return (box.right - box.left) * (box.bottom - box.top)
