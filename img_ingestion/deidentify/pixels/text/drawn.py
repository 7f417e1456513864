"""
What was drawn on a ground of one value, however little it differs, and whatever lies around it.

Tissue has many values, also where it looks flat; only what was drawn has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from img_ingestion.deidentify.pixels.text.raster import greatest, least

if TYPE_CHECKING:
    from numpy.typing import NDArray

STROKE, NEIGHBOURS = 11, 5
"""Pixels of the widest stroke on a ground of one value, and of the square it is held against."""
FAINTEST, FEWEST_LEVELS, MOST_LEVELS = 0.006, 8, 40
"""
Share of the picture's range that ink on a ground of one value differs by, but so many stored values
at least and at most: JPEG leaves less beside an edge, and one far value makes a range of sixteen
bits.
"""


def on_one_ground(plane: NDArray[np.float32], view: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give the view, but what stands on a ground of one value by the contrast that it has there."""
    one = least(plane, 3) == greatest(plane, 3)
    if not one.any():
        return view
    near, ground = _grounds(plane, greatest(one.astype(np.uint8), 3))
    ink = np.where(near, plane - ground, np.float32(0))
    strongest = greatest(np.abs(ink), NEIGHBOURS)
    faintest = max(min(FAINTEST * float(np.ptp(plane)), MOST_LEVELS), FEWEST_LEVELS)
    place = 128 + 127 * ink / np.maximum(strongest, np.float32(1e-6))
    return np.where((strongest > faintest) & near, place.astype(np.uint8), view)


def _grounds(
    plane: NDArray[np.float32], one: NDArray[np.uint8]
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Tell where ink may stand on a ground of one value, and which value that is there."""
    level = greatest(np.where(one, plane, np.float32(-np.inf)), STROKE)
    near = least(greatest(one, STROKE), STROKE) > 0
    return near & np.isfinite(level), np.where(one, plane, level)
