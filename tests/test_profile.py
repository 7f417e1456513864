"""What the profile asks for: the table's columns with the options in force."""

from __future__ import annotations

import itertools

import pytest

from img_ingestion.deidentify import profile, tables
from img_ingestion.deidentify.action import EXPOSURE, Action
from img_ingestion.settings import Profile

CT = "1.2.840.10008.5.1.4.1.1.2"
PET = "1.2.840.10008.5.1.4.1.1.128"
TWELVE_LEAD_ECG = "1.2.840.10008.5.1.4.1.1.9.1.1"
ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"

SWITCHES = sorted(set(profile.OPTIONS.values()))
BASIC = Profile(**dict.fromkeys(SWITCHES, False))
PSEUDONYMOUS = {0x00080050, 0x00100010, 0x00100020}


def only(**switched: bool) -> Profile:
    return BASIC.model_copy(update=switched)


def test_without_options_every_row_has_its_basic_code() -> None:
    for tag, row in tables.rows().items():
        asked = profile.action(tag, BASIC)
        assert asked == (Action.PSEUDONYM if tag in PSEUDONYMOUS else row.basic)
        assert profile.basic(tag) == row.basic


def test_what_the_table_does_not_name_has_no_action() -> None:
    assert profile.action(0x00280010, Profile()) is None
    assert profile.basic(0x00280010) is None


@pytest.mark.parametrize(("column", "switch"), sorted(profile.OPTIONS.items()))
def test_each_option_alone_moves_its_own_column_and_no_other_row(column: str, switch: str) -> None:
    options = only(**{switch: True})

    for tag, row in tables.rows().items():
        changed = profile.action(tag, options) != profile.action(tag, BASIC)
        if column not in row.options:
            assert not changed
        elif row.options[column] == "K":
            assert profile.action(tag, options) is Action.K
        elif row.vr == "OB":
            assert not changed
        else:
            assert profile.action(tag, options) in {Action.C, Action.SHIFT}


@pytest.mark.parametrize(
    ("keyword_tag", "switched", "asked"),
    [
        (0x00080020, {"retain_longitudinal_modified_dates": True}, Action.SHIFT),
        (0x00080020, {"retain_longitudinal_full_dates": True}, Action.K),
        (0x00080030, {"retain_longitudinal_modified_dates": True}, Action.SHIFT),
        (0x00080201, {"retain_longitudinal_modified_dates": True}, Action.C),
        # Frame Origin Timestamp and Certified Timestamp are bytes: no shift can reach them.
        (0x00340007, {"retain_longitudinal_modified_dates": True}, Action.D),
        (0x04000310, {"retain_longitudinal_modified_dates": True}, Action.X),
        (0x00100030, {"retain_longitudinal_modified_dates": True}, Action.Z),
        (0x00181000, {"retain_device_identity": True}, Action.K),
        (0x00080055, {"retain_device_identity": True}, Action.C),
        (0x00080080, {"retain_institution_identity": True}, Action.K),
        (0x00081030, {"clean_descriptors": True}, Action.C),
        (0x0040A730, {"clean_structured_content": True}, Action.C),
        (0x00700001, {"clean_graphics": True}, Action.C),
        (0x601E3000, {"clean_graphics": True}, Action.C),
        (0x00101010, {"retain_patient_characteristics": True}, Action.K),
        (0x00102110, {"retain_patient_characteristics": True}, Action.C),
        (0x0020000D, {"retain_uids": True}, Action.K),
        (0x00091001, {"retain_safe_private": True}, Action.C),
        (0x00091001, {}, Action.X),
    ],
)
def test_an_option_gives_what_its_column_says(
    keyword_tag: int, switched: dict[str, bool], asked: Action
) -> None:
    assert profile.action(keyword_tag, only(**switched)) is asked


def test_of_two_options_the_more_protective_wins() -> None:
    calibrated = 0x00181200  # Date of Last Calibration: device K, full dates K, modified C

    both = only(retain_device_identity=True, retain_longitudinal_modified_dates=True)

    assert profile.action(calibrated, both) is Action.SHIFT


def test_modified_dates_win_over_full_dates_if_both_come() -> None:
    both = BASIC.model_copy(
        update={"retain_longitudinal_full_dates": True, "retain_longitudinal_modified_dates": True}
    )

    assert profile.action(0x00080020, both) is Action.SHIFT


def test_more_options_never_keep_more_than_the_weakest_of_them_alone() -> None:
    for pair in itertools.combinations(SWITCHES, 2):
        together = BASIC.model_copy(update=dict.fromkeys(pair, True))
        alone = [only(**{switch: True}) for switch in pair]
        for tag in tables.rows():
            most = max(EXPOSURE.get(profile.actions(one)[tag], 0) for one in alone)
            assert EXPOSURE.get(profile.actions(together)[tag], 0) <= most


@pytest.mark.parametrize(
    ("action", "tag", "parent", "sop_class", "simple"),
    [
        # Acquisition Date X/Z: type 2 in PET, type 3 elsewhere.
        (Action.X_Z, 0x00080022, None, PET, Action.Z),
        (Action.X_Z, 0x00080022, None, CT, Action.X),
        # Acquisition DateTime X/Z/D: type 1 in an ECG, 2 in an encapsulated document, 3 in CT.
        (Action.X_Z_D, 0x0008002A, None, TWELVE_LEAD_ECG, Action.D),
        (Action.X_Z_D, 0x0008002A, None, ENCAPSULATED_PDF, Action.Z),
        (Action.X_Z_D, 0x0008002A, None, CT, Action.X),
        # Content Date Z/D: type 2C in CT, 1 elsewhere.
        (Action.Z_D, 0x00080023, None, CT, Action.Z),
        (Action.Z_D, 0x00080023, None, "1.2.3", Action.D),
        # No Type there: the weakest footprint that the code allows.
        (Action.X_Z, 0x00080022, 0x00091001, PET, Action.X),
        (Action.X_D, 0x00080022, 0x00091001, PET, Action.X),
        (Action.Z_D, 0x00080022, 0x00091001, PET, Action.Z),
        (Action.X_Z_D, 0x00080022, 0x00091001, PET, Action.X),
        (Action.X_Z_U, 0x00080022, 0x00091001, PET, Action.X),
        (Action.SHIFT, 0x00080022, None, PET, Action.SHIFT),
        (Action.K, 0x00080022, None, PET, Action.K),
    ],
)
def test_a_composite_code_settles_by_the_type_in_the_iod(
    action: Action, tag: int, parent: int | None, sop_class: str, simple: Action
) -> None:
    assert profile.resolved(action, tag, parent, sop_class) is simple


def test_no_composite_code_is_left_after_settling() -> None:
    composites = {action for action in Action if "/" in action}
    sop_classes, types = tables._types()

    for composite, (tag, parent), uid in itertools.product(composites, types, [*sop_classes][::9]):
        assert profile.resolved(composite, tag, parent, uid) not in composites
