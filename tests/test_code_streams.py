"""A compressed frame leaves with its pixels and with nothing else."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_frames

from img_ingestion.deidentify.code_streams import BARE, strip
from img_ingestion.deidentify.code_streams.remarks import is_encoders_own
from img_ingestion.errors import NotDecoded
from img_ingestion.pixel_data import frames
from img_ingestion.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataset import Dataset

NAME = b"Patient: Quillfeather, Zebedee 23.07.1951"
COMMENT = b"\xff\xfe" + struct.pack(">H", len(NAME) + 2) + NAME
EXIF = b"\xff\xe1" + struct.pack(">H", len(NAME) + 8) + b"Exif\0\0" + NAME
COMMENT_2000 = b"\xff\x64" + struct.pack(">HH", len(NAME) + 4, 1) + NAME
JPEG = ["SC_rgb_jpeg_dcmtk.dcm", "MR_small_jpeg_ls_lossless.dcm", "JPEG-lossy.dcm"]
JPEG_2000 = ["JPEG2000.dcm", "MR_small_jp2klossless.dcm"]


def _real(name: str) -> Dataset:
    path = get_testdata_file(name)
    if not isinstance(path, str):
        pytest.skip("pydicom's wheel does not ship this file")
    return pydicom.dcmread(path)


def _changed(dataset: Dataset, change: Callable[[bytes], bytes]) -> Dataset:
    count = int(dataset.get("NumberOfFrames") or 1)
    changed = [
        change(frame) for frame in generate_frames(dataset.PixelData, number_of_frames=count)
    ]
    dataset["PixelData"].value = encapsulate(changed)
    return dataset


def _pixels(dataset: Dataset) -> list[np.ndarray]:
    return [frame.copy() for frame in frames(dataset, Limits())]


def _ended(frame: bytes) -> bytes:
    return frame[: frame.rindex(b"\xff\xd9") + 2]


def _behind_size(frame: bytes) -> int:
    return 4 + int.from_bytes(frame[4:6], "big")


@pytest.mark.parametrize("name", JPEG)
@pytest.mark.parametrize("segment", [COMMENT, EXIF], ids=["comment", "exif"])
def test_a_remark_in_a_jpeg_frame_is_cut_and_no_pixel_changes(name: str, segment: bytes) -> None:
    before = _real(name)
    pixels = _pixels(before)
    dataset = _changed(before, lambda frame: frame[:2] + segment + frame[2:])
    assert NAME in dataset.PixelData
    assert strip(dataset)
    assert NAME not in dataset.PixelData
    assert all(map(np.array_equal, _pixels(dataset), pixels))


@pytest.mark.parametrize("name", JPEG_2000)
def test_a_remark_in_a_jpeg_2000_frame_is_cut_and_no_pixel_changes(name: str) -> None:
    before = _real(name)
    pixels = _pixels(before)
    dataset = _changed(
        before,
        lambda frame: frame[: _behind_size(frame)] + COMMENT_2000 + frame[_behind_size(frame) :],
    )
    assert NAME in dataset.PixelData
    assert strip(dataset)
    assert NAME not in dataset.PixelData
    assert all(map(np.array_equal, _pixels(dataset), pixels))


@pytest.mark.parametrize("name", JPEG + JPEG_2000)
def test_a_second_picture_behind_the_first_is_not_let_through(name: str) -> None:
    dataset = _changed(_real(name), lambda frame: frame + frame)
    with pytest.raises(NotDecoded):
        strip(dataset)


@pytest.mark.parametrize("name", JPEG)
def test_the_rest_of_a_word_behind_the_end_is_cut_and_no_pixel_changes(name: str) -> None:
    dataset = _real(name)
    pixels = _pixels(dataset)
    _changed(dataset, lambda frame: _ended(frame) + b"\0" + NAME[:6])
    assert all(map(np.array_equal, _pixels(dataset), pixels))
    assert strip(dataset)
    assert NAME[:6] not in dataset.PixelData
    assert all(map(np.array_equal, _pixels(dataset), pixels))
    longer = _changed(_real(name), lambda frame: _ended(frame) + NAME[:8])
    with pytest.raises(NotDecoded):
        _pixels(longer)
    with pytest.raises(NotDecoded):
        strip(longer)


@pytest.mark.parametrize("name", [*JPEG, *JPEG_2000, "MR_small_RLE.dcm", "SC_rgb_rle_2frame.dcm"])
def test_a_frame_without_remarks_stays_byte_for_byte(name: str) -> None:
    dataset = _real(name)
    before = dataset.PixelData
    if strip(dataset):
        # The wheel's file carries a remark of its own; a second look finds nothing more.
        before = dataset.PixelData
        assert not strip(dataset)
    assert dataset.PixelData == before


def test_bytes_in_the_unused_part_of_an_rle_header_are_cut() -> None:
    dataset = _real("MR_small_RLE.dcm")
    pixels = _pixels(dataset)
    _changed(dataset, lambda frame: frame[:40] + NAME[:24] + frame[64:])
    assert NAME[:24] in dataset.PixelData
    assert strip(dataset)
    assert NAME[:24] not in dataset.PixelData
    assert all(map(np.array_equal, _pixels(dataset), pixels))


def test_bytes_in_an_offset_table_are_cut() -> None:
    dataset = _real("MR_small_RLE.dcm")
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    table = NAME[:40]
    head = b"\xfe\xff\x00\xe0" + struct.pack("<L", len(table)) + table
    item = b"\xfe\xff\x00\xe0" + struct.pack("<L", len(frame)) + frame
    dataset["PixelData"].value = head + item + b"\xfe\xff\xdd\xe0\0\0\0\0"
    assert strip(dataset)
    assert table not in dataset.PixelData


def test_an_offset_table_of_uncompressed_pixels_goes() -> None:
    dataset = _real("CT_small.dcm")
    dataset.add_new(0x7FE00001, "OV", NAME[:40])
    assert strip(dataset)
    assert 0x7FE00001 not in dataset


@pytest.mark.parametrize(
    "remark",
    [
        b"Kakadu-v5.0",
        b"Kakadu-2.2",
        b"Created by OpenJPEG version 2.5.2",
        b"Created by GDCM/OpenJPEG version 2.3.0",
        b"Creator: JasPer Version 1.701.0",
        b"OpenJPH Ver 0.7.3.",
        b"Intel(R) JPEG Library, version [1.51.13.45]\0",
        b"LEAD Technologies Inc. V1.01\0",
        b"Created with GIMP",
    ],
)
def test_an_encoders_own_name_stays(remark: bytes) -> None:
    assert is_encoders_own(remark)


@pytest.mark.parametrize(
    "remark", [NAME, b"Kakadu Quillfeather", b"Created by Zebedee", b"Lavc\0Z"]
)
def test_any_other_remark_goes(remark: bytes) -> None:
    assert not is_encoders_own(remark)


def test_damaged_streams_are_held_and_never_crash() -> None:
    for name in (*JPEG, *JPEG_2000, "MR_small_RLE.dcm"):
        original = _real(name)
        count = int(original.get("NumberOfFrames") or 1)
        frame = next(generate_frames(original.PixelData, number_of_frames=count))
        for end in range(0, min(len(frame), 700), 7):
            damaged = _real(name)
            damaged["PixelData"].value = encapsulate([frame[:end] + bytes(2)] * count)
            with suppress(NotDecoded):
                strip(damaged)


def test_every_file_of_the_corpus_keeps_its_pixels(shared: Path) -> None:
    looked_at = 0
    for path in sorted((shared / "corpus" / "files").rglob("*")):
        dataset = pydicom.dcmread(path, force=True)
        syntax = dataset.file_meta.get("TransferSyntaxUID") if "file_meta" in dir(dataset) else None
        if syntax not in BARE or path.stat().st_size > 300_000:
            continue
        try:
            before = _pixels(dataset)
        except Exception:  # noqa: BLE001, S112 - what cannot be decoded is held elsewhere
            continue
        if strip(dataset):
            assert all(map(np.array_equal, _pixels(dataset), before)), path.name
        looked_at += 1
    assert looked_at > 30
