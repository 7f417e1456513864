"""What an image can carry beside its pixels and its header's texts: none of it names the patient."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
import pytest
from pydicom import uid
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate

from img_ingestion.deidentify import recipe
from img_ingestion.home import Home
from img_ingestion.ingest import ingest
from img_ingestion.ledger import Ledger
from img_ingestion.settings import Incoming, Pixels, Settings
from tests import carriers

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from img_ingestion.outcome import Ingested
    from tests.conftest import MakeDataset, MakeInstance

SITE = recipe.load(Path(__file__).parents[1] / "deid.dicom")
SETTINGS = Settings(incoming=Incoming(settle_s=0, give_up_s=0), pixels=Pixels(policy="rules"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("home"))
    home.prepare()
    return home


def walked(home: Home, name: str, content: bytes) -> tuple[Ingested, Dataset | None]:
    """Walk the whole line with one file; give its outcome and what it became."""
    path = home.local_dcm / "north" / f"{name}.dcm"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    with Ledger.open(home.state) as ledger:
        (outcome,) = ingest(home, SETTINGS, SITE, ledger, [path])
    made = sorted(home.cleaned.rglob("*.dcm"), key=lambda each: each.stat().st_mtime_ns)
    if outcome.outcome != "waiting":
        return outcome, None
    content = made[-1].read_bytes()
    assert not any(word in content.lower() for word in carriers.NAMES)
    return outcome, pydicom.dcmread(BytesIO(content))


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian])
def test_nothing_odd_leaves(home: Home, make_dataset: MakeDataset, syntax: uid.UID) -> None:
    dataset = carriers.odd(make_dataset)
    dataset.file_meta.TransferSyntaxUID = syntax
    _, clean = walked(home, syntax.replace(".", "_"), carriers.written(dataset))
    assert clean is not None
    groups = {element.tag.group for element in clean}
    assert not {0x5000, 0x6002, 0x0009, 0x4FFE, 0xFFFA, 0xFFFC} & groups
    assert "IconImageSequence" not in clean
    assert "EncryptedAttributesSequence" not in clean
    (item,) = clean.RadiopharmaceuticalInformationSequence
    assert "PixelData" not in item
    assert clean.PixelData == dataset.PixelData


def test_what_the_dictionary_knows_is_read_though_the_file_does_not_say_it(
    home: Home, make_dataset: MakeDataset
) -> None:
    _, clean = walked(home, "unknown", carriers.unknown(make_dataset))
    assert clean is not None
    assert clean.ProtocolName == "LUNG"
    assert clean.PatientComments == "nodule"
    assert clean.PixelSpacing == [1, 1]
    assert clean.RWaveTimeVector == 1.5
    assert "nodule" in clean.ContentSequence[0].TextValue
    assert "nodule" in clean.PerformedProtocolCodeSequence[0].TextValue
    assert str(clean.PatientName) == clean.PatientID
    # An age and a thickness that were written as words.
    assert not clean.get("PatientAge")
    assert not clean.get("SliceThickness")


def test_a_directory_is_held(home: Home) -> None:
    path = Path(str(get_testdata_file("dicomdirtests/DICOMDIR", download=False)))
    outcome, _ = walked(home, "directory", path.read_bytes())
    assert (outcome.outcome, outcome.code) == ("held", "NotAdmitted")
    assert "DICOMDIR" in outcome.reason


def test_a_video_is_held(home: Home, make_dataset: MakeDataset) -> None:
    video = make_dataset(SOPClassUID=uid.VideoEndoscopicImageStorage, NumberOfFrames=1)
    video.file_meta.TransferSyntaxUID = uid.MPEG4HP41
    video.PixelData = encapsulate([b"\0\0\1\xb3" * 8])
    outcome, _ = walked(home, "video", carriers.written(video))
    assert (outcome.outcome, outcome.code) == ("held", "NotAdmitted")
    assert "video" in outcome.reason


def test_what_is_said_to_be_burned_in_is_held_where_nobody_looks(
    home: Home, make_instance: MakeInstance
) -> None:
    outcome, _ = walked(home, "burned", make_instance(BurnedInAnnotation="YES"))
    assert (outcome.outcome, outcome.code) == ("held", "NotAdmitted")


def test_a_kind_of_image_that_is_newer_than_the_dictionary_goes_on(
    home: Home, make_instance: MakeInstance
) -> None:
    label_map = "1.2.840.10008.5.1.4.1.1.66.7"
    _, clean = walked(home, "newer", make_instance(SOPClassUID=label_map, Modality="SEG"))
    assert clean is not None
    assert clean.SOPClassUID == label_map
