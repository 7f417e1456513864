"""Which lines of a view are hidden, which stay, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from img_ingestion.deidentify.pixels.text.harmless import objection
from img_ingestion.deidentify.pixels.text.lines import SURE, Line
from img_ingestion.deidentify.pixels.text.reading import (
    LIKELY_LINE,
    SURE_LINE,
    TALLEST,
    TALLEST_SHARE,
    is_large,
    is_line,
    is_text,
    read,
)
from img_ingestion.instance import Region

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from img_ingestion.deidentify.pixels.rules import Box
    from img_ingestion.instance import Identifiers

FOUND = "text"
"""What a region says that was found here; a reason may follow."""
BESIDE = "goes on with what is hidden"
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
    torn: bool = True
    """Also what looks a little like text, or has its ink, where it goes on with a hidden line."""


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
    stays: list[Line] = []
    rest: list[Line] = []
    told = [_placed(region, part) for region in hidden if region.found_by.startswith(FOUND)]
    for line in boxes:
        covered = _covered(line, part, hidden)
        reason = _reason(view, line, wanted, covered)
        if reason:
            told.append(line)
            yield _region(line, part, reason)
        elif reason is None:
            stays.append(line)
        # What stays stands beside what does not: only ink tells there what goes on with it.
        elif wanted.torn and wanted.own is None and covered < COVERED:
            rest.append(line)
    while told:
        beside = [line for line in stays if any(map(line.follows, told))]
        torn = [line for line in rest if any(map(line.is_torn_from, told))]
        told = beside + torn
        stays = [line for line in stays if line not in beside]
        rest = [line for line in rest if line not in torn]
        yield from (_region(line, part, f"{FOUND}: {BESIDE}") for line in told)


def _reason(view: NDArray[np.uint8], line: Line, wanted: Wanted, covered: float) -> str | None:
    """Say why a line is hidden; empty when it is none, None when it is harmless."""
    if covered >= ALL_COVERED or 0 < line.score < SURE:
        return ""
    tall = line.height > max(TALLEST, TALLEST_SHARE * min(view.shape[:2]))
    likely = LIKELY_LINE if wanted.unread else SURE_LINE
    unread = covered < COVERED and not tall and is_line(line, likely)
    if unread and wanted.own is None:
        return FOUND
    reading = read(view, line)
    if not (unread or (is_large(reading, line) if tall else is_text(reading, line))):
        return ""
    if wanted.own is None:
        return FOUND
    why = objection(reading, wanted.own)
    return f"{FOUND}: {why}" if why else None


def _placed(region: Region, part: Box) -> Line:
    left, top = region.left - part.left, region.top - part.top
    return Line(left, top, region.right - part.left, region.bottom - part.top, 1.0)


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
