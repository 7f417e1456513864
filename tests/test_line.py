"""The whole line, through its doors: what customers sent, what the backend has, what lies about."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ImplicitVRLittleEndian, SecondaryCaptureImageStorage

from img_ingestion.backend import EmbeddedBackend
from tests import planted

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
# Dates are judged where the key is fixed: here one, moved, may land on another that is planted.
MARKERS = tuple(
    marker
    for marker in planted.markers(frozenset({"RetainPatientCharacteristics"}))
    if not marker.isdigit()
)
KEPT_AT_HOME = ("archive", "quarantine", "local_dcm")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """Give a home whose settings name a backend that is really there."""
    with EmbeddedBackend(tmp_path / "received") as url:
        folder = tmp_path / "home"
        folder.mkdir()
        (folder / "gateway.toml").write_text(
            f'[backend]\nurl = "{url}"\n[incoming]\nsettle_s = 0.0\ngive_up_s = 0.0\n[pixels]\npolicy = "rules"\n'
        )
        yield folder


def _drop(home: Path, place: str, content: bytes) -> None:
    path = home / "local_dcm" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "ingestion.py"), "--home", str(home), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def _film() -> bytes:
    """Make a chest film as the first user's were: 18 elements, implicit VR, no accession."""
    film = Dataset()
    film.SOPClassUID = SecondaryCaptureImageStorage
    film.SOPInstanceUID = "1.2.826.0.1.3680043.9.9999.5.1.1"
    film.StudyInstanceUID = "1.2.826.0.1.3680043.9.9999.5"
    film.SeriesInstanceUID = "1.2.826.0.1.3680043.9.9999.5.1"
    film.Modality, film.PatientID, film.PatientAge = "CR", "77.1234", "58"
    film.PatientName, film.PatientSex = "Quillfeather^Zebedee", "F"
    film.ViewPosition = "PA"
    film.SamplesPerPixel, film.PhotometricInterpretation = 1, "MONOCHROME2"
    film.Rows = film.Columns = 1024
    film.BitsAllocated, film.BitsStored, film.HighBit, film.PixelRepresentation = 8, 8, 7, 0
    rows, columns = np.mgrid[0:1024, 0:1024]
    film.PixelData = ((rows + columns) // 8).astype("u1").tobytes()
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    out = BytesIO()
    pydicom.dcmwrite(out, film, enforce_file_format=True)
    return out.getvalue()


def test_identical_films_of_three_customers_are_sent_once_each(home: Path) -> None:
    for customer in (1, 2, 3):
        for number in (0, 1):
            _drop(home, f"customer_{customer}/dicom_0000000{number}_000.dcm", _film())
    done = _run(home)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == ("6 seen: 3 sent, 0 waiting, 0 held, 3 duplicate")
    bodies = [json.loads(path.read_text()) for path in _received(home).rglob("body.json")]
    assert len(bodies) == 3
    assert len({body["study"]["patientId"] for body in bodies}) == 3
    for body in bodies:
        assert body["study"]["patientAge"] == "058Y"
        assert body["study"]["accessionNumber"]
        assert (body["images"][0]["height"], body["images"][0]["width"]) == (1024, 1024)


def test_the_picture_that_arrives_is_the_picture_that_was_dropped(home: Path) -> None:
    _drop(home, "customer_2/dicom_00000005_000.dcm", _film())
    done = _run(home)
    assert "Scrubbing ./local_dcm/customer_2/dicom_00000005_000.dcm." in done.stdout
    stem = "cleaned-dicom_00000005_000.png"
    png = home / "local_dcm_dicomcleaner" / "customer_2" / stem
    text = home / "encoded_images" / "customer_2" / f"{stem}.txt"
    assert f"Encoding...... {stem} {text.stat().st_size}" in done.stdout
    assert base64.b64decode(text.read_bytes()) == png.read_bytes()
    arrived = next(_received(home).rglob("*.png"))
    assert arrived.read_bytes() == png.read_bytes()
    before = pydicom.dcmread(BytesIO(_film())).pixel_array.astype(int)
    after = np.asarray(Image.open(arrived)).astype(int)
    # No window in the file: the full range of the image is stretched over the grey levels.
    expected = np.rint((before - before.min()) * 255 / (before.max() - before.min()))
    assert np.abs(after - expected).max() <= 1


def test_no_planted_marker_is_anywhere_but_in_the_original_and_the_vault(home: Path) -> None:
    _drop(home, "customer_1/ZQPHI99999_Zqpn.dcm", planted.planted())
    done = _run(home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not _found_in((done.stdout + done.stderr).encode())
    looked_at = 0
    for path in sorted(home.parent.rglob("*")):
        if set(path.relative_to(home.parent).parts) & set(KEPT_AT_HOME) or not path.is_file():
            continue
        if path.name == "vault.sqlite":
            continue
        looked_at += 1
        assert not _found_in(path.read_bytes()), path.name
        assert not _found_in(str(path.relative_to(home.parent)).encode())
    assert looked_at > 8


def test_a_held_file_tells_why_and_nothing_of_itself(home: Path) -> None:
    _drop(home, "customer_1/Zqpn.dcm", planted.planted()[:-40000])
    _drop(home, "customer_1/ZQPHI00001.txt", b"ZQPHI00001 is no DICOM")
    done = _run(home)
    assert done.returncode == 3
    assert not _found_in((done.stdout + done.stderr).encode())
    reasons = sorted((home / "quarantine" / "customer_1").glob("*.json"))
    assert len(reasons) == 2
    assert not any(_found_in(path.read_bytes()) for path in reasons)
    assert not _found_in((home / "state" / "ledger.sqlite").read_bytes())


def test_with_no_backend_everything_but_sending_is_done(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(
        '[incoming]\nsettle_s = 0.0\ngive_up_s = 0.0\n[pixels]\npolicy="rules"\n'
    )
    _drop(tmp_path, "customer_1/IM0001", _film())
    done = _run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 seen: 0 sent, 1 waiting, 0 held, 0 duplicate" in done.stdout
    assert (tmp_path / "encoded_images" / "customer_1" / "cleaned-IM0001.png.txt").exists()


def test_a_dry_run_changes_no_byte(home: Path) -> None:
    _drop(home, "customer_1/IM0001", _film())
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    done = _run(home, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before


def _received(home: Path) -> Path:
    return home.parent / "received"


def _found_in(content: bytes) -> list[bytes]:
    return [marker for marker in MARKERS if marker in content]
