"""
Text that is found in the pixels, wherever it stands and whatever the device.

::

    changes.py  which parts of which frame have to be looked at
    views.py    what of the stored values is shown to the detector
    lines.py    a view -> boxes that look like text
    models.py   the networks; onnxruntime stays there
    raster.py   arithmetic on pictures; OpenCV stays there
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from img_ingestion.deidentify.pixels.text import models
from img_ingestion.deidentify.pixels.text.changes import changed
from img_ingestion.deidentify.pixels.text.lines import lines
from img_ingestion.deidentify.pixels.text.views import planes, view, window
from img_ingestion.instance import Region
from img_ingestion.pixel_data import frames, pixel_format

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydicom.dataset import Dataset

    from img_ingestion.deidentify.pixels.rules import Box
    from img_ingestion.deidentify.pixels.text.lines import Line
    from img_ingestion.settings import Limits

__all__ = ["FOUND", "found", "require"]

require = models.require

FOUND = "text"
"""What a region says that was found here."""

RIM, RIM_SHARE = 2, 0.2
"""Pixels, and share of the letters' height, that are hidden around a line: shadows, diacritics."""


def found(dataset: Dataset, limits: Limits) -> tuple[Region, ...]:
    """
    Look at every frame and give what is to be hidden, in every frame.

    Raises
    ------
    NotDecoded, TooLarge
        A frame cannot be decoded.
    NotDeidentified
        It cannot be looked at.

    """
    stored, shown = pixel_format(dataset), window(dataset)
    regions: dict[Region, None] = {}
    for _, frame, part in changed(frames(dataset, limits)):
        piece = frame[part.top : part.bottom, part.left : part.right]
        seen = view(planes(piece, dataset, stored), shown)
        regions.update(dict.fromkeys(_regions(lines(seen), part)))
    return tuple(regions)


def _regions(boxes: Iterable[Line], part: Box) -> Iterable[Region]:
    """Give the lines of a part of the picture with their rim, cut at the edges of the part."""
    for line in boxes:
        rim = RIM + RIM_SHARE * line.height
        yield Region(
            part.left + max(math.floor(line.left - rim), 0),
            part.top + max(math.floor(line.top - rim), 0),
            min(part.left + math.ceil(line.right + rim), part.right),
            min(part.top + math.ceil(line.bottom + rim), part.bottom),
            FOUND,
        )
