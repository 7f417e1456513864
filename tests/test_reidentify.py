"""What a backend answers comes home with the customer's own identifiers and dates."""

from __future__ import annotations

import json
import shutil
import stat
import time
from typing import TYPE_CHECKING, Any

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    BasicTextSRStorage,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)

from img_ingestion.cli import main
from img_ingestion.review.audit import Trail

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MakeInstance

ORIGINAL = "1.2.826.0.1.3680043.9.9999"
TODAY = time.strftime("%Y%m%d")
OWN = "1.2.3.4.5"


@pytest.fixture
def home(tmp_path: Path, make_instance: MakeInstance) -> Path:
    """Give a home after a pass over two customers' files."""
    for customer, patient in (("north", "ZQ-4711"), ("south", "SO-1")):
        folder = tmp_path / "home" / "local_dcm" / customer
        folder.mkdir(parents=True)
        content = make_instance(PatientID=patient, StudyDescription="Head")
        (folder / "dicom_1.dcm").write_bytes(content)
    words = '[incoming]\nsettle_s = 0.0\n[pixels]\npolicy = "rules"\n'
    (tmp_path / "home" / "gateway.toml").write_text(words)
    assert main(["--home", str(tmp_path / "home")]) == 0
    return tmp_path / "home"


def cleaned(home: Path, customer: str = "north") -> Dataset:
    return pydicom.dcmread(home / "local_dcm_dicomcleaner" / customer / "cleaned-dicom_1.dcm")


def brought(home: Path, *paths: Path) -> int:
    return main(["reidentify", "--home", str(home), *map(str, paths)])


def answer_of(home: Path, answer: object, status: int = 0) -> Any:  # noqa: ANN401 (JSON)
    """Bring a JSON answer home; give what came."""
    path = home.parent / "answer.json"
    path.write_text(json.dumps(answer))
    assert brought(home, path) == status
    target = home.parent / "answer.reidentified.json"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    return json.loads(target.read_text())


def test_a_json_answer_has_the_customers_identifiers_again(home: Path) -> None:
    clean = cleaned(home)
    answer = {
        "studyInstanceUid": clean.StudyInstanceUID,
        "patient": {"id": clean.PatientID, "accession": clean.AccessionNumber},
        "findings": [{"image": clean.SOPInstanceUID, "score": 0.97, "ok": True, "none": None}],
        "text": f"Nodule on {clean.SOPInstanceUID}, patient {clean.PatientID}.",
        clean.SeriesInstanceUID: "by series",
        "own": OWN,
    }
    assert answer_of(home, answer) == {
        "studyInstanceUid": f"{ORIGINAL}.1",
        "patient": {"id": "ZQ-4711", "accession": "ACC77"},
        "findings": [{"image": f"{ORIGINAL}.1.1.1", "score": 0.97, "ok": True, "none": None}],
        "text": f"Nodule on {ORIGINAL}.1.1.1, patient ZQ-4711.",
        f"{ORIGINAL}.1.1": "by series",
        "own": OWN,
    }


def test_dates_of_the_patient_move_back_and_those_of_the_answer_stay(home: Path) -> None:
    clean = cleaned(home)
    shifted = str(clean.StudyDate)
    assert shifted != "20100305"
    iso = f"{shifted[:4]}-{shifted[4:6]}-{shifted[6:]}"
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ")
    answer = {
        "patientId": clean.PatientID,
        "studyDate": shifted,
        "acquired": f"{iso}T10:11:12",
        "day": iso,
        "createdAt": now,
        "number": shifted,
        "00080020": {"vr": "DA", "Value": [shifted]},
        "0008002A": {"vr": "DT", "Value": [f"{shifted}101112.5"]},
    }
    home_again = answer_of(home, answer)
    assert home_again["studyDate"] == "20100305"
    assert (home_again["acquired"], home_again["day"]) == ("2010-03-05T10:11:12", "2010-03-05")
    assert (home_again["createdAt"], home_again["number"]) == (now, shifted)
    assert home_again["00080020"]["Value"] == ["20100305"]
    assert home_again["0008002A"]["Value"] == ["20100305101112.5"]


def test_dates_stay_where_no_patient_is_known(home: Path) -> None:
    answer = {"series": cleaned(home).SeriesInstanceUID, "studyDate": "20090101"}
    assert answer_of(home, answer)["studyDate"] == "20090101"


def test_the_archive_gives_the_patients_days_where_the_answer_names_the_study_alone(
    home: Path,
) -> None:
    clean = cleaned(home)
    answer = {"study": clean.StudyInstanceUID, "studyDate": str(clean.StudyDate)}
    assert answer_of(home, answer)["studyDate"] == "20100305"


def result(clean: Dataset, sop_class: str) -> Dataset:
    """Give a result that a backend made of one of our instances."""
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID, made.SeriesInstanceUID = sop_class, OWN, f"{OWN}.1"
    for keyword in ("StudyInstanceUID", "PatientID", "PatientName", "AccessionNumber", "StudyDate"):
        made[keyword] = clean[keyword]
    made.PatientBirthDate = ""
    made.PatientIdentityRemoved, made.DeidentificationMethod = "YES", "ours"
    made.ContentDate, made.Modality = TODAY, "SR"
    made.StudyDescription = f"Result for {clean.PatientID}"
    made.OperatorsName = ""
    image = Dataset()
    image.ReferencedSOPClassUID = clean.SOPClassUID
    image.ReferencedSOPInstanceUID = clean.SOPInstanceUID
    image.AcquisitionDateTime = f"{clean.StudyDate}101112"
    series = Dataset()
    series.SeriesInstanceUID, series.ReferencedSOPSequence = (
        clean.SeriesInstanceUID,
        Sequence([image]),
    )
    made.ReferencedSeriesSequence = Sequence([series])
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return made


RESULTS = {
    "SR": BasicTextSRStorage,
    "SC": SecondaryCaptureImageStorage,
    "SEG": SegmentationStorage,
    "PR": GrayscaleSoftcopyPresentationStateStorage,
}


@pytest.mark.parametrize("kind", RESULTS)
def test_a_dicom_result_has_the_customers_identifiers_and_keeps_its_own(
    kind: str, home: Path
) -> None:
    path = home.parent / "result.dcm"
    result(cleaned(home), RESULTS[kind]).save_as(path, enforce_file_format=True)
    assert brought(home, path) == 0
    came = pydicom.dcmread(home.parent / "result.reidentified.dcm")
    assert (came.PatientID, str(came.PatientName)) == ("ZQ-4711", "Quillfeather^Zebedee")
    assert (came.PatientBirthDate, came.AccessionNumber) == ("19510723", "ACC77")
    assert came.StudyInstanceUID == f"{ORIGINAL}.1"
    assert came.StudyDescription == "Result for ZQ-4711"
    assert (came.SOPInstanceUID, came.SeriesInstanceUID) == (OWN, f"{OWN}.1")
    assert came.file_meta.MediaStorageSOPInstanceUID == OWN
    assert (came.StudyDate, came.ContentDate) == ("20100305", TODAY)
    assert "PatientIdentityRemoved" not in came
    assert "DeidentificationMethod" not in came
    (series,) = came.ReferencedSeriesSequence
    (image,) = series.ReferencedSOPSequence
    assert series.SeriesInstanceUID == f"{ORIGINAL}.1.1"
    assert image.ReferencedSOPInstanceUID == f"{ORIGINAL}.1.1.1"
    assert image.AcquisitionDateTime == "20100305101112"


def test_a_result_under_our_instances_own_uid_does_not_become_the_original(home: Path) -> None:
    path = home.parent / "result.dcm"
    made = result(cleaned(home), SecondaryCaptureImageStorage)
    made.SOPInstanceUID = cleaned(home).SOPInstanceUID
    made.save_as(path, enforce_file_format=True)
    brought(home, path)
    came = pydicom.dcmread(home.parent / "result.reidentified.dcm")
    assert came.SOPInstanceUID == made.SOPInstanceUID


def test_without_the_archive_the_name_stays_empty_and_the_rest_comes_home(home: Path) -> None:
    path = home.parent / "result.dcm"
    result(cleaned(home), BasicTextSRStorage).save_as(path, enforce_file_format=True)
    shutil.rmtree(home / "archive")
    assert brought(home, path) == 0
    came = pydicom.dcmread(home.parent / "result.reidentified.dcm")
    assert (came.PatientID, str(came.PatientName), came.StudyDate) == ("ZQ-4711", "", "20100305")


def test_pseudonyms_of_two_customers_in_one_answer_are_refused(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = home.parent / "answer.json"
    path.write_text(
        json.dumps([cleaned(home).StudyInstanceUID, cleaned(home, "south").StudyInstanceUID])
    )
    assert brought(home, path) == 1
    assert "several customers" in capsys.readouterr().err
    assert not (home.parent / "answer.reidentified.json").exists()


@pytest.mark.parametrize("content", [b"", b"words", b'{"a": ', b"[" * 100_000, b"\xff\xfe"])
def test_what_is_no_result_does_not_stop_the_next_one(home: Path, content: bytes) -> None:
    bad, good = home.parent / "bad.json", home.parent / "good.json"
    bad.write_bytes(content)
    good.write_text(json.dumps({"patient": cleaned(home).PatientID}))
    assert brought(home, bad, good) == 1
    came = json.loads((home.parent / "good.reidentified.json").read_text())
    assert came == {"patient": "ZQ-4711"}


def test_an_answer_about_nobody_of_ours_is_status_1(home: Path) -> None:
    answer = {"study": "2.25.1", "patient": "B1C2D3F4G5H6J7K"}
    assert answer_of(home, answer, status=1) == answer


def test_the_ledger_and_the_vault_are_as_before(home: Path) -> None:
    def content() -> dict[str, bytes]:
        files = (path for path in (home / "state").rglob("*") if path.is_file())
        return {path.name: path.read_bytes() for path in files if "audit" not in path.name}

    before = content()
    answer_of(home, {"patient": cleaned(home).PatientID})
    assert content() == before


def test_who_brought_a_result_home_is_in_the_trail(home: Path) -> None:
    answer_of(home, {"patient": cleaned(home).PatientID})
    *_, last = Trail(home / "state").records("north")
    record = json.loads(last)
    assert (record["what"], record["replaced"], record["dates"]) == ("reidentify", 1, True)
    assert record["by"]
    assert "ZQ-4711" not in last


def test_nothing_printed_shows_the_patient(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    answer_of(home, {"patient": cleaned(home).PatientID})
    said = capsys.readouterr()
    assert "ZQ-4711" not in said.out + said.err
    assert "1 pseudonyms replaced, 0 not ours; dates moved back" in said.out
