"""From a view to the lines of text in it: looked at in tiles, boxed, grown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from img_ingestion.deidentify.pixels.text import models
from img_ingestion.deidentify.pixels.text.raster import patches, scaled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

TILE, OVERLAP = 1024, 96
"""Pixels: keeps memory flat on films, and no line of small text is cut in every tile."""
LIKELY, SURE = 0.2, 0.4
"""Of a pixel to be text at all; of a box, on average over its text."""
SMALLEST = 3
"""Pixels of a box's side."""
LOWEST = 5
"""Pixels of a line's height: nothing lower can be read."""
UNCLIP = 1.6
"""The detector marks the core of a line; how much of its area / circumference the line is wider."""
SPACE = 0.3
"""Heights between the boxes of two words of a line."""
LARGEST_ENLARGED = 2_000_000
"""Pixels: larger pictures come from films, whose print is not that small."""


@dataclass(frozen=True, slots=True)
class Line:
    """A box that looks like text, in pixels of the picture; edges lie between pixels."""

    left: float
    top: float
    right: float
    bottom: float
    score: float
    """How sure the detector is, 0 to 1."""

    @property
    def height(self) -> float:
        """The short side: of the letters, whichever way the line runs."""
        return min(self.right - self.left, self.bottom - self.top)

    def follows(self, other: Line) -> bool:
        """Tell whether this goes on with another line, before or after it."""
        across = min(self.right, other.right) - max(self.left, other.left)
        along = min(self.bottom, other.bottom) - max(self.top, other.top)
        if other.bottom - other.top > other.right - other.left:
            across, along = along, across
        near = SPACE * max(self.height, other.height)
        return along > min(self.height, other.height) / 2 and across > -near

    @property
    def length(self) -> float:
        """The long side."""
        return max(self.right - self.left, self.bottom - self.top)


def lines(view: NDArray[np.uint8], enlarged: float = 1.0) -> list[Line]:
    """
    Find what looks like text.

    Parameters
    ----------
    view : ndarray
        (rows, columns, 3), 8 bits.
    enlarged : float
        How much small pictures are enlarged first.

    """
    rows, columns = view.shape[:2]
    scale = enlarged if rows * columns <= LARGEST_ENLARGED else 1.0
    if scale != 1:
        view = scaled(view, round(columns * scale), round(rows * scale))
    likelihood = np.zeros(view.shape[:2], np.float32)
    for part in _tiles(*view.shape[:2]):
        # Nothing can be read where nothing differs.
        if (view[part] != view[part][0, 0]).any():
            found = models.text_likelihood(view[part])
            np.maximum(likelihood[part], found, out=likelihood[part])
    return list(_boxed(likelihood, scale))


def _tiles(rows: int, columns: int) -> Iterator[tuple[slice, slice]]:
    for top in range(0, max(rows - OVERLAP, 1), TILE - OVERLAP):
        for left in range(0, max(columns - OVERLAP, 1), TILE - OVERLAP):
            yield slice(top, top + TILE), slice(left, left + TILE)


def _boxed(likelihood: NDArray[np.float32], scale: float) -> Iterator[Line]:
    """Box each patch of likely pixels, widened to what the detector leaves out of a line."""
    labels, boxes = patches(likelihood > LIKELY)
    for number, (left, top, columns, rows) in enumerate(boxes.tolist(), start=1):
        if min(columns, rows) < SMALLEST:
            continue
        part = slice(top, top + rows), slice(left, left + columns)
        score = float(likelihood[part][labels[part] == number].mean())
        grown = columns * rows * UNCLIP / (2 * (columns + rows))
        if score >= SURE and min(columns, rows) + 2 * grown >= LOWEST * scale:
            yield Line(
                (left - grown) / scale,
                (top - grown) / scale,
                (left + columns + grown) / scale,
                (top + rows + grown) / scale,
                score,
            )
