"""Hide regions of the picture, in every frame, and touch nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from img_ingestion.deidentify.pixels import native
from img_ingestion.pixel_data import pixel_format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

    from img_ingestion.instance import Region
    from img_ingestion.settings import Limits

NO_LONGER_TRUE = (
    "SmallestImagePixelValue",
    "LargestImagePixelValue",
    "SmallestPixelValueInSeries",
    "LargestPixelValueInSeries",
)
"""Type 3 statements about all pixels, which hiding some of them may make false."""


def hide(dataset: Dataset, regions: Sequence[Region], limits: Limits) -> tuple[Region, ...]:
    """
    Make the regions black, in place; no other pixel changes its value.

    Native pixel data is overwritten where it stands. Of sequential JPEG whole blocks are made
    black where they are coded. Other compressed pixel data is decoded and written back without
    loss: in its own transfer syntax if that is lossless and what we wrote decodes to exactly
    what was meant, uncompressed otherwise. Nothing is ever compressed with loss a second time.

    Parameters
    ----------
    dataset : Dataset
        With its file meta information.
    regions : sequence of Region
        Inside the picture; `frames` count from 1 as Frame Number does. None: nothing happens.
    limits : Limits
        What decoding may cost.

    Returns
    -------
    tuple of Region
        What was hidden: the regions, widened where pixels are stored together.

    Raises
    ------
    NotDecoded, TooLarge
        The pixels cannot be decoded.
    NotDeidentified
        They cannot be written, or it is not known what black is.

    """
    if not regions:
        return ()
    stored = pixel_format(dataset)
    if native.is_native(dataset):
        hidden = native.whole_cells(dataset, stored, regions)
        native.blank(dataset, stored, hidden, limits)
    else:
        # Seldom needed, and the rest of a picture's way knows nothing of code streams' insides.
        from img_ingestion.deidentify.pixels import compressed  # noqa: PLC0415

        hidden = compressed.blank(dataset, stored, regions, limits)
    for keyword in NO_LONGER_TRUE:
        dataset.pop(keyword, None)
    return hidden
