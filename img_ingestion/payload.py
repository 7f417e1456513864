"""
The contract's words for what we send: study, series and image.

Every word comes from the clean data set or describes the PNG itself. What would not be true
of the PNG, or has no words in the contract, is held (`NotDescribed`).
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from img_ingestion import png_header
from img_ingestion.errors import NotDescribed, turned_into

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from img_ingestion.instance import Picture

_UID = re.compile(r"[0-9.]{1,64}")
_AGE = re.compile(r"([0-9]{1,3})([YMWD]?)")
_A_YEAR: dict[str, float] = {"": 1, "Y": 1, "M": 12, "W": 365.25 / 7, "D": 365.25}
_OLDEST = 89
"""Ages above it are one group (45 CFR 164.514(b)(2)(i)(C)), told as 90."""
_SAMPLES = {"MONOCHROME1": 1, "MONOCHROME2": 1, "PALETTE COLOR": 1, "RGB": 3, "YBR_FULL": 3}
"""What the samples of a PNG can be. The contract's other words tell of codings that it is not."""


def study_fields(dataset: Dataset) -> dict[str, object]:
    """
    Describe the study of a clean instance.

    Raises
    ------
    NotDescribed
        A required element is absent or empty: an empty one would merge different patients.

    """
    fields: dict[str, object] = {
        "studyInstanceUid": _uid(dataset, "StudyInstanceUID"),
        "accessionNumber": _text(dataset, "AccessionNumber"),
        "patientId": _text(dataset, "PatientID"),
    }
    age = _age(dataset)
    return fields if age is None else {**fields, "patientAge": age}


def series_fields(dataset: Dataset) -> dict[str, object]:
    """Describe the series of a clean instance; raise NotDescribed without its UID."""
    return {"seriesInstanceUid": _uid(dataset, "SeriesInstanceUID")}


def image_fields(dataset: Dataset, picture: Picture) -> dict[str, object]:
    """
    Describe one frame, as its PNG has it; all of the contract's words but `data`.

    Raises
    ------
    NotDescribed
        The picture does not match its own description, or the contract cannot say it.

    """
    _check(picture)
    return {
        "imageInstanceUid": _uid(dataset, "SOPInstanceUID"),
        "sopClassUid": _uid(dataset, "SOPClassUID"),
        "height": picture.rows,
        "width": picture.columns,
        "rescaleSlope": int(picture.rescale_slope),
        "rescaleIntercept": float(picture.rescale_intercept),
        "photometricInterpretation": picture.photometric_interpretation,
        "samplesPerPixel": picture.samples_per_pixel,
        "bitsAllocated": picture.bits_allocated,
        "bitsStored": picture.bits_stored,
        "highBit": picture.high_bit,
    }


def _check(picture: Picture) -> None:
    """Hold a picture that is not what it says, or that the contract has no words for."""
    said = png_header.PngHeader(
        picture.rows, picture.columns, picture.samples_per_pixel, picture.bits_allocated
    )
    # PS3.5 8.1.1: High Bit is Bits Stored - 1; the contract allows it to be 1 at the least.
    truths = {
        "the PNG ends before its end": picture.png.endswith(png_header.END),
        "the PNG's header says otherwise": png_header.png_header(picture.png) == said,
        "Bits Allocated is neither 8 nor 16": picture.bits_allocated in {8, 16},
        "Bits Stored is out of range": 1 < picture.bits_stored <= picture.bits_allocated,
        "High Bit is not Bits Stored - 1": picture.high_bit == picture.bits_stored - 1,
        "Photometric Interpretation and Samples per Pixel do not fit a PNG": (
            _SAMPLES.get(picture.photometric_interpretation) == picture.samples_per_pixel
        ),
        "Rescale Slope is no whole number of 1 or more": (
            float(picture.rescale_slope).is_integer() and picture.rescale_slope >= 1
        ),
        "Rescale Intercept is no finite number": math.isfinite(picture.rescale_intercept),
    }
    for words, true in truths.items():
        if not true:
            raise NotDescribed(f"frame {picture.frame}: {words}")


def _text(dataset: Dataset, keyword: str) -> str:
    """Give the one value of an element that the contract requires."""
    with turned_into(NotDescribed, keyword):
        value = dataset.get(keyword)
    if not isinstance(value, str) or not value.strip():
        raise NotDescribed(f"{keyword} is absent, empty or of several values")
    return str(value).strip()


def _uid(dataset: Dataset, keyword: str) -> str:
    uid = _text(dataset, keyword)
    if not _UID.fullmatch(uid):
        raise NotDescribed(f"{keyword} is no UID")
    return uid


def _age(dataset: Dataset) -> str | None:
    """
    Give Patient's Age (0010,1010) in whole years, e.g. `058Y`; None when it is of no use.

    Months, weeks and days become the years completed; a bare number is years.
    """
    with turned_into(NotDescribed, "PatientAge"):
        value = dataset.get("PatientAge")
    match = _AGE.fullmatch(value.strip().upper()) if isinstance(value, str) else None
    if match is None:
        return None
    years = int(int(match[1]) / _A_YEAR[match[2]])
    return f"{years if years <= _OLDEST else _OLDEST + 1:03d}Y"
