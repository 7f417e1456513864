"""What stays under the policy `identifiers`: read twice before it is hidden, and left whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from img_ingestion.deidentify.pixels.text.harmless import (
    NUMBER_OF_SOMEBODY,
    OWN,
    objection,
    says_word,
)
from img_ingestion.deidentify.pixels.text.lines import Line
from img_ingestion.deidentify.pixels.text.reading import READ_SURELY, read_again

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from img_ingestion.deidentify.pixels.text.reading import Reading
    from img_ingestion.instance import Identifiers

LONGEST = 16
"""Letters of what is read again: no scale or technique has more."""
WITHIN = 0.9
"""Share of a box that lies in another: the same line, or a part of it."""
TOUCHING = 0.3
"""Of the lower of two lines: so far may their boxes, wider than their ink, overlap."""


@dataclass(frozen=True, slots=True)
class Stay:
    """A line that was read for certain, and is harmless."""

    line: Line
    whole: bool
    """It says something by itself, and is no part of what stands beside it."""


def objected(
    views: Sequence[NDArray[np.uint8]], line: Line, reading: Reading, own: Identifiers
) -> tuple[str, Reading]:
    """
    Say why a line may not stay, and what it says.

    What is not to be read for certain, or misread by a letter, is read again as other views show
    it: it stays when one of them is sure of as many letters, and none says what identifies this
    patient. A number alone does not stay that way: it may be what is left of a date.
    """
    why = objection(reading, own)
    if why in {"", OWN, NUMBER_OF_SOMEBODY} or reading.letters > LONGEST:
        return why, reading
    for again in read_again(views, line):
        other = objection(again, own)
        if other == OWN:
            return other, again
        as_long = abs(again.letters - reading.letters) <= 1
        if not other and again.sure >= READ_SURELY and as_long and says_word(again.text):
            return "", again
    return why, reading


def is_within(line: Line, others: Iterable[Line]) -> bool:
    """Tell whether a line is one of these, or a part of it."""
    area = (line.right - line.left) * (line.bottom - line.top)
    return any(_overlap(line, other) >= WITHIN * area for other in others)


def left_free(line: Line, rim: float, stays: Iterable[Line]) -> Line:
    """Give a line with a rim, which gives way to the lines that stay beside it."""
    left, top, right, bottom = line.left - rim, line.top - rim, line.right + rim, line.bottom + rim
    for stay in stays:
        if min(right, stay.right) <= max(left, stay.left) or (
            min(bottom, stay.bottom) <= max(top, stay.top)
        ):
            continue
        apart = TOUCHING * min(line.height, stay.height)
        if stay.top >= line.bottom - apart:
            bottom = min(bottom, _border(line.bottom, stay.top))
        elif stay.bottom <= line.top + apart:
            top = max(top, _border(line.top, stay.bottom))
        elif stay.left >= line.right - apart:
            right = min(right, _border(line.right, stay.left))
        elif stay.right <= line.left + apart:
            left = max(left, _border(line.left, stay.right))
    return Line(left, top, right, bottom, line.score)


def _border(own: float, other: float) -> float:
    """Say where a line ends that another one touches: half way where their boxes overlap."""
    return (own + other) / 2


def _overlap(line: Line, other: Line) -> float:
    wide = min(line.right, other.right) - max(line.left, other.left)
    high = min(line.bottom, other.bottom) - max(line.top, other.top)
    return max(wide, 0.0) * max(high, 0.0)
