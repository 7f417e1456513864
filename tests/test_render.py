"""What the pictures show, and that their fields are true of them."""

from __future__ import annotations

import copy
import os
import shutil
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRBigEndian, XRayAngiographicImageStorage

from img_ingestion.errors import InstanceError, NotDecoded, NotRendered
from img_ingestion.render import pictures
from img_ingestion.render.pictures import chosen
from img_ingestion.settings import Limits, Rendering
from tests.coded import NOISE, image, noise
from tests.reference_viewer import difference, levels, read

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from img_ingestion.instance import Picture
    from tests.conftest import MakeDataset

DCMTK = pytest.mark.skipif(not shutil.which("dcmj2pnm"), reason="dcmtk is not installed")
RAMP = np.arange(256, dtype=np.uint16).reshape(1, 16, 16) * 16
PLAIN = {"RescaleSlope": None, "RescaleIntercept": None}


def shown(dataset: Dataset, frames: str = "all") -> list[NDArray[np.int16]]:
    return [
        levels(picture.png) for picture in pictures(dataset, Rendering(frames=frames), Limits())
    ]


def stored(dataset: Dataset) -> list[Picture]:
    return list(pictures(dataset, Rendering(mode="stored"), Limits()))


def item(**elements: object) -> Dataset:
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def table(first: int, bits: int, entries: list[int], signed: str = "US") -> Dataset:
    made = Dataset()
    made.add_new("LUTDescriptor", signed, [len(entries), first, bits])
    made.add_new("LUTData", "OW", np.array(entries, "<u2").tobytes())
    return made


def linear(x: NDArray[Any], c: float, w: float) -> NDArray[Any]:
    """Do what PS3.3 C.11.2.1.2.1 says, word for word."""
    y = ((x - (c - 0.5)) / (w - 1) + 0.5) * 255
    return np.where(x <= c - 0.5 - (w - 1) / 2, 0, np.where(x > c - 0.5 + (w - 1) / 2, 255, y))


def linear_exact(x: NDArray[Any], c: float, w: float) -> NDArray[Any]:
    """Do what PS3.3 C.11.2.1.3.2 says."""
    return np.where(x <= c - w / 2, 0, np.where(x > c + w / 2, 255, ((x - c) / w + 0.5) * 255))


def sigmoid(x: NDArray[Any], c: float, w: float) -> NDArray[Any]:
    """Do what PS3.3 C.11.2.1.3.1 says."""
    with np.errstate(over="ignore"):
        return 255 / (1 + np.exp(-4 * (x - c) / w))


@pytest.mark.parametrize(("center", "width"), [(1024, 800), (2047.5, 4096), (40, 80), (-500, 3)])
@pytest.mark.parametrize("function", [None, "LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("slope", [1, 0.5, -2])
def test_a_window_is_what_the_standard_says(
    make_dataset: MakeDataset, function: str | None, slope: float, center: float, width: float
) -> None:
    window = {
        "WindowCenter": center,
        "WindowWidth": width,
        "RescaleSlope": slope,
        "RescaleIntercept": -100,
    }
    dataset = make_dataset(**image(RAMP, 12), **window)
    if function:
        dataset.VOILUTFunction = function
    formula = {"LINEAR_EXACT": linear_exact, "SIGMOID": sigmoid}.get(function or "", linear)
    wanted = formula(RAMP[0].astype(float) * slope - 100, center, width)
    assert np.abs(shown(dataset)[0] - wanted).max() <= 0.5 + 1e-6


def test_a_window_of_width_one_is_a_threshold(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(**image(RAMP, 12), **PLAIN, WindowCenter=1600, WindowWidth=1)
    assert np.array_equal(shown(dataset)[0], np.where(RAMP[0] >= 1600, 255, 0))


def test_the_first_of_several_windows_is_shown(make_dataset: MakeDataset) -> None:
    several = make_dataset(**image(RAMP, 12), WindowCenter=[100, 900], WindowWidth=[300, 50])
    one = make_dataset(**image(RAMP, 12), WindowCenter=100, WindowWidth=300)
    assert np.array_equal(shown(several)[0], shown(one)[0])


@pytest.mark.parametrize("window", [{}, {"WindowCenter": 0, "WindowWidth": 0}, {"WindowCenter": 5}])
def test_without_a_usable_window_all_frames_share_the_range_of_the_instance(
    make_dataset: MakeDataset, window: dict[str, float]
) -> None:
    values = np.stack([RAMP[0] // 4 + 100, RAMP[0] // 2 + 50])
    first, second = shown(make_dataset(**image(values, 12), **window))
    low, high = values.min(), values.max()
    assert np.abs(first - (values[0] - low) * 255.0 / (high - low)).max() <= 0.5
    assert np.abs(second - (values[1] - low) * 255.0 / (high - low)).max() <= 0.5
    assert np.array_equal(shown(make_dataset(**image(values, 12), **window), "first")[0], first)


def test_padding_does_not_count_for_the_range(make_dataset: MakeDataset) -> None:
    values = (RAMP.astype(np.int16) // 16) + 100
    values[0, 0, :4] = [-2000, -1999, -1998, 100]
    dataset = make_dataset(**image(values, 16))
    dataset.add_new("PixelPaddingValue", "SS", -2000)
    dataset.add_new("PixelPaddingRangeLimit", "SS", -1998)
    assert shown(dataset)[0][0, 3] == 0
    assert shown(dataset)[0][-1, -1] == 255
    assert np.unique(shown(dataset)[0]).size > 200


def test_one_value_everywhere_is_black(make_dataset: MakeDataset) -> None:
    assert not shown(make_dataset(**image(np.full((1, 4, 4), 7, np.uint16), 12)))[0].any()


def test_a_modality_table_comes_before_the_window(make_dataset: MakeDataset) -> None:
    values = np.arange(16, dtype=np.uint8).reshape(1, 4, 4)
    entries = [int(number) ** 2 for number in range(4, 12)]
    dataset = make_dataset(**image(values, 8), WindowCenter=50, WindowWidth=100)
    dataset.ModalityLUTSequence = [table(4, 16, entries)]
    looked = np.array(entries)[np.clip(values[0].astype(int) - 4, 0, 7)]
    assert np.abs(shown(dataset)[0] - linear(looked, 50, 100)).max() <= 0.5


@pytest.mark.parametrize("as_numbers", [False, True])
def test_a_voi_table_is_used_where_there_is_no_window(
    make_dataset: MakeDataset,
    as_numbers: bool,  # noqa: FBT001
) -> None:
    values = (np.arange(16, dtype=np.int16).reshape(1, 4, 4)) - 8
    entries = [number * 273 for number in (0, 1, 3, 6, 10, 13, 14, 15)]
    dataset = make_dataset(**image(values, 12), RescaleIntercept=0)
    dataset.VOILUTSequence = [table(-4, 12, entries, "SS")]
    if as_numbers:
        dataset.VOILUTSequence[0].add_new("LUTData", "US", entries)
    looked = np.array(entries)[np.clip(values[0].astype(int) + 4, 0, 7)]
    assert np.abs(shown(dataset)[0] - looked * 255 / 4095).max() <= 0.5
    dataset.WindowCenter, dataset.WindowWidth = 0, 8
    assert np.abs(shown(dataset)[0] - linear(values[0], 0, 8)).max() <= 0.5


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted"),
    [
        ("MONOCHROME2", None, False),
        ("MONOCHROME1", None, True),
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME2", "INVERSE", True),
    ],
)
def test_what_is_inverted_is_inverted_once(
    make_dataset: MakeDataset,
    photometric: str,
    shape: str | None,
    inverted: bool,  # noqa: FBT001
) -> None:
    dataset = make_dataset(**image(RAMP, 12), WindowCenter=0, WindowWidth=2000)
    upright = shown(dataset)[0]
    dataset.PhotometricInterpretation = photometric
    if shape:
        dataset.PresentationLUTShape = shape
    assert np.abs(shown(dataset)[0] - (255 - upright if inverted else upright)).max() <= 1


def test_each_frame_has_its_own_transformations(make_dataset: MakeDataset) -> None:
    values = np.concatenate([RAMP, RAMP])
    dataset = make_dataset(**image(values, 12), **PLAIN)
    scale = item(RescaleSlope=2, RescaleIntercept=5, RescaleType="US")
    dataset.SharedFunctionalGroupsSequence = [item(PixelValueTransformationSequence=[scale])]
    windows = [(500, 400), (4000, 900)]
    dataset.PerFrameFunctionalGroupsSequence = [
        item(FrameVOILUTSequence=[item(WindowCenter=c, WindowWidth=w)]) for c, w in windows
    ]
    for found, (center, width) in zip(shown(dataset), windows, strict=True):
        assert np.abs(found - linear(RAMP[0] * 2.0 + 5, center, width)).max() <= 0.5
    assert np.array_equal(shown(dataset, "middle")[0], shown(dataset)[1])
    del dataset.PerFrameFunctionalGroupsSequence[1]
    with pytest.raises(NotRendered):
        shown(dataset)


def test_an_angiogram_is_shown_as_it_is_stored(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(**image(RAMP, 12), **PLAIN, WindowCenter=2048, WindowWidth=4096)
    plain = shown(dataset)[0]
    dataset.ModalityLUTSequence = [table(0, 16, [9, 8, 7])]
    dataset.SOPClassUID = XRayAngiographicImageStorage
    dataset.PixelIntensityRelationship = "LOG"
    assert np.array_equal(shown(dataset)[0], plain)
    dataset.PixelIntensityRelationship = "LIN"
    assert not np.array_equal(shown(dataset)[0], plain)


def colours(bits: int, count: int = 4, first: int = 0) -> dict[str, object]:
    """Give palette elements, a ramp of `count` entries in each colour."""
    top = (1 << bits) - 1
    made: dict[str, object] = {}
    for name, ends in (("Red", (0, top)), ("Green", (top, 0)), ("Blue", (0, top // 2))):
        entries = np.rint(np.linspace(*ends, count)).astype("<u1" if bits == 8 else "<u2")
        made[f"{name}PaletteColorLookupTableDescriptor"] = [count % 65536, first, bits]
        made[f"{name}PaletteColorLookupTableData"] = entries.tobytes()
    return made


def ramp_colours(index: NDArray[Any], count: int, top: int) -> NDArray[Any]:
    at = np.clip(index, 0, count - 1)
    ends = ((0, top), (top, 0), (0, top // 2))
    return np.stack([np.rint(np.linspace(*pair, count)).astype(int)[at] for pair in ends], axis=-1)


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize(
    ("kind", "bits", "count"), [("u1", 8, 4), ("u1", 16, 200), ("u2", 16, 65536), ("u2", 8, 300)]
)
def test_a_palette_gives_its_colours(
    make_dataset: MakeDataset,
    kind: str,
    bits: int,
    count: int,
    big_endian: bool,  # noqa: FBT001
) -> None:
    values = noise(kind, 8 * int(kind[1]), (2, 6, 6))
    palette = colours(bits, count, 2)
    dataset = make_dataset(
        **image(values, 8 * int(kind[1]), PhotometricInterpretation="PALETTE COLOR"), **palette
    )
    if big_endian:
        for element in dataset:
            if element.keyword.endswith("LookupTableData"):
                element.value = np.frombuffer(element.value, "<u2").astype(">u2").tobytes()
        dataset.PixelData = values.astype(values.dtype.newbyteorder(">")).tobytes()
        dataset["PixelData"].VR = "OB" if kind == "u1" else "OW"
        dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    wanted = ramp_colours(values.astype(int) - 2, count, (1 << bits) - 1) >> (bits - 8)
    assert np.array_equal(np.stack(shown(dataset)), wanted)


@pytest.mark.parametrize("octets", [False, True])
def test_a_segmented_palette_is_expanded(make_dataset: MakeDataset, octets: bool) -> None:  # noqa: FBT001
    bits = 8 if octets else 16
    scale = 1 if octets else 256
    # Discrete 10 20; a line of 4 to 60; the line again, from 60 to 60, by reference.
    reference = [2, 1, 4, 0, 0, 0] if octets else [2, 1, 8, 0]
    segments = [0, 2, 10 * scale, 20 * scale, 1, 4, 60 * scale, *reference]
    expanded = np.array([10, 20, 30, 40, 50, 60, 60, 60, 60, 60])
    dataset = make_dataset(
        **image(
            np.arange(16, dtype=np.uint8).reshape(1, 4, 4),
            8,
            PhotometricInterpretation="PALETTE COLOR",
        )
    )
    data = np.array(segments, "<u1" if octets else "<u2").tobytes()
    for name in ("Red", "Green", "Blue"):
        setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [10, 0, bits])
        setattr(dataset, f"Segmented{name}PaletteColorLookupTableData", data)
    assert np.array_equal(
        shown(dataset)[0][:, :, 1], expanded[np.clip(np.arange(16), 0, 9)].reshape(4, 4)
    )


@pytest.mark.parametrize(
    "segments",
    [
        [1, 2, 3],
        [7, 1, 1],
        [0, 2, 5, 6, 2, 9, 8, 0],
        [0, 1, 5, 1, 65000, 6, 2, 60000, 6, 0],
        [0, 1, 5, 2, 1, 0],
    ],
)
def test_a_segmented_palette_that_makes_no_sense_is_refused(
    make_dataset: MakeDataset, segments: list[int]
) -> None:
    dataset = make_dataset(
        **image(noise("u2", 16, (1, 4, 4)), 16, PhotometricInterpretation="PALETTE COLOR")
    )
    for name in ("Red", "Green", "Blue"):
        setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [0, 0, 16])
        setattr(
            dataset,
            f"Segmented{name}PaletteColorLookupTableData",
            np.array(segments, "<u2").tobytes(),
        )
    with pytest.raises(NotRendered):
        shown(dataset)


def test_a_supplemental_palette_colours_only_its_own_values(make_dataset: MakeDataset) -> None:
    values = RAMP.copy()
    values[0, 0] = np.arange(5000, 5016)
    dataset = make_dataset(
        **image(values, 16), **PLAIN, **colours(8, 16, 5000), PixelPresentation="COLOR"
    )
    found = shown(dataset)[0]
    assert np.array_equal(found[0], ramp_colours(np.arange(16), 16, 255))
    grey = (RAMP[0, 1:] - 256) * 255.0 / (4080 - 256)
    assert np.abs(found[1:] - grey[..., None]).max() <= 0.5
    dataset.PixelPresentation = "MONOCHROME"
    assert shown(dataset)[0].ndim == 2


def test_luminance_and_chrominance_become_rgb(make_dataset: MakeDataset) -> None:
    values = noise("u1", 8, (1, 32, 32, 3))
    y, cb, cr = (values[0, :, :, k].astype(float) - (0, 128, 128)[k] for k in range(3))
    exact = np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], axis=-1)
    dataset = make_dataset(**image(values, 8, PhotometricInterpretation="YBR_FULL"))
    assert np.abs(shown(dataset)[0] - np.clip(exact, 0, 255)).max() <= 0.51


def test_luminance_of_partial_range_is_stretched(make_dataset: MakeDataset) -> None:
    pairs = np.array([[[16, 235, 128, 128]]], np.uint8)
    described = image(np.zeros((1, 1, 2, 3), np.uint8), 8, PixelData=pairs.tobytes())
    dataset = make_dataset(**described | {"PhotometricInterpretation": "YBR_PARTIAL_422"})
    assert shown(dataset)[0].tolist() == [[[0, 0, 0], [255, 255, 255]]]


@pytest.mark.parametrize(
    ("kind", "bits"), [("u1", 8), ("u2", 16), ("u2", 12), ("u4", 32), ("u1", 4)]
)
def test_colour_of_any_depth_becomes_8_bits(
    make_dataset: MakeDataset, kind: str, bits: int
) -> None:
    values = noise(kind, bits, (2, 6, 6, 3))
    found = np.stack(shown(make_dataset(**image(values, bits))))
    assert np.abs(found - values.astype(float) * 255 / ((1 << bits) - 1)).max() <= 1


def test_one_bit_is_black_and_white_even_when_all_bits_are_the_same(
    make_dataset: MakeDataset,
) -> None:
    values = np.stack([np.zeros((4, 4)), np.ones((4, 4))]).astype(np.uint8)
    packed = np.packbits(values.ravel(), bitorder="little").tobytes()
    dataset = make_dataset(**image(values, 1, BitsAllocated=1, PixelData=packed))
    assert [frame.max() for frame in shown(dataset)] == [0, 255]
    dataset.NumberOfFrames, dataset.PixelData = 1, packed[2:]
    assert shown(dataset)[0].min() == 255


@pytest.mark.parametrize("kind", ["u4", "i4"])
def test_32_bits_are_shown_without_loss_of_range(make_dataset: MakeDataset, kind: str) -> None:
    values = noise(kind, 32, (1, 8, 8))
    low, high = float(values.min()), float(values.max())
    found = shown(make_dataset(**image(values, 32), **PLAIN))[0]
    assert np.abs(found - (values[0] - low) * 255 / (high - low)).max() <= 0.5


@pytest.mark.parametrize(
    ("keyword", "kind"), [("FloatPixelData", "f4"), ("DoubleFloatPixelData", "f8")]
)
def test_floating_point_is_shown_and_what_is_no_number_is_black(
    make_dataset: MakeDataset, keyword: str, kind: str
) -> None:
    values = np.linspace(-1.5, 2.5, 64).reshape(1, 8, 8).astype(kind)
    values[0, 0, :3] = [np.nan, np.inf, -np.inf]
    absent = dict.fromkeys(("PixelData", "BitsStored", "HighBit", "PixelRepresentation"))
    dataset = make_dataset(**image(values, 8) | absent | {keyword: values.tobytes()}, **PLAIN)
    found = shown(dataset)[0]
    assert found[0, :3].tolist() == [0, 255, 0]
    assert (found[0, 3], found[-1, -1]) == (0, 255)


@pytest.mark.parametrize(
    ("wanted", "count", "numbers"),
    [
        ("all", 3, [1, 2, 3]),
        ("first", 3, [1]),
        ("middle", 1, [1]),
        ("middle", 2, [2]),
        ("middle", 5, [3]),
        ("1", 3, [1, 2, 3]),
        ("2", 5, [1, 3, 5]),
        ("9", 5, [1]),
    ],
)
def test_the_setting_chooses_the_frames(wanted: str, count: int, numbers: list[int]) -> None:
    assert list(chosen(wanted, count)) == numbers


def test_chosen_frames_keep_their_numbers_and_their_look(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(**image(noise("u2", 12, (7, 4, 4)), 12))
    every = list(pictures(dataset, Rendering(), Limits()))
    some = list(pictures(dataset, Rendering(frames="3"), Limits()))
    assert [picture.frame for picture in some] == [1, 4, 7]
    assert some == every[::3]


def test_one_frame_too_many_is_noticed_even_when_only_the_first_is_wanted() -> None:
    dataset = read(Path(str(get_testdata_file("SC_rgb_rle_2frame.dcm"))))
    dataset.NumberOfFrames = 1
    with pytest.raises(NotDecoded):
        list(pictures(dataset, Rendering(frames="first"), Limits()))


def chunks(png: bytes) -> list[bytes]:
    found, at = [], 8
    while at < len(png):
        (length,) = struct.unpack_from(">L", png, at)
        found.append(png[at + 4 : at + 8])
        at += 12 + length
    return found


@pytest.mark.parametrize("mode", ["display", "stored"])
@pytest.mark.parametrize("samples", [1, 3])
def test_a_picture_says_what_it_is_and_carries_nothing_else(
    make_dataset: MakeDataset, mode: str, samples: int
) -> None:
    shape = (2, 5, 9) if samples == 1 else (2, 5, 9, 3)
    kind, bits = ("u2", 12) if samples == 1 else ("u1", 8)
    dataset = make_dataset(**image(noise(kind, bits, shape), bits))
    rendering = Rendering.model_validate({"mode": mode})
    first, again = (list(pictures(copy.deepcopy(dataset), rendering, Limits())) for _ in range(2))
    assert first == again
    for number, picture in enumerate(first, start=1):
        assert set(chunks(picture.png)) == {b"IHDR", b"IDAT", b"IEND"}
        width, height, depth, colour = struct.unpack_from(">LLBB", picture.png, 16)
        assert (picture.columns, picture.rows) == (width, height) == (9, 5)
        assert picture.bits_allocated == depth
        assert picture.samples_per_pixel == {0: 1, 2: 3}[colour] == samples
        assert picture.high_bit == picture.bits_stored - 1 < picture.bits_allocated
        assert picture.photometric_interpretation == ("RGB" if samples == 3 else "MONOCHROME2")
        assert picture.frame == number
        if mode == "display":
            assert (picture.rescale_slope, picture.rescale_intercept) == (1, 0)


@pytest.mark.parametrize(
    ("kind", "bits"),
    [("u1", 8), ("i1", 8), ("u2", 12), ("i2", 12), ("u2", 16), ("i2", 16), ("u2", 7)],
)
@pytest.mark.parametrize("rescale", [(None, None), (1, -1024), (3, 0.25)])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_stored_pictures_give_back_the_modality_values_exactly(
    make_dataset: MakeDataset,
    kind: str,
    bits: int,
    rescale: tuple[int | None, float | None],
    photometric: str,
) -> None:
    slope, intercept = rescale
    values = noise(kind, bits, (2, 7, 5))
    described = image(values, bits, PhotometricInterpretation=photometric)
    dataset = make_dataset(**described, RescaleSlope=slope, RescaleIntercept=intercept)
    for frame, picture in zip(values, stored(dataset), strict=True):
        samples = cv2.imdecode(np.frombuffer(picture.png, np.uint8), cv2.IMREAD_UNCHANGED)
        assert samples is not None
        assert samples.max() < 1 << picture.bits_stored
        modality = samples.astype(float) * picture.rescale_slope + picture.rescale_intercept
        assert np.array_equal(modality, frame * float(slope or 1) + (intercept or 0))
        assert picture.photometric_interpretation == photometric
        assert samples.dtype.itemsize * 8 == picture.bits_allocated == (8 if bits <= 8 else 16)


def test_a_stored_bit_is_told_as_eight(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(
        **image(noise("u1", 1, (1, 8, 8)), 1, BitsAllocated=1, PixelData=b"\xa5" * 8), **PLAIN
    )
    (picture,) = stored(dataset)
    assert (picture.bits_allocated, picture.bits_stored, picture.high_bit) == (8, 8, 7)
    assert levels(picture.png)[0].tolist() == [1, 0, 1, 0, 0, 1, 0, 1]


@pytest.mark.parametrize(
    "change",
    [
        {"RescaleSlope": 0.5},
        {"RescaleSlope": -1},
        {"RescaleSlope": 1.5},
        {"ModalityLUTSequence": [table(0, 16, [1, 2])]},
    ],
)
def test_what_the_contract_cannot_tell_is_not_stored(
    make_dataset: MakeDataset, change: dict[str, object]
) -> None:
    with pytest.raises(NotRendered):
        stored(make_dataset(**change))


@pytest.mark.parametrize(
    ("kind", "bits", "shape"), [("u4", 32, (1, 4, 4)), ("u2", 16, (1, 4, 4, 3))]
)
def test_values_too_wide_for_the_png_are_not_stored(
    make_dataset: MakeDataset, kind: str, bits: int, shape: tuple[int, ...]
) -> None:
    with pytest.raises(NotRendered):
        stored(make_dataset(**image(noise(kind, bits, shape), bits)))


@pytest.mark.parametrize(
    "change",
    [
        {"RescaleSlope": 0},
        {"VOILUTFunction": "WAVY"},
        {"VOILUTSequence": [table(0, 40, [1, 2])]},
        {"ModalityLUTSequence": [item(LUTDescriptor=[9, 0, 16], LUTData=b"\0\0")]},
        {"ModalityLUTSequence": [item(LUTDescriptor=[9, 0, 16])]},
        {"PhotometricInterpretation": "PALETTE COLOR"},
    ],
)
def test_a_header_that_cannot_be_followed_gives_no_picture(
    make_dataset: MakeDataset, change: dict[str, object]
) -> None:
    with pytest.raises(NotRendered):
        shown(make_dataset(**change))


def test_a_window_on_fractions_is_no_threshold(make_dataset: MakeDataset) -> None:
    values = np.linspace(0, 1, 64).reshape(1, 8, 8).astype("f4")
    absent = dict.fromkeys(("PixelData", "BitsStored", "HighBit", "PixelRepresentation"))
    described = image(values, 8) | absent | {"FloatPixelData": values.tobytes()}
    dataset = make_dataset(**described, **PLAIN, WindowCenter=0.5, WindowWidth=1)
    assert np.abs(shown(dataset)[0] - values[0] * 255).max() <= 0.5 + 1e-3
    dataset.WindowCenter, dataset.WindowWidth = 0.25, 0.5
    assert np.abs(shown(dataset)[0] - np.clip(values[0] * 510, 0, 255)).max() <= 0.5 + 1e-3


def test_pixels_that_are_not_square_are_sent_as_they_are(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(**image(RAMP, 12))
    square = shown(dataset)[0]
    dataset.PixelAspectRatio = [2, 1]
    assert np.array_equal(shown(dataset)[0], square)


def test_a_picture_is_the_same_on_another_worker() -> None:
    path = get_testdata_file("examples_palette.dcm", download=False)
    script = (
        "import hashlib, sys; from pathlib import Path; from tests.reference_viewer import read;"
        "from img_ingestion.render import pictures;"
        "from img_ingestion.settings import Limits, Rendering;"
        "made = pictures(read(Path(sys.argv[1])), Rendering(), Limits());"
        "print(hashlib.sha256(b''.join(one.png for one in made)).hexdigest())"
    )
    told = set()
    for seed, threads in (("1", "1"), ("2", "4")):
        done = subprocess.run(
            [sys.executable, "-c", script, str(path)],
            env={**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": threads},
            cwd=Path(__file__).parents[1],
            check=True,
            capture_output=True,
        )
        told.add(done.stdout)
    assert len(told) == 1


def test_a_thousand_frames_are_rendered_in_flat_memory(make_dataset: MakeDataset) -> None:
    values = np.broadcast_to(
        np.arange(128 * 128, dtype=np.uint16).reshape(128, 128), (1000, 128, 128)
    )
    dataset = make_dataset(**image(values, 16))
    tracemalloc.start()
    try:
        count = sum(1 for _ in pictures(dataset, Rendering(), Limits()))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 1000
    assert peak < values.nbytes // 8


def test_rendering_changes_nothing(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(WindowCenter=10, WindowWidth=100)
    before = copy.deepcopy(dataset)
    shown(dataset)
    stored(dataset)
    assert dataset == before


def test_a_large_object_is_rendered_frame_by_frame(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(**image(NOISE.integers(0, 2, (400, 8, 8)).astype(np.uint16), 12))
    line = pictures(dataset, Rendering(), Limits())
    assert next(line).frame == 1
    assert sum(1 for _ in line) == 399


def _further_than_one_level(folder: Path) -> dict[str, tuple[str, int | None]]:
    compared = {path.name: difference(path) for path in sorted(folder.iterdir()) if path.is_file()}
    assert sum(1 for what, _ in compared.values() if what == "dcmtk") > 50
    alone = {name for name, (what, _) in compared.items() if what == "nobody else shows it"}
    assert all("liver_" in name for name in alone)
    return {name: said for name, said in compared.items() if said[1] is not None and said[1] > 1}


@DCMTK
def test_every_picture_that_pydicom_ships_is_within_one_level_of_another_reader() -> None:
    assert _further_than_one_level(Path(str(get_testdata_file("CT_small.dcm"))).parent) == {}


@DCMTK
def test_every_picture_of_the_corpus_is_within_one_level_of_another_reader(shared: Path) -> None:
    assert _further_than_one_level(shared / "corpus" / "files") == {}


@pytest.mark.parametrize(
    "twins",
    [
        ("rtdose.dcm", "rtdose_expb.dcm"),
        # Which no other reader here decodes: one bit in RLE, and deflated frames.
        ("liver_j2k.dcm", "liver_rle.dcm"),
        ("liver_j2k.dcm", "liver_deflate.dcm"),
    ],
)
def test_how_it_is_stored_does_not_change_a_picture(shared: Path, twins: tuple[str, str]) -> None:
    found = []
    for name in twins:
        shipped = get_testdata_file(name, download=False)
        path = Path(str(shipped or shared / "corpus" / "files" / f"pydicom-data__{name}"))
        found.append(list(pictures(read(path), Rendering(), Limits())))
    assert found[0] == found[1]


def test_a_damaged_header_is_refused_or_rendered_and_nothing_else() -> None:
    content = Path(str(get_testdata_file("examples_palette.dcm")))
    for _ in range(40):
        dataset = read(content)
        for element in NOISE.choice(
            np.array([e.keyword for e in dataset if e.tag.group == 0x28]), 2
        ):
            dataset[element]._value = NOISE.choice(np.array(["", "x", "-1", "70000"]))
        try:
            list(pictures(dataset, Rendering(), Limits()))
        except InstanceError:
            continue
