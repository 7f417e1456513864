"""What a backend computes from the body is what the scanner measured."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from img_ingestion import payload
from img_ingestion.backend.pictures import picture as decoded
from img_ingestion.contract import request_fault
from img_ingestion.errors import NotDescribed, NotRendered
from img_ingestion.render import pictures
from img_ingestion.settings import Limits, Rendering

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from tests.conftest import MakeDataset

STORED, DISPLAY = Rendering(mode="stored"), Rendering(mode="display")


@dataclass(frozen=True)
class Source:
    """A source image: stored values, and how they become modality values."""

    values: np.ndarray[Any, Any]
    bits: int
    signed: bool
    slope: Fraction
    intercept: Fraction
    photometric: str

    @property
    def modality_values(self) -> list[Fraction]:
        return [int(value) * self.slope + self.intercept for value in self.values.flat]

    def dataset(self, make: MakeDataset) -> Dataset:
        allocated = 8 if self.bits <= 8 else 16
        kind = f"<{'i' if self.signed else 'u'}{allocated // 8}"
        content = self.values.astype(kind).tobytes()
        return make(
            Rows=self.values.shape[0],
            Columns=self.values.shape[1],
            BitsAllocated=allocated,
            BitsStored=self.bits,
            HighBit=self.bits - 1,
            PixelRepresentation=int(self.signed),
            PhotometricInterpretation=self.photometric,
            RescaleSlope=str(float(self.slope)),
            RescaleIntercept=str(float(self.intercept)),
            PixelData=content + b"\0" * (len(content) % 2),
        )


@st.composite
def sources(draw: st.DrawFn, slopes: st.SearchStrategy[Fraction]) -> Source:
    rows, columns = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    bits, signed = draw(st.integers(2, 16)), draw(st.booleans())
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    count = rows * columns
    values = draw(st.lists(st.integers(low, high), min_size=count, max_size=count))
    return Source(
        np.array(values).reshape(rows, columns),
        bits,
        signed,
        draw(slopes),
        Fraction(draw(st.integers(-40000, 40000)), draw(st.sampled_from([1, 2, 8]))),
        draw(st.sampled_from(["MONOCHROME1", "MONOCHROME2"])),
    )


def images(dataset: Dataset, rendering: Rendering) -> list[dict[str, Any]]:
    """Give the body's images, as a backend reads them."""
    entries = [
        {**payload.image_fields(dataset, each), "data": b64encode(each.png).decode()}
        for each in pictures(dataset, rendering, Limits())
    ]
    body = {
        "study": payload.study_fields(dataset),
        "series": payload.series_fields(dataset),
        "images": entries,
    }
    text = json.dumps(body, allow_nan=False).encode()
    assert request_fault(text) == ""
    return list(json.loads(text)["images"])


def computed(image: dict[str, Any]) -> list[Fraction]:
    """Do what a backend does: decode the PNG, apply slope and intercept."""
    samples = np.asarray(Image.open(BytesIO(decoded(image)))).astype(int)
    slope, intercept = Fraction(image["rescaleSlope"]), Fraction(image["rescaleIntercept"])
    return [int(sample) * slope + intercept for sample in samples.flat]


@settings(deadline=None)
@given(source=sources(st.integers(1, 50).map(Fraction)))
def test_stored_pixels_give_the_sources_modality_values_exactly(
    make_dataset: MakeDataset, source: Source
) -> None:
    (image,) = images(source.dataset(make_dataset), STORED)
    assert computed(image) == source.modality_values
    assert image["photometricInterpretation"] == source.photometric


UNSAID = st.sampled_from([Fraction(1, 2), Fraction(3, 2), Fraction(-1), Fraction(9, 8)])


@settings(deadline=None)
@given(source=sources(UNSAID))
def test_a_slope_that_the_contract_cannot_say_never_leaves_as_another(
    make_dataset: MakeDataset, source: Source
) -> None:
    try:
        (image,) = images(source.dataset(make_dataset), STORED)
    except (NotDescribed, NotRendered):
        return
    assert computed(image) == source.modality_values


@settings(deadline=None, max_examples=50)
@given(source=sources(st.integers(1, 50).map(Fraction)))
def test_a_display_picture_says_nothing_of_the_scanners_values(
    make_dataset: MakeDataset, source: Source
) -> None:
    (image,) = images(source.dataset(make_dataset), DISPLAY)
    assert (image["rescaleSlope"], image["rescaleIntercept"]) == (1, 0.0)
    assert (image["bitsAllocated"], image["bitsStored"], image["highBit"]) == (8, 8, 7)
    assert image["photometricInterpretation"] == "MONOCHROME2"
