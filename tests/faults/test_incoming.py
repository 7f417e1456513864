"""Half a file is not taken, wherever it is cut."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
import pytest
from pydicom.data import get_testdata_file

from img_ingestion import part10
from img_ingestion.deidentify import admission, recipe
from img_ingestion.errors import Incomplete, NotAdmitted
from img_ingestion.home import Home
from img_ingestion.ingest import ingest
from img_ingestion.instance import ReceivedInstance
from img_ingestion.ledger import Ledger
from img_ingestion.settings import Incoming, Limits, Settings
from tests.faults.gateway import ROOT

if TYPE_CHECKING:
    from img_ingestion.outcome import Ingested
    from tests.conftest import MakeInstance

EVERY = 64
NATIVE = [
    "CT_small.dcm",
    "ExplVR_BigEnd.dcm",
    "MR_small.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_expb.dcm",
    "MR_small_implicit.dcm",
    "SC_rgb_small_odd.dcm",
    "liver_expb_1frame.dcm",
    "rtdose_1frame.dcm",
]
ENCAPSULATED = [
    "JPEG2000.dcm",
    "JPEG-lossy.dcm",
    "MR_small_RLE.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_rgb_rle_2frame.dcm",
    "693_J2KI.dcm",
]
WITHOUT_PIXELS = ["test-SR.dcm", "reportsi.dcm", "rtplan.dcm"]
DEFLATED = ["image_dfl.dcm"]


def _read(content: bytes) -> None:
    admission.check(part10.read(ReceivedInstance("", "north", Path(), content, ""), Limits()))


@pytest.mark.parametrize("name", [*NATIVE, *ENCAPSULATED, *DEFLATED])
def test_an_image_that_is_cut_anywhere_is_known_to_be_incomplete(name: str) -> None:
    content = Path(str(get_testdata_file(name, download=False))).read_bytes()
    taken = []
    for end in range(EVERY, len(content), EVERY):
        try:
            _read(content[:end])
        except Incomplete:
            continue
        taken.append(end)
    # What may follow the pixel data is padding and signatures; without it the image is whole.
    assert [end for end in taken if end < _end_of_pixels(content)] == []


def _end_of_pixels(content: bytes) -> int:
    """Give where the last element begins that is no part of the image, or the end."""
    padding = content.rfind(b"\xfc\xff\xfc\xff")
    return padding if padding > 0 else len(content)


def test_without_our_own_check_most_halves_are_taken() -> None:
    content = Path(str(get_testdata_file("CT_small.dcm", download=False))).read_bytes()
    cut = [BytesIO(content[:end]) for end in range(EVERY, len(content), EVERY)]
    taken = 0
    for half in cut:
        with suppress(Exception):
            taken += "SOPInstanceUID" in pydicom.dcmread(half)
    assert taken > 0.9 * len(cut)


@pytest.mark.parametrize("name", WITHOUT_PIXELS)
def test_an_object_without_pixels_that_is_cut_anywhere_never_leaves(name: str) -> None:
    content = Path(str(get_testdata_file(name, download=False))).read_bytes()
    for end in range(EVERY, len(content), EVERY):
        with pytest.raises((Incomplete, NotAdmitted)):
            _read(content[:end])


def _pass(home: Home, give_up_s: float) -> list[Ingested]:
    settings = Settings(
        incoming=Incoming(settle_s=0, give_up_s=give_up_s), limits=Limits(min_free_bytes=0)
    )
    with Ledger.open(home.state) as ledger:
        return list(ingest(home, settings, recipe.load(ROOT / "deid.dicom"), ledger))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.prepare()
    (home.local_dcm / "north").mkdir()
    return home


def test_a_slow_writer_that_pauses_is_waited_for(home: Home, make_instance: MakeInstance) -> None:
    content, path = make_instance(), home.local_dcm / "north" / "image_1.dcm"
    path.touch()
    for end in (0, 64, 132, 200, len(content) - 1):
        path.write_bytes(content[:end])
        (told,) = _pass(home, give_up_s=3600)
        assert (told.outcome, told.plain[:10]) == ("arriving", "incomplete")
        assert path.exists()
    path.write_bytes(content)
    assert [told.outcome for told in _pass(home, give_up_s=3600)] == ["waiting"]


def test_room_that_is_reserved_and_not_written_is_waited_for(home: Home) -> None:
    path = home.local_dcm / "north" / "image_1.dcm"
    path.touch()
    os.truncate(path, 100_000)
    assert [told.outcome for told in _pass(home, give_up_s=3600)] == ["arriving"]


def test_half_a_file_that_is_held_and_then_written_to_the_end_is_taken_by_itself(
    home: Home, make_instance: MakeInstance
) -> None:
    content, path = make_instance(), home.local_dcm / "north" / "image_1.dcm"
    with path.open("wb", buffering=0) as copy:
        copy.write(content[:300])
        (told,) = _pass(home, give_up_s=0)
        assert (told.outcome, told.code) == ("held", "Incomplete")
        assert not path.exists()
        assert [told.outcome for told in _pass(home, give_up_s=0)] == []
        copy.write(content[300:400])
        (told,) = _pass(home, give_up_s=0)
        assert (told.outcome, told.code) == ("held", "Incomplete")
        copy.write(content[400:])
    assert [told.outcome for told in _pass(home, give_up_s=0)] == ["waiting"]
    assert [one for one in home.quarantine.rglob("*") if one.is_file()] == []
    with Ledger.open(home.state) as ledger:
        assert ledger.totals() == {"waiting": 1}


def test_half_a_file_that_stays_half_is_held(home: Home, make_instance: MakeInstance) -> None:
    (home.local_dcm / "north" / "image_1.dcm").write_bytes(make_instance()[:-1])
    time.sleep(0.05)
    (told,) = _pass(home, give_up_s=0.01)
    assert (told.outcome, told.code) == ("held", "Incomplete")
