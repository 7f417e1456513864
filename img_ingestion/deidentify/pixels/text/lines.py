"""From a view to the lines of text in it: looked at, boxed, grown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from img_ingestion.deidentify.pixels.text.likelihood import closer, likelihood
from img_ingestion.deidentify.pixels.text.raster import patches, tilted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

LIKELY, SURE = 0.2, 0.4
"""Of a pixel to be text at all; of a box, on average over its text."""
SMALLEST = 3
"""Pixels of a box's side."""
LOWEST = 5
"""Pixels of a line's height: nothing lower can be read."""
UNCLIP = 1.6
"""The detector marks the core of a line; how much of its area / circumference the line is wider."""
CERTAIN, CORE = 0.6, 0.8
"""
Of a pixel, where a line has grown together with the anatomy around it, and of the line on average:
print that reads plainly has 0.83 and more there, outlines mostly less than 0.76.
"""
ENTANGLED = 32
"""Pixels: a patch of a higher line may be such a tangle."""
FILLED, STRAIGHT = 0.5, 0.6
"""Share of an upright box that a line fills at least, and of a slanted one."""
RUNS = 2.0
"""Heights that a slanted line, or one in a tangle, is long at least."""
SPACE, GAP = 0.3, 1.5
"""Heights between the boxes of two words of a line, and between parts of one that was torn."""
ALIKE = 0.5, 1.6
"""Height of a part of a line, in heights of the part that was found."""
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
    corners: NDArray[np.float32] | None = field(default=None, compare=False)
    """Of a slanted line, (4, 2): top left, top right, bottom right, bottom left of its letters."""

    @property
    def height(self) -> float:
        """The short side: of the letters, whichever way the line runs."""
        if self.corners is not None:
            return float(np.linalg.norm(self.corners[3] - self.corners[0]))
        return min(self.right - self.left, self.bottom - self.top)

    def follows(self, other: Line, space: float = SPACE) -> bool:
        """Tell whether this goes on with another line, before or after it."""
        across = min(self.right, other.right) - max(self.left, other.left)
        along = min(self.bottom, other.bottom) - max(self.top, other.top)
        if other.bottom - other.top > other.right - other.left:
            across, along = along, across
        near = space * max(self.height, other.height)
        return along > min(self.height, other.height) / 2 and across > -near

    def is_torn_from(self, other: Line) -> bool:
        """Tell whether this is as high as another line, and goes on with it after a gap."""
        upright = other.bottom - other.top > other.right - other.left
        high = self.right - self.left if upright else self.bottom - self.top
        least, most = (share * other.height for share in ALIKE)
        return least <= high <= most and self.follows(other, GAP)

    def is_beside(self, other: Line) -> bool:
        """Tell whether another line is no farther than this one is high, and not in its place."""
        across = max(self.left, other.left) - min(self.right, other.right)
        along = max(self.top, other.top) - min(self.bottom, other.bottom)
        overlap = min(across, 0) * min(along, 0)
        mine, its = ((one.right - one.left) * (one.bottom - one.top) for one in (self, other))
        return max(across, along) < self.height and overlap < min(mine, its) / 2

    @property
    def length(self) -> float:
        """The long side."""
        if self.corners is not None:
            return float(np.linalg.norm(self.corners[1] - self.corners[0]))
        return max(self.right - self.left, self.bottom - self.top)


def lines(view: NDArray[np.uint8], enlarged: float = 1.0, *, both: bool = False) -> list[Line]:
    """
    Find what looks like text.

    Parameters
    ----------
    view : ndarray
        (rows, columns, 3), 8 bits.
    enlarged : float
        How much small print is enlarged, in small pictures.
    both : bool
        Give what is found as it is, too.

    """
    seen = likelihood(view)
    if enlarged == 1 or view[..., 0].size > LARGEST_ENLARGED:
        return list(_boxed(seen, 1.0))
    found = list(_boxed(seen, 1.0)) if both else []
    return found + list(_boxed(closer(view, seen, enlarged), enlarged))


def _boxed(seen: NDArray[np.float32], scale: float) -> Iterator[Line]:
    """Box each patch of likely pixels, and what is certain in a patch too large for a line."""
    labels, boxes = patches(seen > LIKELY)
    for number, box in enumerate(boxes, start=1):
        part = _part(box)
        mask, values = labels[part] == number, seen[part]
        score = float(values[mask].mean())
        yield from _line(mask, box, score, scale)
        if min(box[2:]) > ENTANGLED * scale:
            yield from _disentangled(np.where(mask, values, 0), box, scale)


def _disentangled(
    values: NDArray[np.float32], around: NDArray[np.int32], scale: float
) -> Iterator[Line]:
    """Box what runs like a line within a patch; anatomy does too, so its score counts nothing."""
    labels, boxes = patches(values > CERTAIN)
    for number, box in enumerate(boxes, start=1):
        part = _part(box)
        mask = labels[part] == number
        if 2 * box[2] * box[3] < around[2] * around[3] and values[part][mask].mean() >= CORE:
            place = box + np.array([*around[:2], 0, 0], np.int32)
            found = _line(mask, place, 0.0, scale)
            yield from (line for line in found if line.length >= RUNS * line.height)


def _part(box: NDArray[np.int32]) -> tuple[slice, slice]:
    left, top, columns, rows = box.tolist()
    return slice(top, top + rows), slice(left, left + columns)


def _line(
    mask: NDArray[np.bool_], box: NDArray[np.int32], score: float, scale: float
) -> Iterator[Line]:
    """Box a patch, widened to what the detector leaves out of a line; nothing if it is too low."""
    left, top, columns, rows = box.tolist()
    if min(columns, rows) < SMALLEST:
        return
    corners = _slanted(mask, scale)
    grown = columns * rows * UNCLIP / (2 * (columns + rows)) if corners is None else SMALLEST
    if min(columns, rows) + 2 * grown >= LOWEST * scale:
        yield Line(
            (left - grown) / scale,
            (top - grown) / scale,
            (left + columns + grown) / scale,
            (top + rows + grown) / scale,
            score,
            None if corners is None else corners + np.array([left, top], np.float32) / scale,
        )


def _slanted(mask: NDArray[np.bool_], scale: float) -> NDArray[np.float32] | None:
    """Give the corners of a patch that runs slanted and straight; None of any other."""
    if mask.mean() >= FILLED:
        return None
    centre, along, across = tilted(mask)
    length, height = float(np.linalg.norm(along)), float(np.linalg.norm(across))
    if length < RUNS * height or mask.sum() < STRAIGHT * length * height:
        return None
    grown = length * height * UNCLIP / (2 * (length + height))
    right, down = along * (0.5 + grown / length), across * (0.5 + grown / height)
    corners = (
        centre - right - down,
        centre + right - down,
        centre + right + down,
        centre - right + down,
    )
    return np.asarray(corners, np.float32) / np.float32(scale)
