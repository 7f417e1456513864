"""Which parts of which frame have to be looked at: all that is not flat, and differs."""

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

    Of the first frame the parts in which any stored value differs from its neighbours: nothing
    can be read where nothing differs. Of each other frame those in which any differs from the
    frame before: what does not was looked at before, so that nothing goes unseen, and a still
    title of a cine is looked at once. With a rim around them.
    """
    before: NDArray[Any] | None = None
    for number, frame in enumerate(frames, start=1):
        differs = _steps(frame) if before is None else frame != before
        for part in _parts(differs):
            yield number, frame, part
        before = frame


def _steps(frame: NDArray[Any]) -> NDArray[np.bool_]:
    steps = np.zeros(frame.shape, np.bool_)
    steps[1:] = frame[1:] != frame[:-1]
    steps[:, 1:] |= frame[:, 1:] != frame[:, :-1]
    return steps


def _parts(samples: NDArray[np.bool_]) -> Iterator[Box]:
    differs: NDArray[np.bool_] = samples[..., 0]
    for plane in range(1, samples.shape[2]):
        differs = differs | samples[..., plane]
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
