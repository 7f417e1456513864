"""The stored values of each frame, lossless, for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from img_ingestion.errors import NotRendered
from img_ingestion.pixel_data import frames
from img_ingestion.render.modality import Rescale, modality

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset

    from img_ingestion.pixel_data import PixelFormat
    from img_ingestion.render.png_file import Samples
    from img_ingestion.settings import Limits

WIDEST_SAMPLE = 16
"""Bits of a PNG sample (ISO 15948 section 11.2.2)."""


def stored_samples(
    dataset: Dataset, pixel_format: PixelFormat, numbers: range, limits: Limits
) -> Iterator[tuple[Samples, Rescale]]:
    """
    Give each chosen frame's stored values as unsigned samples, and what they stand for.

    Modality value = sample * slope + intercept, exactly: signed values are raised by half
    their range, and the intercept takes that back.

    Raises
    ------
    NotRendered
        More than 16 bits, floating point, a modality LUT, or a Rescale Slope that is not an
        integer of at least 1, which is all that the backend's contract has a word for.

    """
    if pixel_format.is_float or pixel_format.bits_stored > WIDEST_SAMPLE:
        raise NotRendered("stored values of more than 16 bits do not fit a PNG")
    raised = 2 ** (pixel_format.bits_stored - 1) if pixel_format.signed else 0
    octet = pixel_format.bits_stored <= 8  # noqa: PLR2004
    for number, frame in zip(numbers, frames(dataset, limits, numbers), strict=True):
        transformation = modality(dataset, number, signed=pixel_format.signed)
        if not isinstance(transformation, Rescale):
            raise NotRendered("a modality LUT is not a slope and an intercept")
        slope, intercept = transformation.slope, transformation.intercept
        if slope < 1 or not slope.is_integer():
            raise NotRendered("RescaleSlope is not an integer of at least 1")
        samples = frame.astype(np.int32) + raised
        told = samples.astype(np.uint8) if octet else samples.astype(np.uint16)
        yield told, Rescale(slope, intercept - slope * raised)
