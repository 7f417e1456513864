"""Device rules, kinds of image, and what is let go."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import (
    SecondaryCaptureImageStorage,
    UltrasoundMultiFrameImageStorage,
    VLWholeSlideMicroscopyImageStorage,
)

from img_ingestion.deidentify.pixels import clean
from img_ingestion.deidentify.pixels.kinds import slide_label, usually_burned
from img_ingestion.deidentify.pixels.rules import Box, Criterion, PixelRule, covered, matching
from img_ingestion.errors import NotAdmitted, NotDecoded, NotDeidentified
from img_ingestion.settings import Limits

if TYPE_CHECKING:
    from tests.conftest import MakeDataset, MakeInstance

MODALITY, MANUFACTURER, IMAGE_TYPE, ROWS = 0x00080060, 0x00080070, 0x00080008, 0x00280010
CODE_MEANING, VERSION_NAME, WINDOW_WIDTH = 0x00080104, 0x00020013, 0x00281051
ULTRASOUND = Criterion(MODALITY, "contains", "US")


def rule(*groups: tuple[Criterion, ...], **more: object) -> PixelRule:
    values: dict[str, object] = {"verdict": "burned_in", **more}
    return PixelRule("a device", 7, where=groups, **values)  # type: ignore[arg-type]


def holds(dataset: Dataset, *criterion: object) -> bool:
    return matching(rule((Criterion(*criterion),)), dataset)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("test", "value", "expected"),
    [
        ("contains", "siem", True),
        ("contains", "GE|SIEMENS", True),
        ("contains", r"^siemens\b", True),
        ("contains", r"\d", False),
        ("notcontains", "siem", False),
        ("notcontains", "GE", True),
        ("equals", "siemens healthineers ", True),
        ("equals", "siemens", False),
        ("notequals", "siemens", True),
        ("present", "", True),
        ("missing", "", False),
        ("empty", "", False),
    ],
)
def test_a_criterion_reads_an_element_as_deid_does(
    make_dataset: MakeDataset, test: str, value: str, expected: object
) -> None:
    assert holds(make_dataset(Manufacturer="SIEMENS Healthineers"), MANUFACTURER, test, value) is (
        expected
    )


@pytest.mark.parametrize(
    ("test", "absent", "empty"),
    [
        ("contains", False, False),
        ("equals", False, False),
        ("notcontains", True, True),
        ("notequals", True, True),
        ("missing", True, False),
        ("present", False, True),
        ("empty", False, True),
    ],
)
def test_absent_and_empty_are_two_things(
    make_dataset: MakeDataset, test: str, absent: object, empty: object
) -> None:
    assert holds(make_dataset(Manufacturer=None), MANUFACTURER, test, "x") is absent
    assert holds(make_dataset(Manufacturer=""), MANUFACTURER, test, "x") is empty


def test_any_of_several_values_and_all_of_them_joined_are_searched(
    make_dataset: MakeDataset,
) -> None:
    dataset = make_dataset(ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"])
    assert holds(dataset, IMAGE_TYPE, "equals", "secondary")
    assert holds(dataset, IMAGE_TYPE, "contains", "^screen")
    assert holds(dataset, IMAGE_TYPE, "contains", r"DERIVED\\SECONDARY")
    assert not holds(dataset, IMAGE_TYPE, "notequals", "secondary")


def test_numbers_are_compared_as_they_are_written(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(WindowWidth="1")
    assert holds(dataset, ROWS, "equals", "16")
    assert not holds(dataset, ROWS, "equals", "1")
    assert holds(dataset, WINDOW_WIDTH, "equals", "1")


def test_groups_are_joined_by_and_their_criteria_by_or(make_dataset: MakeDataset) -> None:
    scanner = Criterion(MODALITY, "contains", "CT")
    either = (Criterion(MANUFACTURER, "missing"), Criterion(MANUFACTURER, "empty"))
    asked = rule((scanner,), either)
    assert matching(asked, make_dataset(Manufacturer=None))
    assert matching(asked, make_dataset(Manufacturer=""))
    assert not matching(asked, make_dataset(Manufacturer="Example"))
    assert not matching(asked, make_dataset(Manufacturer="", Modality="MR"))


def test_a_file_read_from_bytes_matches_before_its_elements_are_parsed(
    make_instance: MakeInstance,
) -> None:
    dataset = dcmread(io.BytesIO(make_instance(ImageType=["DERIVED", "SECONDARY"])))
    assert holds(dataset, IMAGE_TYPE, "contains", "SECONDARY")
    assert holds(dataset, ROWS, "equals", "16")
    assert holds(dataset, MANUFACTURER, "present")


def test_an_element_that_cannot_be_read_holds_the_instance() -> None:
    rows = RawDataElement(
        Tag(ROWS), "US", 3, b"abc", 0, is_implicit_VR=False, is_little_endian=True
    )
    with pytest.raises(NotDeidentified) as held:
        holds(Dataset({Tag(ROWS): rows}), ROWS, "equals", "1")
    assert "abc" not in str(held.value)


def test_a_rule_asks_the_top_level_only_as_deid_does(make_dataset: MakeDataset) -> None:
    code = Dataset()
    code.CodeMeaning = "IEC Body Dosimetry Phantom"
    dataset = make_dataset(CTDIPhantomTypeCodeSequence=[code])
    assert not holds(dataset, CODE_MEANING, "contains", "Body Dosimetry")
    assert holds(dataset, CODE_MEANING, "missing")


def test_the_file_meta_information_can_be_asked_for(make_dataset: MakeDataset) -> None:
    dataset = make_dataset()
    assert not holds(dataset, VERSION_NAME, "present")
    dataset.file_meta.ImplementationVersionName = "MINDRAY_1"
    assert holds(dataset, VERSION_NAME, "contains", "mindray")


def test_boxes_are_cut_at_the_edges_and_left_out_beyond_them() -> None:
    asked = rule(hide=(Box(-5, 0, 1150, 2), Box(0, 90, 10, 99), Box(3, 3, 3, 9)))
    assert [(r.left, r.top, r.right, r.bottom) for r in covered([asked], 60, 80)] == [(0, 0, 80, 2)]


@pytest.mark.parametrize(
    "keep",
    [
        (),
        (Box(2, 2, 5, 4),),
        (Box(0, 0, 3, 3), Box(2, 2, 9, 9)),
        (Box(-4, 5, 99, 6),),
        (Box(0, 0, 10, 8),),
    ],
)
def test_the_whole_frame_less_what_is_kept_is_hidden_once(keep: tuple[Box, ...]) -> None:
    regions = covered([rule(hide_all=True, keep=keep)], 8, 10)
    hidden = [
        (x, y) for r in regions for x in range(r.left, r.right) for y in range(r.top, r.bottom)
    ]
    kept = {(x, y) for b in keep for x in range(b.left, b.right) for y in range(b.top, b.bottom)}
    assert len(hidden) == len(set(hidden))
    assert set(hidden) == {(x, y) for x in range(10) for y in range(8)} - kept


def test_one_rule_does_not_keep_what_another_hides() -> None:
    keeping = rule(hide=(Box(0, 0, 4, 4),), keep=(Box(0, 0, 4, 4),))
    hiding = rule(hide=(Box(1, 1, 2, 2),))
    (region,) = covered([keeping, hiding, hiding], 8, 8)
    assert (region.left, region.top, region.right, region.bottom) == (1, 1, 2, 2)
    assert region.found_by == "a device"


@pytest.mark.parametrize(
    "elements",
    [
        {"Modality": "US"},
        {"Modality": "XC"},
        {"Modality": "OT"},
        {"Modality": "MR", "SOPClassUID": SecondaryCaptureImageStorage},
        {"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.1"},
        {"Modality": "", "SOPClassUID": UltrasoundMultiFrameImageStorage},
        {"Modality": "CR", "ConversionType": "DF"},
        {"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"], "Modality": "PT"},
        {"ImageType": ["DERIVED", "SECONDARY"], "Modality": "CT"},
        {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "Modality": "CT"},
        {"Modality": None},
        {"Modality": ""},
        {"ImageType": ["ORIGINAL", "PRIMARY", "AXIAL", "DOSE_INFO"], "Modality": "CT"},
    ],
)
def test_kinds_that_usually_carry_text_are_known_and_go_once_they_were_looked_at(
    make_dataset: MakeDataset, elements: dict[str, object]
) -> None:
    dataset = make_dataset(**elements)
    assert usually_burned(dataset)
    for policy in ("all", "identifiers", "rules"):
        assert clean(dataset, (), policy, Limits()).regions == ()


def test_a_face_is_held_unless_the_site_vouches_for_it(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(RecognizableVisualFeatures="YES")
    with pytest.raises(NotAdmitted, match="face"):
        clean(dataset, (rule(hide=(Box(0, 0, 4, 4),)),), "all", Limits())
    clean(dataset, (rule(verdict="clean"),), "all", Limits())


@pytest.mark.parametrize(
    "elements",
    [
        {},
        {"Modality": "MR", "ImageType": ["DERIVED", "SECONDARY", "ADC"]},
        {"Modality": "MR", "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.5.1", "Modality": "OP"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.70", "Modality": "MR"},
    ],
)
def test_only_what_somebody_has_looked_at_is_called_checked(
    make_dataset: MakeDataset, elements: dict[str, object]
) -> None:
    for policy, checked in (("all", True), ("identifiers", True), ("rules", False)):
        cleaned = clean(make_dataset(**elements), (), policy, Limits())
        assert (cleaned.regions, cleaned.checked) == ((), checked)


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        *((policy, said) for policy in ("all", "identifiers") for said in ("yes ", "Y")),
        *(("rules", said) for said in ("YES", "Y", "OTHER")),
    ],
)
def test_an_image_said_to_be_burned_in_is_held_unless_a_rule_hides_it(
    make_dataset: MakeDataset, policy: str, said: str
) -> None:
    dataset = make_dataset(BurnedInAnnotation=said)
    site_says_clean = rule((Criterion(MODALITY, "contains", "CT"),), verdict="clean")
    with pytest.raises(NotAdmitted):
        clean(dataset, (site_says_clean,), policy, Limits())
    cleaned = clean(dataset, (rule(hide=(Box(0, 0, 4, 4),)),), policy, Limits())
    assert cleaned.checked is (policy != "rules")
    assert len(cleaned.regions) == 1


def test_an_undefined_statement_says_nothing_where_text_was_looked_for(
    make_dataset: MakeDataset,
) -> None:
    dataset = make_dataset(BurnedInAnnotation="OTHER")
    assert clean(dataset, (), "all", Limits()).checked


def test_a_clean_rule_of_the_site_lets_its_device_go(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(Modality="US")
    before = dataset.PixelData
    cleaned = clean(dataset, (rule((ULTRASOUND,), verdict="clean"),), "rules", Limits())
    # Nobody has looked: the site vouches for the device, and the file does not say more.
    assert not cleaned.checked
    assert dataset.PixelData == before


def test_a_rule_for_another_size_hides_nothing(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(Modality="US")
    other_size = rule((ULTRASOUND,), (Criterion(ROWS, "equals", "768"),), hide=(Box(0, 0, 9, 9),))
    beyond = rule((ULTRASOUND,), hide=(Box(0, 700, 9, 768),))
    assert clean(dataset, (other_size, beyond), "all", Limits()).regions == ()


@pytest.mark.parametrize("policy", ["all", "rules"])
def test_a_rule_that_says_text_but_not_where_holds(make_dataset: MakeDataset, policy: str) -> None:
    hiding = rule((ULTRASOUND,), hide=(Box(0, 0, 4, 4),))
    flagging = rule((ULTRASOUND,), keep=(Box(0, 0, 4, 4),))
    with pytest.raises(NotAdmitted, match="line 7"):
        clean(make_dataset(Modality="US"), (hiding, flagging), policy, Limits())


@pytest.mark.parametrize(
    "elements",
    [
        {"ImageType": ["ORIGINAL", "PRIMARY", "LABEL", "NONE"], "Modality": "SM"},
        {
            "ImageType": ["DERIVED", "PRIMARY", "OVERVIEW", "NONE"],
            "SOPClassUID": VLWholeSlideMicroscopyImageStorage,
        },
        {"SpecimenLabelInImage": "YES", "Modality": "SM"},
    ],
)
def test_the_label_of_a_slide_is_held_whatever_anybody_says(
    make_dataset: MakeDataset, elements: dict[str, object]
) -> None:
    dataset = make_dataset(**elements)
    assert slide_label(dataset)
    with pytest.raises(NotAdmitted):
        clean(dataset, (rule(verdict="clean"), rule(hide=(Box(0, 0, 4, 4),))), "rules", Limits())


def test_an_instance_without_pixels_has_nothing_to_clean(make_dataset: MakeDataset) -> None:
    assert clean(make_dataset(PixelData=None), (), "all", Limits()).regions == ()


def test_pixels_that_do_not_fit_their_header_are_held(make_dataset: MakeDataset) -> None:
    with pytest.raises(NotDecoded):
        clean(make_dataset(PixelData=b"\0" * 100), (), "all", Limits())
