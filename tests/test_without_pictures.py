"""Instances without pixel data: cleaned by the same line, and delivered to who takes them."""

from __future__ import annotations

import hashlib
import shutil
from copy import deepcopy
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
import pytest
from pydicom import uid
from pydicom._uid_dict import UID_dictionary
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from img_ingestion.backend import EmbeddedBackend
from img_ingestion.cli import main
from img_ingestion.deidentify import deidentify, policy, recipe
from img_ingestion.deidentify.dummies import EMPTIED
from img_ingestion.errors import Incomplete, NotAdmitted
from img_ingestion.instance import ReceivedInstance
from img_ingestion.settings import Pixels, Profile, Settings
from tests import carriers

if TYPE_CHECKING:
    from collections.abc import Iterator

RECIPE = Path(__file__).parents[1] / "deid.dicom"
REAL = ("rtplan.dcm", "rtstruct.dcm", "test-SR.dcm", "waveform_ecg.dcm")
"""Of pydicom's wheel."""


def cleaned(content: bytes, site: Path = RECIPE, **options: bool) -> Dataset:
    settings = Settings(profile=Profile(**options), pixels=Pixels(policy="rules"))
    rules = policy("customer", settings, recipe.load(site), b"k" * 32)
    digest = hashlib.sha256(content).hexdigest()
    clean = deidentify(ReceivedInstance("id", "customer", Path("x.dcm"), content, digest), rules)
    assert not any(name in clean.content.lower() for name in carriers.NAMES)
    return pydicom.dcmread(BytesIO(clean.content))


def codes(dataset: Dataset) -> set[str]:
    return {str(item.CodeValue) for item in dataset.DeidentificationMethodCodeSequence}


def test_a_report_keeps_its_tree_and_loses_its_people() -> None:
    source = carriers.report()
    clean = cleaned(carriers.written(source))
    by = dict(
        zip(
            (str(item.ValueType) for item in source.ContentSequence),
            clean.ContentSequence,
            strict=True,
        )
    )
    assert [item.ValueType for item in clean.ContentSequence] == [
        item.ValueType for item in source.ContentSequence
    ]
    assert {item.RelationshipType for item in clean.ContentSequence} == {"CONTAINS"}
    assert [item.ConceptNameCodeSequence for item in clean.ContentSequence] == [
        item.ConceptNameCodeSequence for item in source.ContentSequence
    ]
    assert str(by["PNAME"].PersonName)
    assert by["UIDREF"].UID == clean.StudyInstanceUID != carriers.STUDY
    assert by["DATE"].Date not in {"20100306", "19000101"}
    assert by["DATETIME"].DateTime == f"{by['DATE'].Date}101112"
    assert "nodule of 8 mm in the left lung" in by["TEXT"].TextValue
    assert "2010" not in by["TEXT"].TextValue
    assert by["NUM"].MeasuredValueSequence[0].NumericValue == 8.25
    assert by["CODE"].ConceptCodeSequence == source.ContentSequence[-2].ConceptCodeSequence
    assert by["IMAGE"].ReferencedSOPSequence[0].ReferencedSOPInstanceUID != carriers.IMAGE
    assert len(clean.ReferencedPerformedProcedureStepSequence) == 0
    assert "113104" in codes(clean)


def test_an_item_that_repeats_an_attribute_is_treated_as_it() -> None:
    source = carriers.written(carriers.report())
    clean = cleaned(source)
    by = {str(one.ConceptNameCodeSequence[0].CodeValue): one for one in clean.ContentSequence}
    assert str(by["121029"].PersonName) == str(clean.PatientName)
    assert by["121030"].TextValue == clean.PatientID
    assert by["121031"].Date == "19000101"
    assert by["121013"].TextValue == by["121016"].TextValue == EMPTIED
    kept = cleaned(source, retain_device_identity=True)
    by = {str(one.ConceptNameCodeSequence[0].CodeValue): one for one in kept.ContentSequence}
    assert by["121016"].TextValue == "4 nodule"


def test_a_report_of_a_patient_called_like_its_terms_is_a_report() -> None:
    source = carriers.report()
    source.PatientName = "Code^Text"
    source.ContentSequence[-4].TextValue = "Mr. Code: nodule"
    clean = cleaned(carriers.written(source))
    kinds = [item.ValueType for item in clean.ContentSequence]
    assert kinds == [item.ValueType for item in source.ContentSequence]
    assert "Code" not in clean.ContentSequence[-4].TextValue


def test_without_its_option_structured_content_and_graphics_are_dummies() -> None:
    options = {"clean_structured_content": False, "clean_graphics": False}
    clean = cleaned(carriers.written(carriers.report()), RECIPE, **options)
    assert not {"113103", "113104"} & codes(clean)
    assert "nodule" not in str(clean.ContentSequence)
    state = cleaned(carriers.written(carriers.presentation_state()), RECIPE, **options)
    assert "lung" not in str(state.GraphicAnnotationSequence)


def test_an_option_that_the_recipe_undoes_is_not_claimed(tmp_path: Path) -> None:
    own = tmp_path / "deid.dicom"
    cleaning, keeping = "REPLACE ContentSequence func:clean", "KEEP ContentSequence"
    own.write_text(RECIPE.read_text().replace(cleaning, keeping))
    claimed = codes(cleaned(carriers.written(carriers.report()), own))
    assert "113103" in claimed
    assert not {"113100", "113104"} & claimed


def test_what_is_drawn_on_an_image_is_cleaned() -> None:
    clean = cleaned(carriers.written(carriers.presentation_state()))
    (text,) = clean.GraphicAnnotationSequence[0].TextObjectSequence
    assert "left lung" in text.UnformattedTextValue
    assert "nodule" in clean.ContentDescription
    assert clean.GraphicLayerSequence[0].GraphicLayer == "TEXTS"
    assert "drawn" in clean.GraphicLayerSequence[0].GraphicLayerDescription
    assert "113103" in codes(clean)


def test_a_waveform_keeps_its_samples_and_loses_its_annotations_people() -> None:
    group, annotation = Dataset(), Dataset()
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = 1, 64
    group.add_new(0x54001010, "OW", carriers.samples())
    annotation.UnformattedTextValue = "sinus rhythm, Zebedee Quillfeather"
    annotation.AnnotationGroupNumber = 0
    source = carriers.without_picture(
        uid.TwelveLeadECGWaveformStorage,
        WaveformSequence=[group],
        WaveformAnnotationSequence=[annotation],
    )
    clean = cleaned(carriers.written(source))
    assert clean.WaveformSequence[0].WaveformData == carriers.samples()
    assert clean.WaveformAnnotationSequence[0].UnformattedTextValue == "sinus rhythm"


@pytest.mark.parametrize(
    ("sop_class", "words"),
    [
        (uid.RawDataStorage, "maker's own bytes"),
        (uid.BasicVoiceAudioWaveformStorage, "voice"),
        (uid.EncapsulatedPDFStorage, "document"),
        (uid.EncapsulatedCDAStorage, "document"),
        (uid.EncapsulatedSTLStorage, "document"),
        (uid.SurfaceScanMeshStorage, "face"),
        (uid.ColorPaletteStorage, "no patient"),
        ("1.2.840.10008.5.1.4.1.1.9", "retired"),
        ("1.2.840.10008.5.1.4.31", "names a service"),
        ("1.2.826.0.1.3680043.9.9999.6.6", "none that this version knows"),
    ],
)
def test_a_kind_that_nobody_can_clean_is_held_with_its_reason(sop_class: str, words: str) -> None:
    with pytest.raises(NotAdmitted, match=words):
        cleaned(carriers.written(carriers.without_picture(sop_class)))


STORED = sorted(
    key
    for key, row in UID_dictionary.items()
    if row[1] == "SOP Class" and "Storage" in row[0] and "Commitment" not in row[0]
)


def test_every_stored_kind_of_the_dictionary_is_cleaned_or_held_for_a_reason_of_its_own() -> None:
    for sop_class in STORED:
        with pytest.raises((Incomplete, NotAdmitted)) as held:
            cleaned(carriers.written(carriers.without_picture(sop_class)))
        assert "of no kind that" not in str(held.value), sop_class


def test_a_protocol_that_was_performed_is_cleaned() -> None:
    step = Dataset()
    step.InstructionIndex, step.InstructionText = 1, "Call Dr. Thistlewood before the scan"
    step.InstructionPerformedDateTime = "20100305101112"
    source = carriers.without_picture(
        uid.CTPerformedProcedureProtocolStorage,
        InstructionSequence=[step],
        ProtocolPlanningInformation="Thorax of Zebedee Quillfeather",
    )
    clean = cleaned(carriers.written(source))
    assert clean.InstructionSequence[0].InstructionText.endswith("before the scan")
    assert "Thorax" in clean.ProtocolPlanningInformation


def test_each_person_of_a_report_has_a_code_and_the_patient_the_patients() -> None:
    source = carriers.report()
    names = ["Thistlewood^Ottoline", "OTTOLINE Thistlewood", "Ng^Mei=Ng^M.", "Zebedee Quillfeather"]
    source.ContentSequence = source.ContentSequence[:1] * len(names)
    source.ContentSequence = [deepcopy(item) for item in source.ContentSequence]
    for item, name in zip(source.ContentSequence, names, strict=True):
        item.PersonName = name
    source.VerifyingObserverSequence = [Dataset()]
    source.VerifyingObserverSequence[0].VerifyingObserverName = "Ng^Mei"
    clean = cleaned(carriers.written(source))
    first, again, other, patient = (str(item.PersonName) for item in clean.ContentSequence)
    assert first == again
    assert len({first, other, patient}) == len((first, other, patient))
    assert patient == str(clean.PatientName)
    assert str(clean.VerifyingObserverSequence[0].VerifyingObserverName) == other
    assert not any(word in other for word in ("Ng", "Mei"))


def test_a_document_within_an_admitted_kind_is_held() -> None:
    source = carriers.without_picture(uid.BasicTextSRStorage, EncapsulatedDocument=b"%PDF")
    with pytest.raises(NotAdmitted, match="document"):
        cleaned(carriers.written(source))


def test_a_report_without_its_tree_is_half_a_report() -> None:
    source = carriers.report()
    del source.ContentSequence
    with pytest.raises(Incomplete, match="structured report"):
        cleaned(carriers.written(source))


def test_a_dose_of_histograms_alone_has_no_picture_and_one_with_a_grid_must() -> None:
    histogram = Dataset()
    histogram.DVHType, histogram.DVHData = "CUMULATIVE", [1, 100, 1, 50]
    histograms = carriers.without_picture(uid.RTDoseStorage, DVHSequence=[histogram])
    assert cleaned(carriers.written(histograms)).DVHSequence[0].DVHData == histogram.DVHData
    histograms.DoseGridScaling = 1
    with pytest.raises(Incomplete):
        cleaned(carriers.written(histograms))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a home with reports, plans and waveforms, and one image."""
    home = tmp_path_factory.mktemp("home")
    incoming = home / "local_dcm" / "north"
    incoming.mkdir(parents=True)
    for name in (*REAL, "CT_small.dcm"):
        shutil.copyfile(str(get_testdata_file(name, download=False)), incoming / name)
    return home


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a backend."""
    with EmbeddedBackend(tmp_path_factory.mktemp("received")) as url:
        yield url


def one_pass(home: Path, settings: str) -> int:
    at_once = "[incoming]\nsettle_s = 0.0\ngive_up_s = 0.0\n[pixels]\npolicy = 'rules'\n"
    (home / "gateway.toml").write_text(at_once + settings)
    return main(["--home", str(home), "--report", str(home / "report.html")])


def lines(home: Path, capsys: pytest.CaptureFixture[str], *command: str) -> list[str]:
    capsys.readouterr()
    main([*command, "--home", str(home)])
    return capsys.readouterr().out.splitlines()


def test_first_they_wait_as_images_do(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert one_pass(home, "") == 0
    assert "5 seen: 0 sent, 5 waiting, 0 held, 0 duplicate" in capsys.readouterr().out
    outputs = sorted(path.suffix for path in (home / "local_dcm_dicomcleaner").rglob("*.*"))
    assert outputs == [".dcm"] * 5 + [".png"]
    assert len(list((home / "encoded_images").rglob("*.png.txt"))) == 1
    for path in (home / "local_dcm_dicomcleaner").rglob("*.dcm"):
        assert pydicom.dcmread(path).PatientIdentityRemoved == "YES"


def test_then_the_backend_is_not_asked_for_them_and_it_is_said(
    home: Path, backend: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert one_pass(home, f"[backend]\nurl = '{backend}'\n") == 3
    said = capsys.readouterr().out
    assert said.count("No picture.... north") == len(REAL)
    assert "5 seen: 1 sent, 0 waiting, 4 held (4 no picture), 0 duplicate" in said
    listed = lines(home, capsys, "held", "list")
    assert len(listed) == len(REAL)
    assert all("NoPicture: no pixel data: the backend takes images only" in one for one in listed)
    assert "held            4 NoPicture" in lines(home, capsys, "status")
    shutil.copyfile(str(get_testdata_file(REAL[0], download=False)), home / "local_dcm/north/again")
    assert one_pass(home, f"[backend]\nurl = '{backend}'\n") == 0
    account = "north: 6 seen = 1 sent + 0 waiting + 4 held + 1 duplicate"
    assert lines(home, capsys, "reconcile") == [account, "everything adds up"]
    assert lines(home, capsys, "verify")[-1] == "all is as it was"


def test_a_destination_of_instances_takes_them_after_retry(
    home: Path, backend: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lines(home, capsys, "retry") == ["4 put back to waiting"]
    share = tmp_path / "share"
    share.mkdir()
    places = f"[backend]\nurl = '{backend}'\n[folder]\npath = '{share}'\n"
    assert one_pass(home, places) == 0
    assert "4 seen: 4 sent, 0 waiting, 0 held, 0 duplicate" in capsys.readouterr().out
    assert len(list(share.rglob("*.dcm"))) == len(REAL)
    account = "north: 6 seen = 5 sent + 0 waiting + 0 held + 1 duplicate"
    assert lines(home, capsys, "reconcile") == [account, "everything adds up"]
    # What the backend was not asked for is nothing to try again.
    assert lines(home, capsys, "retry") == ["0 put back to waiting"]


def test_the_same_instance_again_is_a_duplicate_and_another_under_its_uid_is_flagged(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = pydicom.dcmread(str(get_testdata_file("rtplan.dcm", download=False)))
    incoming = home / "local_dcm" / "north"
    shutil.copyfile(str(get_testdata_file("rtplan.dcm", download=False)), incoming / "again.dcm")
    plan.RTPlanLabel = "other"
    plan.save_as(incoming / "other.dcm")
    assert one_pass(home, "") == 0
    said = capsys.readouterr().out
    assert "Duplicate....." in said
    assert "other content came before under the same SOP Instance UID" in said


def test_what_is_taken_off_the_list_is_not_tried_again(
    tmp_path: Path, backend: str, capsys: pytest.CaptureFixture[str]
) -> None:
    incoming = tmp_path / "local_dcm" / "north"
    incoming.mkdir(parents=True)
    shutil.copyfile(str(get_testdata_file(REAL[0], download=False)), incoming / REAL[0])
    assert one_pass(tmp_path, f"[backend]\nurl = '{backend}'\n") == 3
    assert lines(tmp_path, capsys, "held", "reject", "--code", "NoPicture")[0].endswith("rejected")
    assert lines(tmp_path, capsys, "held", "list") == ["nothing is held"]
    assert lines(tmp_path, capsys, "retry") == ["0 put back to waiting"]
    again = lines(tmp_path, capsys, "held", "release", "--code", "NoPicture")
    assert again == ["nothing of that is held"]
    shown = lines(tmp_path, capsys, "held", "show", "--code", "NoPicture", "--rejected")
    place = Path(shown[-1].strip())
    # The rest of its name is the customer's.
    assert place.name == f"{shown[0].split()[0]}.*"
    assert len(list(place.parent.glob(place.name))) == 1


def test_one_of_them_can_be_explained(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = str(get_testdata_file("test-SR.dcm", download=False))
    page = home / "explained.html"
    (home / "gateway.toml").write_text("[backend]\nurl = 'http://127.0.0.1:9'\n")
    said = lines(home, capsys, "explain", source, "--html", str(page), "--customer", "north")
    assert "outcome         held at deliver (no picture), NoPicture: " in "\n".join(said)
    assert "studyInstanceUid" not in page.read_text("utf-8") + "\n".join(said)
    (home / "gateway.toml").write_text("[folder]\npath = '.'\n")
    said = lines(home, capsys, "explain", source, "--customer", "north")
    assert "outcome         would be sent" in said
