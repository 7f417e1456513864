"""Which parts of which frame have to be looked at: all that differs from the frame before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from img_ingestion.deidentify.pixels.rules import Box
from img_ingestion.deidentify.pixels.text.raster import patches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

CELL = 64
"""Pixels: what changes within a cell, or in a neighbouring one, is looked at together."""


def changed(frames: Iterable[NDArray[Any]]) -> Iterator[tuple[int, NDArray[Any], Box]]:
    """
    Give what is new, frame by frame: its number from 1, the frame, and a part of it.

    The whole of the first frame; of each other frame the parts in which any stored value
    differs from the frame before, with a rim around them. A pixel that does not differ was
    looked at before, so that nothing goes unseen; a still title of a cine is looked at once.
    """
    before: NDArray[Any] | None = None
    for number, frame in enumerate(frames, start=1):
        if before is None:
            yield number, frame, Box(0, 0, frame.shape[1], frame.shape[0])
        else:
            for part in _parts(frame, before):
                yield number, frame, part
        before = frame


def _parts(frame: NDArray[Any], before: NDArray[Any]) -> Iterator[Box]:
    differs: NDArray[np.bool_] = np.any(frame != before, axis=2)
    rows, columns = differs.shape
    padded = np.pad(differs, ((0, -rows % CELL), (0, -columns % CELL)))
    shape = padded.shape[0] // CELL, CELL, padded.shape[1] // CELL, CELL
    _, boxes = patches(np.any(padded.reshape(shape), axis=(1, 3)))
    for left, top, wide, high in boxes.tolist():
        yield Box(
            max(left - 1, 0) * CELL,
            max(top - 1, 0) * CELL,
            min((left + wide + 1) * CELL, columns),
            min((top + high + 1) * CELL, rows),
        )
