"""Stored values -> grey levels: modality, VOI, presentation (PS3.4 N.2, PS3.3 C.11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from img_ingestion.errors import NotRendered
from img_ingestion.render.functional_groups import numbers, text
from img_ingestion.render.modality import Rescale, modality
from img_ingestion.render.voi import Range, VoiTable, Window, voi

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from img_ingestion.pixel_data import PixelFormat
    from img_ingestion.render.lookup_table import LookupTable


class Greyscale(NamedTuple):
    """The greyscale transformation of one frame."""

    modality: Rescale | LookupTable
    voi: Window | VoiTable | Range | None
    """None: the header has none; the full range of the instance has to be put in its place."""
    inverted: bool

    def levels(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """Give the grey level of each stored value; what is not a number is black."""
        shown = self.modality.applied(values.astype(np.float64))
        share = self.voi.applied(shown) if self.voi else shown
        share = np.nan_to_num(1 - share if self.inverted else share)
        return np.rint(255 * share).astype(np.uint8)


def greyscale(dataset: Dataset, number: int, pixel_format: PixelFormat) -> Greyscale:
    """
    Give the transformation of frame `number`.

    Presentation LUT Shape (2050,0020) says INVERSE or IDENTITY of the same inversion that
    MONOCHROME1 stands for (PS3.3 C.8.11.1.1.1), so where it is present it decides, and
    nothing is inverted twice.
    """
    stored = modality(dataset, number, signed=pixel_format.signed)
    negative = pixel_format.signed or (isinstance(stored, Rescale) and stored.intercept < 0)
    window = voi(dataset, number, signed=negative, fractional=pixel_format.is_float)
    shape = text(dataset, "PresentationLUTShape")
    inverted = shape == "INVERSE" if shape else pixel_format.photometric == "MONOCHROME1"
    return Greyscale(stored, window, inverted)


def full_range(
    dataset: Dataset, pixel_format: PixelFormat, stored: Iterable[NDArray[Any]]
) -> Range:
    """
    Find the lowest and the highest modality value of an instance.

    Parameters
    ----------
    dataset : Dataset
        Pixel Padding Value (0028,0120) and Range Limit (0028,0121) do not count, nor do
        stored values that a supplemental palette maps.
    pixel_format : PixelFormat
        One bit has the range of the bit, whether or not both values occur.
    stored : iterable of ndarray
        The stored values of every frame.

    """
    if pixel_format.bits_stored == 1:
        stored = [np.array([0, 1])]
    ignored = _ignored(dataset, pixel_format)
    low, high = np.inf, -np.inf
    for number, frame in enumerate(stored, start=1):
        transformation = modality(dataset, number, signed=pixel_format.signed)
        # A straight line maps nothing to an extreme but its ends.
        straight = isinstance(transformation, Rescale)
        counted = _ends(frame, ignored) if straight else _counted(frame, ignored)
        if counted.size:
            values = transformation.applied(counted.astype(np.float64))
            low, high = min(low, values.min()), max(high, values.max())
    return Range(float(low), float(high)) if low <= high else Range(0, 0)


def _ends(frame: NDArray[Any], ignored: Sequence[tuple[float, float]]) -> NDArray[Any]:
    """Give the lowest and the highest value that counts, none where none does."""
    if frame.dtype.kind != "f":
        ends = np.array([frame.min(), frame.max()])
        if not any(low <= end <= high for low, high in ignored for end in ends):
            return ends
    counted = _counted(frame, ignored)
    return np.array([counted.min(), counted.max()]) if counted.size else counted


def _counted(frame: NDArray[Any], ignored: Sequence[tuple[float, float]]) -> NDArray[Any]:
    counted = frame[np.isfinite(frame)] if frame.dtype.kind == "f" else frame
    for low, high in ignored:
        counted = counted[(counted < low) | (counted > high)]
    return counted


def _ignored(dataset: Dataset, pixel_format: PixelFormat) -> list[tuple[float, float]]:
    """Give the ranges of stored values that are no measurement."""
    ranges = []
    prefix = "" if not pixel_format.is_float else "Float"
    if pixel_format.is_float and "DoubleFloatPixelData" in dataset:
        prefix = "DoubleFloat"
    padding = [
        _as_stored(number, pixel_format)
        for keyword in (f"{prefix}PixelPaddingValue", f"{prefix}PixelPaddingRangeLimit")
        for number in numbers(dataset, keyword)[:1]
    ]
    if padding:
        ranges.append((min(padding), max(padding)))
    first = supplemental_first(dataset, pixel_format)
    if first is not None:
        ranges.append((first, np.inf))
    return ranges


def _as_stored(number: float, pixel_format: PixelFormat) -> float:
    """Give a padding value the sign of the pixels: some writers take the other VR (US, SS)."""
    if pixel_format.is_float:
        return number
    modulus = 2**pixel_format.bits_allocated
    # A whole number as one: else numpy makes floating point of every pixel to compare them.
    number = (int(number) if number.is_integer() else number) % modulus
    return number - modulus if pixel_format.signed and number >= modulus // 2 else number


def supplemental_first(dataset: Dataset, pixel_format: PixelFormat) -> int | None:
    """
    Give the first stored value of a supplemental palette, none where there is none in use.

    Pixel Presentation (0008,9205) says whether colours are meant (PS3.3 C.8.16.2.1.1): many
    monochrome objects carry a palette that is only a suggestion.
    """
    keyword = "RedPaletteColorLookupTableDescriptor"
    if keyword not in dataset or text(dataset, "PixelPresentation") not in ("COLOR", "MIXED"):
        return None
    descriptor = numbers(dataset, keyword)
    if len(descriptor) != 3:  # noqa: PLR2004 - entries, first value, bits
        raise NotRendered(f"{keyword} has not three numbers")
    first = int(descriptor[1])
    return first - 2**16 if pixel_format.signed and first >= 2**15 else first
