"""One image of a patient that never was, for trying the whole line where it will run."""

from __future__ import annotations

import tempfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from img_ingestion.errors import NotVerified, StorageError
from img_ingestion.home import Home
from img_ingestion.ingest import ingest
from img_ingestion.ledger import Ledger

if TYPE_CHECKING:
    from img_ingestion.deidentify.recipe import Recipe
    from img_ingestion.settings import Settings

PATIENT = "Nemosyntheticus"
CUSTOMER = "check"


def image() -> bytes:
    """Give a CT image of 16 by 16 pixels as a Part 10 file."""
    dataset, root = Dataset(), "1.2.826.0.1.3680043.9.9999.7"
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, f"{root}.1.1.1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{root}.1", f"{root}.1.1"
    dataset.PatientName, dataset.PatientID = f"{PATIENT}^Check", f"{PATIENT}-1"
    dataset.PatientBirthDate, dataset.PatientSex, dataset.AccessionNumber = "19000101", "O", "A1"
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID = "20000101", "120000", "S1"
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "CT", 1, 1
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    dataset.Rows = dataset.Columns = 16
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.PixelData = (np.arange(256, dtype="<u2") * 16).tobytes()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    written = BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    return written.getvalue()


def round_trip(state: Path, settings: Settings, recipe: Recipe) -> int:
    """
    Walk line one with the synthetic image in a home of its own, and look for the patient after.

    Returns
    -------
    int
        Files that came out.

    Raises
    ------
    NotVerified
        The image was held, or its patient is in what came out.

    """
    with tempfile.TemporaryDirectory(dir=state, prefix="check-") as folder:
        home = Home(Path(folder))
        home.prepare()
        (home.local_dcm / CUSTOMER).mkdir(mode=0o700)
        (home.local_dcm / CUSTOMER / f"{PATIENT}.dcm").write_bytes(image())
        incoming = settings.incoming.model_copy(update={"settle_s": 0.0})
        own = settings.model_copy(update={"incoming": incoming, "customers": {}})
        with Ledger.open(home.state) as ledger:
            outcomes = list(ingest(home, own, recipe, ledger))
        if [one.outcome for one in outcomes] != ["waiting"]:
            raise NotVerified(f"a synthetic image is not let through: {outcomes[0].reason}")
        made = [path for root in (home.cleaned, home.encoded) for path in root.rglob("*.*")]
        if not made:
            raise StorageError("a synthetic image left no output")
        for path in made:
            if PATIENT.encode() in path.read_bytes() or PATIENT in path.name:
                raise NotVerified("the synthetic patient was found in an output")
        return len(made)
