"""Which lines of a view are hidden, which stay, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from img_ingestion.deidentify.pixels.text.harmless import OWN, is_mark, is_whole, objection
from img_ingestion.deidentify.pixels.text.keeping import Stay, is_within, left_free, objected
from img_ingestion.deidentify.pixels.text.lines import SURE, Line
from img_ingestion.deidentify.pixels.text.reading import (
    LIKELY_LINE,
    SURE_LINE,
    TALLEST,
    TALLEST_SHARE,
    TINY,
    Reading,
    is_large,
    is_line,
    is_short,
    is_text,
    read,
)
from img_ingestion.instance import Region

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from img_ingestion.deidentify.pixels.rules import Box
    from img_ingestion.instance import Identifiers

FOUND = "text"
"""What a region says that was found here; a reason may follow."""
STAYS = "harmless"
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
    marks: bool = False
    """Of what is harmless, keep the marks of a side, a posture or a scale that stand alone."""
    stays: tuple[Region, ...] = ()
    """What was read for certain before, and is harmless: what it looks like now counts nothing."""
    torn: bool = True
    """Also what looks a little like text, or has its ink, where it goes on with a hidden line."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of the lines of a view."""

    hidden: tuple[Region, ...]
    stays: tuple[Region, ...] = ()
    """Under the policy `identifiers`: read for certain, and harmless."""


def decided(
    views: Sequence[NDArray[np.uint8]],
    boxes: Sequence[Line],
    part: Box,
    wanted: Wanted,
    hidden: Sequence[Region] = (),
) -> Decision:
    """
    Give what of the boxes is to be hidden, with a rim, cut at the edges of the part; what stays.

    Parameters
    ----------
    views : sequence of ndarray
        (rows, columns, 3), 8 bits: the one that was looked at, and others to read in.
    boxes : sequence of Line
        What looks like text in the first view.
    part : Box
        Where the views lie in the picture.
    wanted : Wanted
        What is text, and what of it may stay.
    hidden : sequence of Region
        What is hidden, or will be, anyway.

    """
    known = [_placed(region, part) for region in wanted.stays]
    placed = [_placed(region, part) for region in hidden if region.found_by.startswith(FOUND)]
    stays: list[Stay] = []
    rest: list[Line] = []
    found: list[tuple[Line, str]] = []
    for line in boxes:
        covered = _covered(line, part, hidden)
        if is_within(line, known):
            continue
        reason = _reason(views, line, _wanted_of(line, boxes, wanted), covered)
        if isinstance(reason, Reading):
            alone = not wanted.marks and covered < COVERED and is_whole(reason.text)
            stays.append(Stay(line, alone))
        elif reason:
            found.append((line, f"{FOUND}: {reason}" if reason != FOUND else FOUND))
        elif wanted.torn and covered < COVERED:
            rest.append(line)
    whole = [stay.line for stay in stays if stay.whole]
    found = [each for each in found if each[1].endswith(OWN) or not is_within(each[0], whole)]
    rest = [line for line in rest if not is_within(line, [*whole, *known])]
    told = [*placed, *(line for line, _ in found)]
    while told:
        beside = [stay for stay in stays if not stay.whole and any(map(stay.line.follows, told))]
        torn = [
            line
            for line in rest
            if any(map(line.is_torn_from, told)) and not _is_harmless(views[0], line, wanted)
        ]
        told = [*(stay.line for stay in beside), *torn]
        stays = [stay for stay in stays if stay not in beside]
        rest = [line for line in rest if line not in torn]
        found += [(line, f"{FOUND}: {BESIDE}") for line in told]
    free = [*known, *(stay.line for stay in stays)]
    return Decision(
        tuple(_region(line, part, reason, free) for line, reason in found),
        tuple(_region(stay.line, part, STAYS) for stay in stays),
    )


def _wanted_of(line: Line, boxes: Sequence[Line], wanted: Wanted) -> Wanted:
    """Say what may stay of a line: where only marks do, nothing that stands with other lines."""
    if not wanted.marks:
        return wanted
    lines = (other for other in boxes if other.score >= SURE)
    alone = is_short(line) and not any(map(line.is_beside, lines))
    return wanted if alone else replace(wanted, own=None)


def _reason(
    views: Sequence[NDArray[np.uint8]], line: Line, wanted: Wanted, covered: float
) -> str | Reading:
    """Say why a line is hidden; empty when it is none; what it says when that is harmless."""
    if covered >= ALL_COVERED or 0 < line.score < SURE:
        return ""
    view = views[0]
    short, long = sorted(view.shape[:2])
    tall = line.height > max(TALLEST, TALLEST_SHARE * short) or long <= TINY
    runs = is_line(line, SURE_LINE) or (wanted.unread and is_line(line, LIKELY_LINE))
    unread = covered < COVERED and not tall and runs
    if unread and wanted.own is None:
        return FOUND
    reading = read(view, line)
    if not (unread or (is_large(reading, line) if tall else is_text(reading, line))):
        return ""
    if wanted.own is None:
        return FOUND
    if wanted.marks:
        return reading if is_mark(reading, wanted.own) else FOUND
    why, reading = objected(views, line, reading, wanted.own)
    return why or reading


def _is_harmless(view: NDArray[np.uint8], line: Line, wanted: Wanted) -> bool:
    """Tell whether what hardly looks like text may stay beside what is hidden: an L, an R."""
    if wanted.own is None or wanted.marks:
        return False
    return not objection(read(view, line), wanted.own)


def _placed(region: Region, part: Box) -> Line:
    left, top = region.left - part.left, region.top - part.top
    return Line(left, top, region.right - part.left, region.bottom - part.top, 1.0)


def _region(line: Line, part: Box, reason: str, stays: Iterable[Line] = ()) -> Region:
    rimmed = left_free(line, RIM + RIM_SHARE * line.height, stays)
    return Region(
        part.left + max(math.floor(rimmed.left), 0),
        part.top + max(math.floor(rimmed.top), 0),
        min(part.left + math.ceil(rimmed.right), part.right),
        min(part.top + math.ceil(rimmed.bottom), part.bottom),
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
