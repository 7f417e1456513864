"""Which parts of which frame have to be looked at: all that is not flat, and differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from img_ingestion.deidentify.pixels.text.parts import parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from img_ingestion.deidentify.pixels.rules import Box

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
        for part in parts(_any_plane(differs), CELL):
            yield number, frame, part
        before = frame


def _steps(frame: NDArray[Any]) -> NDArray[np.bool_]:
    steps = np.zeros(frame.shape, np.bool_)
    steps[1:] = frame[1:] != frame[:-1]
    steps[:, 1:] |= frame[:, 1:] != frame[:, :-1]
    return steps


def _any_plane(samples: NDArray[np.bool_]) -> NDArray[np.bool_]:
    differs: NDArray[np.bool_] = samples[..., 0]
    for plane in range(1, samples.shape[2]):
        differs = differs | samples[..., plane]
    return differs
