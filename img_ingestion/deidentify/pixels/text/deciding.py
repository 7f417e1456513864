"""Which lines of a view are hidden, which stay, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from img_ingestion.deidentify.pixels.text.harmless import objection
from img_ingestion.deidentify.pixels.text.reading import (
    LIKELY_LINE,
    SURE_LINE,
    TALLEST,
    TALLEST_SHARE,
    is_line,
    is_plain,
    is_text,
    read,
)
from img_ingestion.instance import Region

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from img_ingestion.deidentify.pixels.rules import Box
    from img_ingestion.deidentify.pixels.text.lines import Line
    from img_ingestion.instance import Identifiers

FOUND = "text"
"""What a region says that was found here; a reason may follow."""
RIM, RIM_SHARE = 2, 0.2
"""Pixels, and share of the letters' height, that are hidden around a line: shadows, diacritics."""
COVERED, ALL_COVERED = 0.3, 0.95
"""
Share of a box that is hidden already: of the rest some must be read, not merely look like text,
as the rim of the black does; and there is no rest to speak of.
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of the boxes that look like text are to be hidden."""

    unread: bool
    """Also those whose text cannot be read: this kind of image usually carries some."""
    own: Identifiers | None = None
    """Keep what is harmless and holds none of these; None: keep nothing."""


def decided(
    view: NDArray[np.uint8],
    boxes: Sequence[Line],
    part: Box,
    wanted: Wanted,
    hidden: Sequence[Region] = (),
) -> Iterator[Region]:
    """
    Give what of the boxes is to be hidden, with a rim, cut at the edges of the part.

    Parameters
    ----------
    view : ndarray
        (rows, columns, 3), 8 bits.
    boxes : sequence of Line
        What looks like text in it.
    part : Box
        Where the view lies in the picture.
    wanted : Wanted
        What is text, and what of it may stay.
    hidden : sequence of Region
        What is hidden, or will be, anyway.

    """
    for line in boxes:
        share = _covered(line, part, hidden)
        if share >= ALL_COVERED:
            continue
        tall = line.height > max(TALLEST, TALLEST_SHARE * min(view.shape[:2]))
        likely = LIKELY_LINE if wanted.unread else SURE_LINE
        unread = share < COVERED and not tall and is_line(line, likely)
        if unread and wanted.own is None:
            yield _region(line, part, FOUND)
            continue
        reading = read(view, line)
        if not (unread or (is_plain(reading) if tall else is_text(reading, line))):
            continue
        why = "" if wanted.own is None else objection(reading, wanted.own)
        if wanted.own is None or why:
            yield _region(line, part, f"{FOUND}: {why}" if why else FOUND)


def _region(line: Line, part: Box, reason: str) -> Region:
    rim = RIM + RIM_SHARE * line.height
    return Region(
        part.left + max(math.floor(line.left - rim), 0),
        part.top + max(math.floor(line.top - rim), 0),
        min(part.left + math.ceil(line.right + rim), part.right),
        min(part.top + math.ceil(line.bottom + rim), part.bottom),
        reason,
    )


def _covered(line: Line, part: Box, hidden: Sequence[Region]) -> float:
    """Say how much of a box is hidden."""
    left, top = math.floor(line.left) + part.left, math.floor(line.top) + part.top
    right, bottom = math.ceil(line.right) + part.left, math.ceil(line.bottom) + part.top
    black = np.zeros((bottom - top, right - left), np.bool_)
    for region in hidden:
        rows = slice(max(region.top - top, 0), max(region.bottom - top, 0))
        black[rows, max(region.left - left, 0) : max(region.right - left, 0)] = True
    return float(black.mean())
