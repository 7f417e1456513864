"""
What is shown to the detector: pictures whose three colours are three views of the stored values.

The detector finds text in any one colour, so that one look sees three views; measured, it finds
more in such a picture than in its views one after the other.

`surroundings`: each pixel against what lies around it, near, less near and farther: nothing is too
faint, too dark or too bright, and no window is asked. Within a patch far beyond the rest, whose
edge outshines what stands in it, each pixel between the extremes of its neighbours; what was drawn
on a ground of one value (drawn.py), as it stands out of that.
`brightness`: what the header's window shows, each pixel against its surroundings, and what lies
above and below that window, by rank.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.multival import MultiValue
from pydicom.pixels.processing import apply_color_lut, convert_color_space

from img_ingestion.deidentify.pixels.text.drawn import on_one_ground
from img_ingestion.deidentify.pixels.text.raster import blurred, greatest, least
from img_ingestion.errors import NotDeidentified, turned_into

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from img_ingestion.pixel_data import PixelFormat


@dataclass(frozen=True, slots=True)
class Distance:
    """How far the surroundings of a pixel reach, and what is noise rather than ink there."""

    sigma: float
    """Of a Gaussian, in pixels."""
    faintest: float
    """Share of the picture's range that one standard deviation is at least taken for."""


NEAR = Distance(12.0, 0.02)
DISTANCES = (Distance(12.0, 0.002), Distance(6.0, 0.005), Distance(3.0, 0.005))
NEIGHBOURS = 5
"""Pixels of the side of a square that lies within a patch far beyond the rest of the picture."""
REST, FAR = (5, 90), 0.75
"""Percentiles of the rest, and how much of their range is far beyond it."""
SPARSE = 4
"""Of so many rows and columns one is enough to know the range."""
CONTRAST = 50.0
"""Grey levels to one standard deviation of the surroundings."""
FEWEST = 30
"""Pixels beyond the window that could be a letter."""
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
LEVELS = 4096
COMMONEST = 0.02
"""Share of the pixels that one value may claim of the grey scale: not all of it for a black rim."""


@dataclass(frozen=True, slots=True)
class Window:
    """The stored values that the header's window shows from black to white."""

    low: float
    high: float


def window(dataset: Dataset) -> Window | None:
    """Give the first linear window in stored values (PS3.3 C.11.2.1.2); None without one."""
    with turned_into(NotDeidentified, "reading the window"):
        width, centre = _first(dataset, "WindowWidth", 0), _first(dataset, "WindowCenter", 0)
        slope = _first(dataset, "RescaleSlope", 1) or 1.0
        intercept = _first(dataset, "RescaleIntercept", 0)
        if "ModalityLUTSequence" in dataset or width <= 1:
            return None
        ends = [(centre + half * width - intercept) / slope for half in (-0.5, 0.5)]
        return Window(min(ends), max(ends))


def planes(frame: NDArray[Any], dataset: Dataset, stored: PixelFormat) -> NDArray[np.float32]:
    """Give the frame's values as one grey plane or three of colour, (rows, columns, 1 or 3)."""
    with turned_into(NotDeidentified, "reading the colours"):
        if stored.photometric == "PALETTE COLOR":
            colours = apply_color_lut(frame[..., 0], dataset)
            # Where two entries have one colour, text can hide in the numbers of the entries.
            return np.dstack([colours @ LUMINANCE, frame[..., 0]]).astype(np.float32)
        if stored.photometric == "YBR_FULL" and frame.dtype == np.uint8:
            frame = convert_color_space(frame, "YBR_FULL", "RGB")
        values = np.nan_to_num(frame.astype(np.float32), posinf=0, neginf=0)
    if all(np.array_equal(values[..., 0], plane) for plane in np.moveaxis(values, 2, 0)[1:]):
        return values[..., :1]
    return np.dstack([values @ LUMINANCE, values])


def surroundings(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Give (rows, columns, planes) of `planes` as (rows, columns, 3): the first look."""
    each = _contiguous(values)
    near, less_near, nearest = (_local(each, distance) for distance in DISTANCES)
    third = _within_patches(each, nearest)
    for plane in each:
        third = on_one_ground(plane, third)
    return np.dstack([near, less_near, third])


def brightness(values: NDArray[np.float32], shown: Window | None) -> NDArray[np.uint8]:
    """
    Give (rows, columns, planes) of `planes` as (rows, columns, 3): the second look.

    Parameters
    ----------
    values : ndarray
        The first plane is what a viewer shows in grey.
    shown : Window, optional
        None: the whole range is shown.

    """
    each = _contiguous(values)
    grey = each[0]
    whole = Window(float(grey.min()), float(grey.max()))
    beyond = _beyond(grey, shown) if shown else None
    third = _equalised(grey, whole) if beyond is None else beyond
    return np.dstack([_stretched(grey, shown or whole), _local(each, NEAR), third])


def _first(dataset: Dataset, keyword: str, default: float) -> float:
    value = dataset.get(keyword)
    if isinstance(value, MultiValue | list | tuple):
        value = value[0] if value else None
    return default if value in {None, ""} else float(value)


def _stretched(grey: NDArray[np.float32], ends: Window) -> NDArray[np.uint8]:
    scale = 255 / max(ends.high - ends.low, 1e-6)
    return np.asarray(np.clip((grey - ends.low) * np.float32(scale), 0, 255), np.uint8)


def _local(values: Sequence[NDArray[np.float32]], distance: Distance) -> NDArray[np.uint8]:
    """Give the deviation from the surroundings; of several planes, the plane's that stands out."""
    first, *others = (_deviation(plane, distance) for plane in values)
    for each in others:
        np.copyto(first, each, where=np.abs(each) > np.abs(first))
    first *= CONTRAST
    first += 128
    return np.asarray(np.clip(first, 0, 255, out=first), np.uint8)


def _deviation(plane: NDArray[np.float32], distance: Distance) -> NDArray[np.float32]:
    """Give how many standard deviations of its surroundings each pixel is away from them."""
    difference = plane - blurred(plane, distance.sigma)
    spread = blurred(difference * difference, distance.sigma)
    np.sqrt(spread, out=spread)
    spread += _faintest(plane, distance.faintest)
    difference /= spread
    # Floating point pixels may be so far apart that their squares are not numbers.
    np.copyto(difference, 0, where=np.isnan(difference))
    return difference


def _within_patches(
    values: Sequence[NDArray[np.float32]], view: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Give the view, but what stands in a patch far beyond the rest as it lies between extremes."""
    for plane in values:
        low, high = np.percentile(plane[::SPARSE, ::SPARSE], REST)
        far = FAR * (high - low)
        if plane.max() <= high + far and plane.min() >= low - far:
            continue
        darkest, brightest = least(plane, NEIGHBOURS), greatest(plane, NEIGHBOURS)
        inside = (brightest > darkest) & ((darkest > high + far) | (brightest < low - far))
        if inside.any():
            place = (plane - darkest) / np.maximum(brightest - darkest, np.float32(1e-6))
            view = np.where(inside, (255 * place).astype(np.uint8), view)
    return view


def _contiguous(values: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Give each plane apart."""
    return [np.ascontiguousarray(plane) for plane in np.moveaxis(values, 2, 0)]


def _faintest(plane: NDArray[np.float32], share: float) -> np.float32:
    ends = np.percentile(plane[::SPARSE, ::SPARSE], (0.5, 99.5))
    return np.float32(share * max(float(np.ptp(ends)), 1e-6))


def _beyond(grey: NDArray[np.float32], shown: Window) -> NDArray[np.uint8] | None:
    """Give what the window shows as flat black or white, by rank; None when it is next to none."""
    levels = np.full(grey.shape, 128, np.uint8)
    below, above = grey < shown.low, grey > shown.high
    sizes = int(below.sum()), int(above.sum())
    if max(sizes) < max(FEWEST, 0.0003 * grey.size):
        return None
    for part, size, darkest in ((below, sizes[0], 0), (above, sizes[1], 150)):
        if size > FEWEST:
            levels[part] = darkest + _ranks(grey[part]) * 105
    return levels


def _ranks(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Give each value its rank among all of them, 0 to 1."""
    _, positions, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(counts) - counts / 2) / values.size
    return ranks[positions]


def _equalised(grey: NDArray[np.float32], whole: Window) -> NDArray[np.uint8]:
    """Give each value the brightness that uses the grey scale evenly."""
    scale = (LEVELS - 1) / max(whole.high - whole.low, 1e-6)
    numbers = ((grey - whole.low) * np.float32(scale)).astype(np.int32)
    counts = np.bincount(numbers.ravel(), minlength=LEVELS).astype(np.float64)
    counts = np.minimum(counts, counts.sum() * COMMONEST)
    brightness: NDArray[np.uint8] = (np.cumsum(counts) / counts.sum() * 255).astype(np.uint8)
    return brightness[numbers]
