"""
Text that is found in the pixels, wherever it stands and whatever the device.

::

    changes.py   which parts of which frame have to be looked at
    parts.py     ... as few pixels as a few boxes can have
    views.py     what of the stored values is shown to the detector
    drawn.py     what was drawn on a ground of one value
    likelihood.py a view -> how likely each pixel belongs to text
    lines.py     ... -> boxes that look like text
    reading.py   what a box says; print told from anatomy
    deciding.py  which boxes are hidden, and why
    keeping.py   what stays under the policy `identifiers`, read twice and left whole
    along.py     the rest of a line of which a part was found
    harmless.py  what may stay under the policy `identifiers`
    models.py    the networks; onnxruntime stays there
    raster.py    arithmetic on pictures; OpenCV stays there
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from img_ingestion.deidentify.pixels.rules import Box
from img_ingestion.deidentify.pixels.text import models
from img_ingestion.deidentify.pixels.text.along import whole_lines
from img_ingestion.deidentify.pixels.text.changes import changed
from img_ingestion.deidentify.pixels.text.deciding import FOUND, Decision, Wanted, decided
from img_ingestion.deidentify.pixels.text.lines import lines
from img_ingestion.deidentify.pixels.text.parts import merged
from img_ingestion.deidentify.pixels.text.views import brightness, planes, surroundings, window
from img_ingestion.pixel_data import frames, pixel_format

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from img_ingestion.instance import Region
    from img_ingestion.settings import Limits

__all__ = ["FOUND", "Wanted", "found", "require", "still_readable"]

require = models.require

ENLARGED = 1.5
"""The first look's; the second is at another scale on purpose."""
SMALL, CLOSER = 310_000, 2.0
"""Pixels of a picture whose print is small as well, and how much it is enlarged in the second look,
beside the other, when the first has found text: where some is, more is likely."""
EDGE, FAINT = 2, 0.02
"""Pixels, and share of the picture's range: what a black region may differ from black."""
NEAR = 96
"""Pixels around what was hidden since the last look that are looked at again."""


def found(dataset: Dataset, limits: Limits, wanted: Wanted) -> Decision:
    """
    Take the first look at every frame, and say what is to be hidden, in every frame.

    What stays is said of the frame in which it was read.

    Raises
    ------
    NotDecoded, TooLarge
        A frame cannot be decoded.
    NotDeidentified
        It cannot be looked at.

    """
    stored, shown = pixel_format(dataset), window(dataset)
    regions: dict[Region, None] = {}
    stays: list[Region] = []
    for number, frame, part in changed(frames(dataset, limits)):
        piece = frame[part.top : part.bottom, part.left : part.right]
        values = planes(piece, dataset, stored)
        view = surroundings(values)
        views = (view,) if wanted.own is None or wanted.marks else (view, brightness(values, shown))
        texts = decided(views, lines(view, ENLARGED), part, wanted, tuple(regions))
        regions.update(dict.fromkeys(_whole(texts, values, part, wanted)))
        stays += (stay._replace(frames=frozenset({number})) for stay in texts.stays)
    return Decision(tuple(regions), tuple(stays))


def still_readable(
    dataset: Dataset,
    limits: Limits,
    wanted: Wanted,
    hidden: Sequence[Region],
    new: Sequence[Region] | None = None,
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
        What should be black by now, and may look like a letter itself. What is not black is
        looked at as if nobody had hidden it.
    new : sequence of Region, optional
        What was hidden since the last second look: only around it is anything else to be seen.
        None: this is the first.

    Raises
    ------
    NotDecoded, TooLarge, NotDeidentified
        As the first look.

    """
    stored, shown = pixel_format(dataset), window(dataset)
    regions: dict[Region, None] = {}
    for number, frame, changed_part in changed(frames(dataset, limits)):
        black = [region for region in hidden if _is_flat(frame, region)]
        here = replace(wanted, stays=tuple(stay for stay in wanted.stays if stay.is_on(number)))
        for part in _around(changed_part, new):
            piece = frame[part.top : part.bottom, part.left : part.right]
            values = planes(piece, dataset, stored)
            view = brightness(values, shown)
            small = new is None and (hidden or wanted.stays) and view[..., 0].size <= SMALL
            boxes = lines(view, CLOSER if small else 1.0, both=True)
            texts = decided((view,), boxes, part, here, black)
            regions.update(dict.fromkeys(_whole(texts, values, part, here)))
    return tuple(regions)


def _whole(
    texts: Decision, values: NDArray[np.float32], part: Box, wanted: Wanted
) -> Iterable[Region]:
    """Give what is hidden as far as its ink goes, and no farther than what stays."""
    if not wanted.torn:
        return texts.hidden
    return whole_lines(texts.hidden, values[..., 0], part, (*wanted.stays, *texts.stays))


def _around(part: Box, new: Sequence[Region] | None) -> Iterator[Box]:
    """Give what of a part is worth a look."""
    if new is None:
        yield part
        return
    yield from merged(_nearby(part, new))


def _nearby(part: Box, new: Sequence[Region]) -> Iterator[Box]:
    for region in new:
        left, top = max(region.left - NEAR, part.left), max(region.top - NEAR, part.top)
        right = min(region.right + NEAR, part.right)
        bottom = min(region.bottom + NEAR, part.bottom)
        if left < right and top < bottom:
            yield Box(left, top, right, bottom)


def _is_flat(frame: NDArray[Any], region: Region) -> bool:
    """Tell whether nothing can be seen in a region; JPEG mixes the colours along its edge."""
    rows = slice(region.top + EDGE, max(region.bottom - EDGE, region.top + EDGE + 1))
    columns = slice(region.left + EDGE, max(region.right - EDGE, region.left + EDGE + 1))
    piece = frame[rows, columns]
    if not piece.size or (piece == piece[0, 0]).all():
        return bool(piece.size)
    most = FAINT * (float(frame.max()) - float(frame.min()))
    return bool((piece.max(axis=(0, 1)) - piece.min(axis=(0, 1)).astype(np.float64) <= most).all())
