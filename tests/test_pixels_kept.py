"""A picture in which nothing is hidden leaves byte for byte, in the transfer syntax it came in."""

from __future__ import annotations

import hashlib
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from img_ingestion.deidentify import deidentify, policy, recipe
from img_ingestion.instance import ReceivedInstance
from img_ingestion.settings import Pixels, Settings
from tests.coded import DEFLATED_FRAMES, LOSSLESS, LOSSY, image, smooth

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom.dataset import Dataset

    from tests.conftest import MakeDataset

RULES = recipe.load(Path(__file__).parents[1] / "deid.dicom")
NATIVE = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
ENCODERS: dict[str, Callable[..., bytes]] = {
    **{syntax: encode for syntax, encode in LOSSLESS.items() if syntax != DEFLATED_FRAMES},
    **{syntax: partial(encode, bits=8) for syntax, encode in LOSSY.items()},
}
"""Without the syntax that pydicom cannot write yet."""


def left(dataset: Dataset, looked: str, **by_modality: str) -> Dataset:
    """Give what becomes of an instance, read from the bytes that would leave."""
    source = BytesIO()
    dataset.save_as(source, enforce_file_format=True)
    content = source.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    received = ReceivedInstance("id", "customer", Path("x.dcm"), content, digest)
    settings = Settings(
        pixels=Pixels.model_validate({"policy": looked, "by_modality": by_modality})
    )
    rules = policy("customer", settings, RULES, b"k" * 32)
    return pydicom.dcmread(BytesIO(deidentify(received, rules).content))


@pytest.mark.parametrize("looked", ["rules", "all"])
@pytest.mark.parametrize("syntax", [*NATIVE, *ENCODERS])
def test_a_clean_picture_keeps_its_bytes(
    make_dataset: MakeDataset, syntax: str, looked: str
) -> None:
    values = smooth(8, (3, 33, 65)) // 2 + 20
    dataset = make_dataset(**image(values, 8))
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    if syntax in ENCODERS:
        dataset.PixelData = encapsulate([ENCODERS[syntax](frame) for frame in values])
        dataset["PixelData"].VR = "OB"
    else:
        dataset.PixelData += b"\0"  # 3 x 33 x 65 bytes are odd
    before = bytes(dataset.PixelData)
    after = left(dataset, looked)
    assert after.PixelData == before
    assert after.file_meta.TransferSyntaxUID == syntax
    for keyword in ("Rows", "Columns", "NumberOfFrames", "BitsStored", "PhotometricInterpretation"):
        assert after[keyword].value == dataset[keyword].value


@pytest.mark.parametrize("fragments", [1, 3])
def test_fragments_stay_as_they_were_cut(make_dataset: MakeDataset, fragments: int) -> None:
    values = smooth(8, (2, 32, 64)) // 2 + 20
    dataset = make_dataset(**image(values, 8))
    streams = [ENCODERS[JPEG2000Lossless](frame) for frame in values]
    dataset.PixelData = encapsulate(streams, fragments_per_frame=fragments)
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    before = bytes(dataset.PixelData)
    assert left(dataset, "rules").PixelData == before


def test_with_an_extended_offset_table_every_frame_stays_what_it_was(
    make_dataset: MakeDataset,
) -> None:
    values = smooth(8, (2, 32, 64)) // 2 + 20
    dataset = make_dataset(**image(values, 8))
    streams = [ENCODERS[RLELossless](frame) for frame in values]
    tables = encapsulate_extended(streams)
    dataset.PixelData, dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = tables
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = RLELossless
    after = left(dataset, "rules")
    assert np.array_equal(after.pixel_array, values)
    if "ExtendedOffsetTable" in after:
        assert after.ExtendedOffsetTable == tables[1]


@pytest.mark.parametrize(
    ("modality", "looked"), [("XA", True), ("CT", False), (["XA", "CT"], False)]
)
def test_the_policy_is_that_of_the_kind_of_image(
    make_dataset: MakeDataset, modality: str | list[str], *, looked: bool
) -> None:
    dataset = make_dataset(**image(smooth(8, (1, 33, 65)) // 2 + 20, 8), Modality=modality)
    after = left(dataset, "rules", XA="all")
    # Only who has looked at the pixels says so.
    assert (after.get("BurnedInAnnotation") == "NO") is looked
