"""What every test stands on: no other host, no writing at home, and small instances."""

from __future__ import annotations

import io
import os
import pwd
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.ceph import CephGateway

ROOT = Path(__file__).resolve().parents[1]
HOME = Path(pwd.getpwuid(os.getuid()).pw_dir)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class MakeDataset(Protocol):
    """Give a small CT image, with these elements set (None removes one)."""

    def __call__(self, **elements: object) -> Dataset: ...


class MakeInstance(Protocol):
    """Give the same as the bytes of a Part 10 file."""

    def __call__(self, **elements: object) -> bytes: ...


class _Guard:
    """Refuses what a test of this project has no business with."""

    def __init__(self, scratch: Path) -> None:
        self.on = True
        self.allowed = (ROOT, scratch, Path(sys.prefix), Path(sys.base_prefix))

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.on:
            return
        if event == "socket.connect":
            self._reach(arguments[1])
        elif event == "socket.getaddrinfo":
            self._reach(arguments)
        elif event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
            self._write(arguments[0])
        elif event in {"os.mkdir", "os.rename", "os.link", "os.symlink"}:
            self._write(arguments[0] if event == "os.mkdir" else arguments[1])

    def _reach(self, address: object) -> None:
        if not isinstance(address, tuple) or address[0] in {None, "localhost"}:
            return
        try:
            here = ip_address(str(address[0])).is_loopback
        except ValueError:
            here = False
        if not here:
            raise PermissionError("a test called another host")

    def _write(self, target: object) -> None:
        if not isinstance(target, str | bytes | os.PathLike) or len(HOME.parts) == 1:
            return
        path = Path(os.path.abspath(os.fsdecode(target)))  # noqa: PTH100 (links stay links)
        inside = any(path.is_relative_to(folder) for folder in self.allowed)
        if path.is_relative_to(HOME) and not inside:
            raise PermissionError("a test wrote to the real home")


@pytest.fixture(scope="session", autouse=True)
def _stay_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Refuse every connection but loopback, and every write below the real home."""
    scratch = tmp_path_factory.getbasetemp()
    guard = _Guard(scratch.resolve())
    sys.addaudithook(guard)
    with pytest.MonkeyPatch.context() as patch:
        # For what runs in a process of its own, where the guard cannot see.
        patch.setenv("HOME", str(scratch))
        patch.delenv("http_proxy", raising=False)
        patch.delenv("https_proxy", raising=False)
        yield
    guard.on = False


@pytest.fixture(scope="session")
def shared() -> Path:
    """Give the folder of shared test material beside the project, or skip."""
    folder = ROOT.parent / "shared"
    if not (folder / "corpus" / "files").is_dir():
        pytest.skip("there is no ../shared/corpus beside this project")
    return folder


@pytest.fixture(scope="session")
def make_dataset() -> MakeDataset:
    """Give the factory of small images."""
    return _dataset


@pytest.fixture(scope="session")
def make_instance() -> MakeInstance:
    """Give the factory of small Part 10 files."""
    return _instance


def _dataset(**elements: object) -> Dataset:
    """Make a CT image of 16 by 16 pixels with a patient of our own invention."""
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = "1.2.826.0.1.3680043.9.9999.1.1.1"
    dataset.SeriesInstanceUID = "1.2.826.0.1.3680043.9.9999.1.1"
    dataset.StudyInstanceUID = "1.2.826.0.1.3680043.9.9999.1"
    dataset.FrameOfReferenceUID = "1.2.826.0.1.3680043.9.9999.2"
    dataset.PatientName, dataset.PatientID = "Quillfeather^Zebedee", "ZQ-4711"
    dataset.PatientBirthDate, dataset.PatientSex, dataset.PatientAge = "19510723", "M", "058Y"
    dataset.StudyDate, dataset.StudyTime, dataset.AccessionNumber = "20100305", "101112", "ACC77"
    dataset.StudyID, dataset.ReferringPhysicianName = "S5", "Thistlewood^Ottoline"
    dataset.Modality, dataset.Manufacturer = "CT", "Example"
    dataset.SeriesNumber, dataset.InstanceNumber = 1, 1
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing, dataset.SliceThickness, dataset.KVP = [1, 1], 1, 120
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    dataset.Rows = dataset.Columns = 16
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.PixelData = (np.arange(256, dtype="<u2") * 16).tobytes()
    for keyword, value in elements.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def _instance(**elements: object) -> bytes:
    """Write `_dataset` as PS3.10 has it."""
    buffer = io.BytesIO()
    _dataset(**elements).save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Start a PostgreSQL; give `USER@HOST:PORT`."""
    from tests.postgres import server  # noqa: PLC0415 (it may not be installed)

    with server() as where:
        yield where


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CephGateway]:
    """Start an object store."""
    from tests import ceph  # noqa: PLC0415 (boto3 may not be installed)

    with ceph.running(tmp_path_factory.mktemp("ceph")) as gateway:
        yield gateway
