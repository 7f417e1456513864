"""
Text that is found in the pixels, wherever it stands and whatever the device.

::

    changes.py   which parts of which frame have to be looked at
    views.py     what of the stored values is shown to the detector
    lines.py     a view -> boxes that look like text
    reading.py   what a box says; print told from anatomy
    harmless.py  what may stay under the policy `identifiers`
    models.py    the networks; onnxruntime stays there
    raster.py    arithmetic on pictures; OpenCV stays there
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from img_ingestion.deidentify.pixels.text import models
from img_ingestion.deidentify.pixels.text.changes import changed
from img_ingestion.deidentify.pixels.text.harmless import is_harmless
from img_ingestion.deidentify.pixels.text.lines import lines
from img_ingestion.deidentify.pixels.text.reading import (
    TALLEST,
    TALLEST_SHARE,
    is_large_print,
    is_text,
    may_be_text,
    read,
)
from img_ingestion.deidentify.pixels.text.views import brightness, planes, surroundings, window
from img_ingestion.instance import Identifiers, Region
from img_ingestion.pixel_data import frames, pixel_format

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from img_ingestion.deidentify.pixels.rules import Box
    from img_ingestion.deidentify.pixels.text.lines import Line
    from img_ingestion.settings import Limits

__all__ = ["FOUND", "Wanted", "found", "require", "still_readable"]

require = models.require

FOUND = "text"
"""What a region says that was found here."""
ENLARGED = 1.5
"""The first look's; the second is at another scale on purpose."""
RIM, RIM_SHARE = 2, 0.2
"""Pixels, and share of the letters' height, that are hidden around a line: shadows, diacritics."""
COVERED = 0.3
"""Share of a box that is hidden already: what is left is the rim of the black."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of the boxes that look like text are to be hidden."""

    unread: bool
    """Also those whose text cannot be read: this kind of image usually carries some."""
    own: Identifiers | None = None
    """Keep what is harmless and holds none of these; None: keep nothing."""


def found(dataset: Dataset, limits: Limits, wanted: Wanted) -> tuple[Region, ...]:
    """
    Take the first look at every frame, and say what is to be hidden, in every frame.

    Raises
    ------
    NotDecoded, TooLarge
        A frame cannot be decoded.
    NotDeidentified
        It cannot be looked at.

    """
    stored = pixel_format(dataset)
    regions: dict[Region, None] = {}
    for _, frame, part in changed(frames(dataset, limits)):
        piece = frame[part.top : part.bottom, part.left : part.right]
        view = surroundings(planes(piece, dataset, stored))
        boxes = lines(view, ENLARGED)
        regions.update(dict.fromkeys(_regions(view, boxes, part, wanted)))
    return tuple(regions)


def still_readable(
    dataset: Dataset, limits: Limits, wanted: Wanted, hidden: Sequence[Region]
) -> tuple[Region, ...]:
    """
    Take the second look, by another view and at another scale, at what is meant to leave.

    Parameters
    ----------
    dataset : Dataset
        Cleaned.
    limits, wanted : Limits, Wanted
        As of the first look.
    hidden : sequence of Region
        What is black already, and may look like a letter itself.

    Raises
    ------
    NotDecoded, TooLarge, NotDeidentified
        As the first look.

    """
    stored, shown = pixel_format(dataset), window(dataset)
    regions: dict[Region, None] = {}
    for _, frame, part in changed(frames(dataset, limits)):
        piece = frame[part.top : part.bottom, part.left : part.right]
        view = brightness(planes(piece, dataset, stored), shown)
        boxes = [line for line in lines(view) if not _is_black(line, part, hidden)]
        regions.update(dict.fromkeys(_regions(view, boxes, part, wanted)))
    return tuple(regions)


def _regions(
    view: NDArray[np.uint8], boxes: Sequence[Line], part: Box, wanted: Wanted
) -> Iterator[Region]:
    """Give what of the boxes is wanted, with a rim, cut at the edges of the part."""
    for line in boxes:
        if not _is_wanted(view, line, wanted):
            continue
        rim = RIM + RIM_SHARE * line.height
        yield Region(
            part.left + max(math.floor(line.left - rim), 0),
            part.top + max(math.floor(line.top - rim), 0),
            min(part.left + math.ceil(line.right + rim), part.right),
            min(part.top + math.ceil(line.bottom + rim), part.bottom),
            FOUND,
        )


def _is_wanted(view: NDArray[np.uint8], line: Line, wanted: Wanted) -> bool:
    reading = read(view, line)
    if line.height > max(TALLEST, TALLEST_SHARE * min(view.shape[:2])):
        is_print = is_large_print(reading)
    else:
        is_print = (may_be_text if wanted.unread else is_text)(reading, line)
    return is_print and (wanted.own is None or not is_harmless(reading, wanted.own))


def _is_black(line: Line, part: Box, hidden: Sequence[Region]) -> bool:
    """Tell whether a box is for a good part hidden already."""
    left, top = line.left + part.left, line.top + part.top
    right, bottom = line.right + part.left, line.bottom + part.top
    common = sum(
        max(min(right, region.right) - max(left, region.left), 0)
        * max(min(bottom, region.bottom) - max(top, region.top), 0)
        for region in hidden
    )
    return common > COVERED * (right - left) * (bottom - top)
