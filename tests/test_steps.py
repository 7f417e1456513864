"""The four documented steps, as a developer imports them."""

from __future__ import annotations

import base64
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from img_ingestion import render
from img_ingestion.errors import NotDicom, SettingsError, StorageError
from img_ingestion.settings import Limits, Rendering
from img_ingestion.wishes import NEEDED
from ingestion import file_encoding, image_dicomcleaner, img_manual_scrub, poll_dcm_directory

if TYPE_CHECKING:
    from tests.conftest import MakeInstance

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = (
    "CT_small.dcm",
    "MR_small_RLE.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_rgb_rle_2frame.dcm",
    "examples_palette.dcm",
    "693_J2KI.dcm",
    "image_dfl.dcm",
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "local_dcm" / "north").mkdir(parents=True)
    (tmp_path / "gateway.toml").write_text("[incoming]\nsettle_s = 0.0\n")
    return tmp_path


@pytest.fixture
def image(home: Path, make_instance: MakeInstance) -> Path:
    path = home / "local_dcm" / "north" / "dicom_1.dcm"
    path.write_bytes(make_instance())
    return path


def sample(name: str) -> Path:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    return Path(path)


def shown(path: Path) -> list[bytes]:
    dataset = pydicom.dcmread(path)
    return [one.png for one in render.pictures(dataset, Rendering(), Limits())]


def test_the_poll_gives_what_has_arrived(home: Path, image: Path) -> None:
    deep = home / "local_dcm" / "south" / "deep" / "no_extension"
    deep.parent.mkdir(parents=True)
    deep.write_bytes(b"whatever")
    (home / "local_dcm" / "south" / "upload.part").write_bytes(b"half")
    assert poll_dcm_directory(home) == [image, deep]


def test_the_poll_of_this_folder_needs_no_argument(
    home: Path, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    assert [path.absolute() for path in poll_dcm_directory()] == [image]


def test_the_steps_make_what_the_line_makes(home: Path, image: Path) -> None:
    cleaned, pngs = image_dicomcleaner(image, home)
    text = file_encoding(pngs[0])
    assert cleaned == home / "local_dcm_dicomcleaner" / "north" / "cleaned-dicom_1.dcm"
    assert pngs == [cleaned.with_suffix(".png")]
    assert text == home / "encoded_images" / "north" / "cleaned-dicom_1.png.txt"
    assert base64.b64decode(text.read_bytes(), validate=True) == pngs[0].read_bytes()
    assert Image.open(BytesIO(pngs[0].read_bytes())).size == (16, 16)
    by_steps = [path.read_bytes() for path in (cleaned, *pngs, text)]
    for path in (cleaned, *pngs, text):
        path.unlink()
    door = [sys.executable, "ingestion.py", "--home", str(home)]
    subprocess.run(door, cwd=ROOT, check=True, capture_output=True)
    assert [path.read_bytes() for path in (cleaned, *pngs, text)] == by_steps


def test_the_cleaner_leaves_the_original_where_it_is(home: Path, image: Path) -> None:
    before = image.read_bytes()
    image_dicomcleaner(image, home)
    assert image.read_bytes() == before
    assert not (home / "state" / "ledger.sqlite").exists()


def test_the_cleaner_gives_one_picture_a_frame(home: Path) -> None:
    (home / "gateway.toml").write_text("[pixels]\npolicy = 'rules'\n")
    _, pngs = image_dicomcleaner(sample("SC_rgb_rle_2frame.dcm"), home, "south")
    assert [png.name[-9:] for png in pngs] == ["f0001.png", "f0002.png"]


def test_the_cleaner_overwrites_no_other_instance(
    home: Path, image: Path, make_instance: MakeInstance
) -> None:
    other = home / "local_dcm" / "north" / "deep" / image.name
    other.parent.mkdir()
    other.write_bytes(make_instance(InstanceNumber=2))
    first, _ = image_dicomcleaner(image, home)
    second, _ = image_dicomcleaner(other, home)
    again, _ = image_dicomcleaner(image, home)
    assert first == again != second


def test_the_cleaner_must_know_whose_file_it_is(home: Path, tmp_path: Path, image: Path) -> None:
    stray = tmp_path / "dicom_2.dcm"
    stray.write_bytes(image.read_bytes())
    with pytest.raises(SettingsError, match="customer="):
        image_dicomcleaner(stray, home)
    with pytest.raises(SettingsError, match="customer="):
        image_dicomcleaner(stray, home, "../north")


def test_the_cleaner_writes_nothing_of_what_it_holds(home: Path) -> None:
    path = home / "local_dcm" / "north" / "notes.txt"
    path.write_bytes(b"no image at all")
    with pytest.raises(NotDicom):
        image_dicomcleaner(path, home)
    assert not list(home.rglob("cleaned-*"))


def test_an_encoding_elsewhere_lies_beside_its_picture(tmp_path: Path) -> None:
    (tmp_path / "any.png").write_bytes(b"\x89PNG")
    assert file_encoding(tmp_path / "any.png") == tmp_path / "any.png.txt"


@pytest.mark.parametrize("name", SAMPLES)
def test_a_scrubbed_image_still_shows_the_same_picture(name: str, tmp_path: Path) -> None:
    source = sample(name)
    fields = ["PatientName", "PatientID", "StudyInstanceUID", "SOPInstanceUID", "Modality"]
    out = img_manual_scrub(source, fields, tmp_path / "out.dcm")
    before, after = pydicom.dcmread(source), pydicom.dcmread(out)
    assert after.PixelData == before.PixelData
    assert after.file_meta.TransferSyntaxUID == before.file_meta.TransferSyntaxUID
    assert after.file_meta.MediaStorageSOPInstanceUID == after.SOPInstanceUID
    assert after.SOPInstanceUID.startswith("2.25.")
    assert not after.get("PatientName")
    assert not after.get("PatientID")
    assert np.array_equal(after.pixel_array, before.pixel_array)
    assert shown(out) == shown(source)


def test_fields_are_replaced_at_every_level(tmp_path: Path, make_instance: MakeInstance) -> None:
    item, deeper = Dataset(), Dataset()
    deeper.PatientName = item.PatientName = "Quillfeather^Zebedee"
    item.ReferencedSOPInstanceUID = "1.2.826.0.1.3680043.9.9999.1.1.1"
    item.OtherPatientIDsSequence = Sequence([deeper])
    source = tmp_path / "in.dcm"
    source.write_bytes(make_instance(RequestAttributesSequence=Sequence([item])))
    out = img_manual_scrub(
        source,
        {
            "PatientName": "Nobody",
            "AccessionNumber": None,
            "SOPInstanceUID": None,
            "ReferencedSOPInstanceUID": None,
        },
        tmp_path / "out.dcm",
    )
    after = pydicom.dcmread(out)
    inside = after.RequestAttributesSequence[0]
    assert after.PatientName == inside.PatientName == "Nobody"
    assert inside.OtherPatientIDsSequence[0].PatientName == "Nobody"
    assert after.AccessionNumber == ""
    assert inside.ReferencedSOPInstanceUID == after.SOPInstanceUID
    assert b"Quillfeather" not in out.read_bytes()


def test_uids_are_mapped_alike_in_all_files_of_a_customer(
    home: Path, image: Path, make_instance: MakeInstance
) -> None:
    other = image.with_name("dicom_2.dcm")
    other.write_bytes(make_instance(SOPInstanceUID="1.2.3.4", InstanceNumber=2))
    one, two = (
        pydicom.dcmread(img_manual_scrub(path, ["StudyInstanceUID", "SOPInstanceUID"]))
        for path in (image, other)
    )
    assert one.StudyInstanceUID == two.StudyInstanceUID
    assert one.SOPInstanceUID != two.SOPInstanceUID
    cleaned, _ = image_dicomcleaner(image, home)
    assert pydicom.dcmread(cleaned).StudyInstanceUID == one.StudyInstanceUID


def test_a_scrubbed_customers_file_is_no_new_arrival(home: Path, image: Path) -> None:
    out = img_manual_scrub(image, ["PatientName"])
    assert out == home / "scrubbed" / "north" / "scrubbed-dicom_1.dcm"
    assert poll_dcm_directory(home) == [image]
    cleaned, _ = image_dicomcleaner(image, home)
    assert img_manual_scrub(cleaned, "PatientSex") == cleaned.with_name(f"scrubbed-{cleaned.name}")


@pytest.mark.parametrize("keyword", [*sorted(NEEDED), "TransferSyntaxUID", "ReferencedSOPClassUID"])
@pytest.mark.parametrize("value", [None, "1"])
def test_what_an_image_needs_is_refused_by_name(
    image: Path, keyword: str, value: str | None
) -> None:
    before = image.read_bytes()
    with pytest.raises(SettingsError, match=f"^{keyword}: "):
        img_manual_scrub(image, {keyword: value})
    assert image.read_bytes() == before
    assert not list(image.parent.parent.parent.rglob("scrubbed-*"))


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientNmae", None),
        ("", None),
        ("StudyDate", "Quillfeather"),
        ("SeriesInstanceUID", "Quillfeather"),
        ("InstanceNumber", "Quillfeather"),
        ("SmallestImagePixelValue", "Quillfeather"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name_and_not_by_value(
    image: Path, keyword: str, value: str | None
) -> None:
    with pytest.raises(SettingsError, match=f"^{keyword}: ") as caught:
        img_manual_scrub(image, {keyword: value})
    assert "Quill" not in str(caught.value)


def test_the_steps_are_loaded_when_they_are_used() -> None:
    code = "import sys, ingestion; assert not {'pydicom', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_scrubbing_refuses_what_the_character_set_cannot_spell(tmp_path: Path) -> None:
    for wish in ({"PatientName": "山田"}, {"PatientName": ["A", "B"]}, {"PatientID": "a\\b"}):
        with pytest.raises(SettingsError, match=next(iter(wish))):
            img_manual_scrub(sample("CT_small.dcm"), wish, tmp_path / "out.dcm")
    assert not (tmp_path / "out.dcm").exists()


def test_scrubbing_says_plainly_that_a_file_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        img_manual_scrub(tmp_path / "absent.dcm", ["PatientName"])
