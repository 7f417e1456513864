"""What a hidden pixel is filled with: black, as a viewer shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from pydicom.pixels.processing import apply_color_lut

from img_ingestion.errors import NotDecoded, NotDeidentified, turned_into
from img_ingestion.pixel_data import frames

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from img_ingestion.instance import Region
    from img_ingestion.pixel_data import PixelFormat
    from img_ingestion.settings import Limits


def black(dataset: Dataset, stored: PixelFormat) -> tuple[int, ...]:
    """
    Give the stored value of each sample that is displayed black (PS3.3 C.7.6.3.1.2).

    Parameters
    ----------
    dataset : Dataset
        For its palette and its modality transformation.
    stored : PixelFormat
        Of the values that are overwritten; their photometric interpretation, not the file's.

    Raises
    ------
    NotDeidentified
        Nobody can say what black is: an unknown photometric interpretation, no palette.

    """
    middle = 1 << (stored.bits_stored - 1)
    match stored.photometric:
        case "MONOCHROME1" | "MONOCHROME2":
            return (_darkest_grey(dataset, stored),)
        case "RGB":
            return (0, 0, 0)
        case "YBR_FULL":
            return (0, middle, middle)
        case "YBR_PARTIAL_422":
            return (middle // 8, middle, middle)
        case "PALETTE COLOR":
            return (_darkest_entry(dataset, stored),)
        case _:
            raise NotDeidentified("black is not known in this Photometric Interpretation")


def black_beside(
    dataset: Dataset, stored: PixelFormat, regions: Sequence[Region], limits: Limits
) -> tuple[int, ...]:
    """
    Give the stored value of each sample that is displayed black beside the pixels that stay.

    Where the header has no window, the lowest and the highest value of the picture are its
    display's ends. The darkest value that can be stored would then take the contrast from all
    others, so the darkest that stays is taken.

    Parameters
    ----------
    dataset, stored : Dataset, PixelFormat
        As `black`.
    regions : sequence of Region
        What will be overwritten, and so does not count.
    limits : Limits
        What decoding may cost.

    Raises
    ------
    NotDeidentified, NotDecoded, TooLarge
        As `black`; the frames cannot be decoded.

    """
    fill = black(dataset, stored)
    grey = stored.photometric.startswith("MONOCHROME") and stored.bits_stored > 1
    if not grey or fill == (0,) or _is_windowed(dataset):
        return fill
    darkest = np.max if fill[0] > 0 else np.min
    with turned_into(NotDecoded, "decoding the frames"):
        every = enumerate(frames(dataset, limits), start=1)
        stay = (_outside(frame, number, regions) for number, frame in every)
        each = [darkest(values) for values in stay if values.size]
    return (int(darkest(each)),) if each else fill


def _outside(frame: NDArray[Any], number: int, regions: Sequence[Region]) -> NDArray[Any]:
    stays = np.ones(frame.shape[:2], np.bool_)
    for region in regions:
        if region.is_on(number):
            stays[region.top : region.bottom, region.left : region.right] = False
    return frame[stays]


def _is_windowed(dataset: Dataset) -> bool:
    """Tell whether the header says which values are displayed how."""
    modality = _described(dataset, "PixelValueTransformationSequence")
    voi = _described(dataset, "FrameVOILUTSequence")
    said = (modality.get("ModalityLUTSequence"), voi.get("VOILUTSequence"), voi.get("WindowWidth"))
    return any(each not in (None, "") for each in said)


def _darkest_grey(dataset: Dataset, stored: PixelFormat) -> int:
    lowest = -(1 << (stored.bits_stored - 1)) if stored.signed else 0
    highest = lowest + (1 << stored.bits_stored) - 1
    with turned_into(NotDeidentified, "reading what makes high values dark"):
        inverted = stored.photometric == "MONOCHROME1"
        if shape := dataset.get("PresentationLUTShape"):
            # It says of the same inversion whether it is meant (PS3.3 C.8.11.1.1.1).
            inverted = shape == "INVERSE"
        return highest if inverted != _falls(dataset) else lowest


def _falls(dataset: Dataset) -> bool:
    """Tell whether the greyscale transformation gives high stored values low display values."""
    modality = _described(dataset, "PixelValueTransformationSequence")
    voi = _described(dataset, "FrameVOILUTSequence")
    falls = float(modality.get("RescaleSlope") or 1) < 0
    falls ^= _table_falls(modality.get("ModalityLUTSequence"))
    windowed = voi.get("WindowWidth") is not None
    return falls ^ (not windowed and _table_falls(voi.get("VOILUTSequence")))


def _described(dataset: Dataset, group: str) -> Dataset:
    """Find the attributes of a functional group: of the first frame, of all, or of the instance."""
    for keyword in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
        for groups in (dataset.get(keyword) or [])[:1]:
            if items := groups.get(group):
                return cast("Dataset", items[0])
    return dataset


def _table_falls(tables: Sequence[Dataset] | None) -> bool:
    for item in (tables or [])[:1]:
        entries = item.get("LUTData")
        if isinstance(entries, bytes):
            entries = np.frombuffer(entries[: len(entries) // 2 * 2], "<u2").tolist()
        return bool(entries) and entries[-1] < entries[0]
    return False


def _darkest_entry(dataset: Dataset, stored: PixelFormat) -> int:
    entries = np.arange(1 << stored.bits_stored, dtype=np.uint16)
    with turned_into(NotDeidentified, "reading the palette"):
        # apply_color_lut wants a picture: one row of every index there can be.
        colours = apply_color_lut(entries[np.newaxis], dataset)[0]
    return int(colours.astype(np.uint32).sum(axis=1).argmin())
