"""Regions of sequential JPEG are black, and every reader gives the rest as it gave it before."""

from __future__ import annotations

import io
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.encaps import encapsulate, generate_frames, parse_basic_offsets
from pydicom.pixels.processing import convert_color_space
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGBaseline8Bit, JPEGExtended12Bit

from img_ingestion.deidentify.code_streams import strip
from img_ingestion.deidentify.pixels.hide import hide
from img_ingestion.deidentify.pixels.jpeg.huffman import Huffman
from img_ingestion.errors import NotDecoded, NotDeidentified
from img_ingestion.instance import Region
from img_ingestion.settings import Limits
from tests.coded import NOISE, image, jpeg

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from tests.conftest import MakeDataset

ROWS, COLUMNS = 61, 83
REGIONS = (Region(21, 17, 50, 30, "a rule"), Region(70, 0, 83, 61, "a rule"))
BRIGHT = np.full((2, ROWS, COLUMNS, 3), 240, np.uint8)
"""Leaves an encoder that measures no code for a large step down."""


def speckled(bits: int, samples: int) -> NDArray[Any]:
    """Give two frames of noise that is nowhere black."""
    values = NOISE.integers(1 << bits - 3, 1 << bits, (2, ROWS, COLUMNS, samples))
    return values.astype(np.uint8 if bits == 8 else np.uint16)


def by_pillow(frame: NDArray[Any], **more: Any) -> bytes:  # noqa: ANN401
    content = io.BytesIO()
    Image.fromarray(np.squeeze(frame)).save(content, "JPEG", quality=80, **more)
    return content.getvalue()


def ybr(frame: NDArray[Any], subsampling: str, **more: Any) -> bytes:  # noqa: ANN401
    inside = {"colorspace": "YCBCR", "outcolorspace": "YCBCR"}
    return jpeg(frame, 8, level=85, subsampling=subsampling, **inside, **more)


PICTURES: dict[str, tuple[str, NDArray[Any], Any]] = {
    "grey": ("MONOCHROME2", speckled(8, 1), lambda f: jpeg(f[:, :, 0], 8, level=90)),
    "inverted": ("MONOCHROME1", speckled(8, 1) // 2, lambda f: jpeg(f[:, :, 0], 8, level=60)),
    "12 bits": ("MONOCHROME2", speckled(12, 1), lambda f: jpeg(f[:, :, 0], 12, level=95)),
    "12 bits inverted": ("MONOCHROME1", speckled(12, 1) // 2, lambda f: jpeg(f[:, :, 0], 12)),
    "rgb": ("RGB", speckled(8, 3), lambda f: jpeg(f, 8, level=90)),
    "444": ("YBR_FULL", speckled(8, 3), lambda f: ybr(f, "444")),
    "422": ("YBR_FULL_422", speckled(8, 3), lambda f: ybr(f, "422")),
    "420": ("YBR_FULL_422", speckled(8, 3), lambda f: ybr(f, "420")),
    "own tables": ("YBR_FULL_422", speckled(8, 3), lambda f: ybr(f, "422", optimize=True)),
    "bright": ("YBR_FULL_422", BRIGHT, lambda f: ybr(f, "422", optimize=True)),
    "fill bytes": ("YBR_FULL", speckled(8, 3), lambda f: ybr(f, "444")[:-2] + b"\xff\xff\xd9"),
    "restarts": ("YBR_FULL", speckled(8, 3), lambda f: by_pillow(f, restart_marker_blocks=3)),
    "restarts in grey": (
        "MONOCHROME2",
        speckled(8, 1),
        lambda f: by_pillow(f, restart_marker_rows=1, optimize=True),
    ),
}


def picture(make_dataset: MakeDataset, name: str) -> Dataset:
    photometric, values, encode = PICTURES[name]
    bits = 12 if values.dtype == np.uint16 else 8
    dataset = make_dataset(
        **image(values, bits, PhotometricInterpretation=photometric, LossyImageCompression="01")
    )
    return coded(dataset, [encode(frame) for frame in values], bits)


def coded(dataset: Dataset, streams: list[bytes], bits: int = 8) -> Dataset:
    dataset.PixelData = encapsulate(streams)
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit if bits == 8 else JPEGExtended12Bit
    return dataset


def streams_of(dataset: Dataset) -> list[bytes]:
    return list(generate_frames(dataset.PixelData, number_of_frames=2))


def saved(dataset: Dataset) -> io.BytesIO:
    content = io.BytesIO()
    dataset.save_as(content, enforce_file_format=True)
    content.seek(0)
    return content


def reads(dataset: Dataset, plugin: str) -> NDArray[np.int64]:
    pixels = pixel_array(dcmread(saved(dataset)), raw=True, decoding_plugin=plugin)
    return pixels.reshape(2, ROWS, COLUMNS, dataset.SamplesPerPixel).astype(np.int64)


def outside(hidden: tuple[Region, ...]) -> NDArray[np.bool_]:
    mask = np.ones((ROWS, COLUMNS), bool)
    for one in hidden:
        mask[one.top : one.bottom, one.left : one.right] = False
    return mask


@pytest.mark.parametrize("name", PICTURES)
def test_every_reader_finds_black_inside_and_the_same_as_before_outside(
    make_dataset: MakeDataset, name: str
) -> None:
    dataset = picture(make_dataset, name)
    # GDCM and Pillow, as pydicom calls them, read no 12 bits; Pillow takes RGB for YBR.
    plugins = ["pylibjpeg"] + (["gdcm"] if dataset.BitsStored == 8 else [])
    plugins += ["pillow"] if dataset.BitsStored == 8 and name != "rgb" else []
    before = {plugin: reads(dataset, plugin) for plugin in plugins}
    syntax, photometric = dataset.file_meta.TransferSyntaxUID, dataset.PhotometricInterpretation
    hidden = hide(dataset, REGIONS, Limits())
    assert dataset.file_meta.TransferSyntaxUID == syntax
    assert dataset.PhotometricInterpretation == photometric
    others = outside(hidden)
    assert others.sum() > ROWS * COLUMNS // 3
    black = (1 << dataset.BitsStored) - 1 if photometric == "MONOCHROME1" else 0
    for plugin, was in before.items():
        after = reads(dataset, plugin)
        assert np.array_equal(after[:, others], was[:, others])
        for one in REGIONS:
            # Luminance, or what there is; colour is that of the units, less their rim.
            assert (after[:, one.top : one.bottom, one.left : one.right, 0] == black).all()
            if photometric.startswith("YBR"):
                core = after[:, one.top + 1 : one.bottom - 1, one.left + 1 : one.right - 1, 1:]
                assert np.abs(core - 128).max() <= 1


@pytest.mark.parametrize("name", ["grey", "12 bits", "422", "restarts"])
def test_dcmtk_finds_the_same(make_dataset: MakeDataset, name: str, tmp_path: Path) -> None:
    reader = shutil.which("dcmdjpeg") or pytest.skip("dcmtk is not installed")
    dataset = picture(make_dataset, name)
    found = []
    for step in ("before", "after"):
        regions = hide(dataset, REGIONS, Limits()) if step == "after" else ()
        source, plain = tmp_path / f"{step}.dcm", tmp_path / f"{step}-plain.dcm"
        source.write_bytes(saved(dataset).getvalue())
        subprocess.run([reader, "+cn", source, plain], check=True, capture_output=True)
        found.append(np.array(pixel_array(plain, raw=True)).reshape(2, ROWS, COLUMNS, -1))
    before, after = found
    assert np.array_equal(before[:, outside(regions)], after[:, outside(regions)])
    assert not after[:, 17:30, 21:50, 0].any()


def test_a_region_of_one_frame_leaves_the_bytes_of_the_other(make_dataset: MakeDataset) -> None:
    dataset = picture(make_dataset, "422")
    first, second = streams_of(dataset)
    hide(dataset, (Region(0, 0, 20, 20, "a rule", frozenset({2})),), Limits())
    new = streams_of(dataset)
    assert new[0] == first
    assert new[1] != second
    assert parse_basic_offsets(dataset.PixelData) == [0, len(new[0]) + 8]


def test_what_a_file_says_of_its_lossy_past_is_made_whole_and_stays(
    make_dataset: MakeDataset,
) -> None:
    dataset = picture(make_dataset, "grey")
    size = len(dataset.PixelData)
    del dataset.LossyImageCompression
    hide(dataset, REGIONS, Limits())
    assert dataset.LossyImageCompression == "01"
    assert dataset.LossyImageCompressionMethod == "ISO_10918_1"
    assert float(dataset.LossyImageCompressionRatio) == round(2 * ROWS * COLUMNS / size, 2)


@pytest.mark.parametrize("more", [{"progressive": True}, {"progressive": True, "optimize": True}])
def test_what_is_not_sequential_is_decoded_and_written_without_loss(
    make_dataset: MakeDataset, more: dict[str, bool]
) -> None:
    values = speckled(8, 1)
    dataset = make_dataset(**image(values, 8))
    coded(dataset, [by_pillow(frame, **more) for frame in values])
    before = reads(dataset, "pillow")
    assert hide(dataset, REGIONS, Limits()) == REGIONS
    assert dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert dataset.LossyImageCompression == "01"
    after = reads(dataset, "")
    assert np.abs(after - before)[:, outside(REGIONS)].max() <= 1  # another decoder rounds
    assert not after[:, ~outside(REGIONS)].any()


def test_lossy_colours_that_are_decoded_are_written_as_rgb(make_dataset: MakeDataset) -> None:
    values = speckled(8, 3)
    dataset = make_dataset(**image(values, 8, PhotometricInterpretation="YBR_FULL_422"))
    coded(dataset, [by_pillow(frame, progressive=True) for frame in values])
    stored = reads(dataset, "pillow").astype(np.uint8)
    before = convert_color_space(stored, "YBR_FULL", "RGB").astype(np.int64)
    hide(dataset, REGIONS, Limits())
    assert dataset.PhotometricInterpretation == "RGB"
    after = reads(dataset, "")
    assert not after[:, ~outside(REGIONS)].any()
    assert np.abs(after - before)[:, outside(REGIONS)].max() <= 3  # another decoder rounds


def test_damaged_coded_data_are_never_passed_on_half_hidden(make_dataset: MakeDataset) -> None:
    for name in ("grey", "422"):
        for _ in range(40):
            dataset = picture(make_dataset, name)
            first, second = streams_of(dataset)
            broken = bytearray(second)
            broken[NOISE.integers(2, len(broken))] ^= int(NOISE.integers(1, 256))
            coded(dataset, [first, bytes(broken)])
            try:
                hide(dataset, REGIONS, Limits())
                strip(dataset)
            except (NotDecoded, NotDeidentified):
                continue
            _, shown = reads(dataset, "pillow" if "4" in name else "pylibjpeg")
            assert not shown[17:30, 21:50, 0].any()


def test_a_code_stream_of_another_size_is_not_walked(make_dataset: MakeDataset) -> None:
    dataset = picture(make_dataset, "grey")
    first, second = streams_of(dataset)
    at = second.index(b"\xff\xc0") + 5
    vast = second[:at] + b"\xff\xfe\xff\xfe" + second[at + 4 :]
    with pytest.raises(NotDecoded):
        hide(coded(dataset, [first, vast]), REGIONS, Limits())


def test_a_table_takes_more_symbols_without_changing_a_code() -> None:
    table = Huffman(bytes([0, 2, 1, 0, *[0] * 12]), bytes([3, 1, 2]))
    longer = table.with_symbols({0, 2, 9, 11})
    codes = list(longer.codes())
    assert codes[:3] == list(table.codes())
    assert {symbol for symbol, _, _ in codes} == {0, 1, 2, 3, 9, 11}
    written = [f"{code:0{bits}b}" for _, code, bits in codes]
    assert not any(b.startswith(a) for a in written for b in written if a is not b)
    assert not any(set(code) == {"1"} for code in written)


def test_a_table_without_room_is_told_so() -> None:
    full = Huffman(bytes([0] * 8 + [0] * 7 + [200]), bytes(range(200)))
    assert full.with_symbols(range(200)) is full
    crowded = Huffman(bytes([1] * 16), bytes(range(16)))
    with pytest.raises(NotDeidentified):
        crowded.with_symbols({99})


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEGExtended12Bit])
def test_other_bits_than_the_header_has_are_not_taken_for_black(
    make_dataset: MakeDataset, syntax: UID
) -> None:
    dataset = picture(make_dataset, "grey")
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PhotometricInterpretation = "MONOCHROME1"
    dataset.WindowCenter, dataset.WindowWidth = 2048, 4096
    hide(dataset, REGIONS, Limits())
    assert dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert (reads(dataset, "")[:, ~outside(REGIONS)] == 4095).all()
