"""A file is read whole or not at all."""

from __future__ import annotations

import zlib
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import DeflatedExplicitVRLittleEndian

from img_ingestion import part10
from img_ingestion.errors import Incomplete, InstanceError, NotDicom, TooLarge
from img_ingestion.instance import ReceivedInstance
from img_ingestion.settings import Limits

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from tests.conftest import MakeDataset, MakeInstance

REAL = [
    "CT_small.dcm",
    "JPEG2000.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_RLE.dcm",
    "image_dfl.dcm",
    "rtplan.dcm",
    "test-SR.dcm",
]


def _read(content: bytes, limits: Limits | None = None) -> Dataset:
    received = ReceivedInstance("id", "customer", Path("x"), content, "")
    return part10.read(received, limits or Limits())


def _real(name: str) -> bytes:
    path = get_testdata_file(name)
    assert isinstance(path, str)
    return Path(path).read_bytes()


@pytest.mark.parametrize("name", REAL)
def test_a_whole_file_is_read(name: str) -> None:
    assert "SOPClassUID" in _read(_real(name))


@pytest.mark.parametrize("name", REAL)
def test_a_file_cut_anywhere_is_not_taken_for_whole(name: str) -> None:
    content = _real(name)
    for end in range(0, len(content) - 1, max(64, len(content) // 200)):
        try:
            dataset = _read(content[:end])
        except InstanceError:
            continue
        # Cut between two elements: what is left is a data set, but without its last element.
        assert "PixelData" not in dataset


def test_what_is_no_dicom_is_said_to_be_none() -> None:
    for content in (b"", b"hello", bytes(200), b"\x08\x00junk that is no element at all"):
        with pytest.raises((NotDicom, Incomplete)):
            _read(content)


def test_a_file_without_preamble_is_read(make_dataset: MakeDataset) -> None:
    dataset = make_dataset()
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=False, implicit_vr=False, little_endian=True)
    bare = out.getvalue()
    start = bare.index(b"\x08\x00", 132 if bare[128:132] == b"DICM" else 0)
    assert _read(bare[start:]).Rows == dataset.Rows


def test_a_deflated_bomb_is_not_unpacked(make_dataset: MakeDataset) -> None:
    dataset = make_dataset()
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    out = BytesIO()
    pydicom.dcmwrite(out, dataset, enforce_file_format=True)
    head = out.getvalue()[: out.getvalue().index(b"1.2.840.10008.1.2.1.99") + 22]
    start = part10._file_meta(out.getvalue(), 132)[1]
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = out.getvalue()[:start] + packer.compress(bytes(30_000_000)) + packer.flush()
    assert head in bomb
    assert len(bomb) < 100_000
    with pytest.raises(TooLarge):
        _read(bomb, Limits(max_unpacked_bytes=1_000_000))


def test_sequences_without_end_are_refused() -> None:
    meta = _real("CT_small.dcm")[: part10._file_meta(_real("CT_small.dcm"), 132)[1]]
    sequence = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    with pytest.raises(NotDicom):
        _read(meta + sequence * 3000)


def test_a_written_file_has_a_zero_preamble_and_reads_again(make_instance: MakeInstance) -> None:
    content = part10.written(_read(b"patient name goes here".ljust(128) + make_instance()[128:]))
    assert content[:132] == bytes(128) + b"DICM"
    assert _read(content).Rows > 0
