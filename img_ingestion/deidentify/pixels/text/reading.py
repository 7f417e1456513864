"""What a line says, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from img_ingestion.deidentify.pixels.text import models
from img_ingestion.deidentify.pixels.text.raster import scaled, straightened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from img_ingestion.deidentify.pixels.text.lines import Line

LONGEST = 40
"""Of a line, in heights of its letters: what is longer is read pressed together."""
READ, READ_SURELY, DOUBTED = 0.7, 0.9, 0.5
"""How sure a reading is: of print, of plain print, of print where a line runs."""
LIKELY = 0.7
"""How sure the detector is of what is read as one letter, or with little confidence."""
RUNNING = LIKELY, 2.0
LIKELY_LINE, SURE_LINE = (0.7, 3.0), (0.88, 2.0)
"""
How sure the detector is of a line that nobody has read, and its length in heights: where text is
usual, and anywhere. Marks, teeth and calipers are shorter, stripes and vessels less sure.
"""
SEVERAL, READ_ALOUD = 6, 0.8
"""Letters of a large line, and how sure they are: anatomy is read with less than 0.75."""
WORD = 3
"""Letters: two of a head and its neck are read now and then."""
TALLEST, TALLEST_SHARE = 48, 0.05
"""Of a box's short side, in pixels and of the picture's short side: more is seldom print."""
TINY = 64
"""Pixels of the long side of a picture that may show a letter or two, but no line of them."""
TIGHTER, WIDER = -0.1, 0.15
"""Heights by which a box is cut or widened to read it again."""
SHORT = 6.0
"""Heights of the longest word that stays alone."""
UPRIGHT = 1.5
"""Heights: a box that much higher than wide runs up or down the picture."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Letters, and how sure the recogniser is of them, 0 to 1."""

    text: str
    sure: float

    @property
    def letters(self) -> int:
        """Letters and digits, of any script."""
        return sum(letter.isalnum() for letter in self.text)


def is_text(reading: Reading, line: Line) -> bool:
    """
    Tell print from anatomy that looks like a letter.

    Ribs, vessels and ventricles are read as one letter, or with little confidence; print as
    several. Two letters count where detector or recogniser is sure of them; one says of nobody who
    it is, and counts beside others only. What runs slanted, as vessels and rows of teeth do, or
    within a larger patch (score 0), has to be plain.
    """
    if line.corners is not None or not line.score:
        return is_plain(reading)
    surely, likely = reading.sure >= READ_SURELY, line.score >= LIKELY
    doubted = reading.sure >= DOUBTED and is_line(line, RUNNING)
    enough = reading.letters >= WORD or surely or likely
    return reading.letters > 1 and ((reading.sure >= READ and enough) or doubted)


def is_line(line: Line, likely: tuple[float, float] = SURE_LINE) -> bool:
    """Tell what runs like a line of print, of any script; not slanted, as ribs do."""
    score, heights = likely
    return line.corners is None and line.score >= score and line.length >= heights * line.height


def is_short(line: Line) -> bool:
    """Tell what has no more than a word."""
    return line.corners is None and line.length <= SHORT * line.height


def is_large(reading: Reading, line: Line) -> bool:
    """Tell large print from a head or a chest that reads as a letter or two."""
    several = reading.letters >= SEVERAL and reading.sure >= READ_ALOUD and is_line(line)
    return several or is_plain(reading)


def is_plain(reading: Reading) -> bool:
    """Tell what nobody doubts."""
    return reading.letters >= WORD and reading.sure >= READ_SURELY


def read(view: NDArray[np.uint8], line: Line) -> Reading:
    """
    Read a line of a view in the directions it may run, and give the surest reading.

    A plain one is enough: what takes long to look at is read once.
    """
    rows, columns = view.shape[:2]
    top, bottom = max(int(line.top), 0), min(int(np.ceil(line.bottom)), rows)
    left, right = max(int(line.left), 0), min(int(np.ceil(line.right)), columns)
    piece = view[top:bottom, left:right]
    if not piece.size:
        return Reading("", 0.0)
    best = Reading("", 0.0)
    for turned in _turned(piece) if line.corners is None else _level(view, line):
        best = max(best, Reading(*models.reading(_flat(turned))), key=lambda one: one.sure)
        if is_plain(best):
            break
    return best


def read_again(views: Sequence[NDArray[np.uint8]], line: Line) -> Iterator[Reading]:
    """Read an upright line in other ways: in each view, wider and tighter, of one colour."""
    if line.corners is not None:
        return
    for view in reversed(views):
        for view_colour in (view, np.repeat(view[..., :1], 3, axis=2)):
            for wider in (0.0, TIGHTER, WIDER):
                rim = wider * line.height
                box = replace(
                    line,
                    left=line.left - rim,
                    top=line.top - rim,
                    right=line.right + rim,
                    bottom=line.bottom + rim,
                )
                yield read(view_colour, box)


def _level(view: NDArray[np.uint8], line: Line) -> Iterator[NDArray[np.uint8]]:
    """Give a slanted line laid flat, as its letters may stand."""
    corners = line.corners
    if corners is None:
        return
    flat = straightened(view, corners, max(round(line.length), 1), max(round(line.height), 1))
    yield flat
    across, along = abs(corners[1] - corners[0])
    if along > across:
        yield np.rot90(flat, 2)


def _turned(piece: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """Give the piece as its letters may stand: as it is, or turned left and right."""
    high, wide = piece.shape[:2]
    turns = (1, 3) if high > UPRIGHT * wide else (0,)
    for quarter in turns:
        turned = np.rot90(piece, quarter)
        # All three views at once, and what stands out of its surroundings alone.
        yield turned
        yield np.repeat(turned[..., 1:2], 3, axis=2)


def _flat(piece: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Scale to the height that the recogniser reads."""
    high, wide = piece.shape[:2]
    columns = min(round(models.LETTER_HEIGHT * wide / high), LONGEST * models.LETTER_HEIGHT)
    return scaled(np.ascontiguousarray(piece), max(columns, 8), models.LETTER_HEIGHT)
