"""The door of this folder: one Picture for each chosen frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from img_ingestion import part10
from img_ingestion.errors import NotRendered
from img_ingestion.instance import Picture
from img_ingestion.pixel_data import PixelFormat, pixel_format
from img_ingestion.render.display import displayed
from img_ingestion.render.png_file import png
from img_ingestion.render.stored import stored_samples

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from img_ingestion.render.modality import Rescale
    from img_ingestion.render.png_file import Samples
    from img_ingestion.settings import Limits, Rendering


def pictures(dataset: Dataset, rendering: Rendering, limits: Limits) -> Iterator[Picture]:
    """
    Render the chosen frames, in frame order, one in memory at a time.

    An instance without pixel data has none.

    Parameters
    ----------
    dataset : Dataset
        Clean, with its file meta information; never changed.
    rendering : Rendering
        Mode and choice of frames.
    limits : Limits
        What the pixel data may unpack to.

    Raises
    ------
    NotDecoded, TooLarge
        As `pixel_data.frames`.
    NotRendered
        The header asks for something that has no faithful PNG.

    """
    if not part10.has_pixels(dataset):
        return
    source = pixel_format(dataset)
    numbers = chosen(rendering.frames, source.frames)
    if rendering.mode == "stored" and source.photometric.startswith("MONOCHROME"):
        stored = stored_samples(dataset, source, numbers, limits)
        for number, (samples, rescale) in zip(numbers, stored, strict=True):
            yield _stored_picture(number, samples, source, rescale)
        return
    if rendering.mode == "stored" and source.bits_stored > 8:  # noqa: PLR2004
        raise NotRendered("colour of more than 8 bits has no lossless picture")
    shown = displayed(dataset, source, numbers, limits)
    for number, levels in zip(numbers, shown, strict=True):
        yield _display_picture(number, levels)


def chosen(wanted: str, count: int) -> range:
    """
    Give the frame numbers that the setting asks for.

    Parameters
    ----------
    wanted : str
        `all`, `first`, `middle` (of an even number the later one), or N for every Nth frame
        from the first.
    count : int
        Number of Frames (0028,0008).

    """
    if wanted == "first":
        return range(1, 2)
    if wanted == "middle":
        return range(count // 2 + 1, count // 2 + 2)
    return range(1, count + 1, 1 if wanted == "all" else int(wanted))


def _display_picture(number: int, levels: NDArray[np.uint8]) -> Picture:
    """Describe what was shown: its transformations are in the levels already."""
    rows, columns, samples = levels.shape
    return Picture(
        frame=number,
        png=png(levels),
        rows=rows,
        columns=columns,
        samples_per_pixel=samples,
        photometric_interpretation="MONOCHROME2" if samples == 1 else "RGB",
        bits_allocated=8,
        bits_stored=8,
        high_bit=7,
        rescale_slope=1.0,
        rescale_intercept=0.0,
    )


def _stored_picture(
    number: int,
    samples: Samples,
    source: PixelFormat,
    rescale: Rescale,
) -> Picture:
    # The contract's smallest High Bit is 1: one bit is told as the eight that the PNG has.
    bits = source.bits_stored if source.bits_stored > 1 else 8
    return Picture(
        frame=number,
        png=png(samples),
        rows=source.rows,
        columns=source.columns,
        samples_per_pixel=1,
        photometric_interpretation=source.photometric,
        bits_allocated=samples.dtype.itemsize * 8,
        bits_stored=bits,
        high_bit=bits - 1,
        rescale_slope=rescale.slope,
        rescale_intercept=rescale.intercept,
    )
