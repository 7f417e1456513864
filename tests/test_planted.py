"""The planted file: every row of Table E.1-1 comes out as its code asks, and no marker leaves."""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
import pytest

from img_ingestion.deidentify import deidentify, policy, recipe
from img_ingestion.instance import ReceivedInstance
from img_ingestion.settings import Pixels, Profile, Settings
from tests import planted

if TYPE_CHECKING:
    from img_ingestion.instance import CleanInstance

RECIPE = Path(__file__).parents[1] / "deid.dicom"
BASIC = Profile(
    clean_graphics=False,
    clean_descriptors=False,
    clean_structured_content=False,
    retain_longitudinal_modified_dates=False,
    retain_patient_characteristics=False,
    retain_safe_private=False,
)
DEFAULT_COLUMNS = frozenset(
    {
        "RetainSafePrivate",
        "RetainPatientCharacteristics",
        "RetainLongModifiedDates",
        "CleanDescriptors",
        "CleanStructuredContent",
        "CleanGraphics",
    }
)
BOTH = pytest.mark.parametrize(
    ("profile", "columns"),
    [(BASIC, frozenset()), (Profile(), DEFAULT_COLUMNS)],
    ids=["basic", "default"],
)
IN_THE_BODY = 654 - 1
"""All rows that can stand in a data set, less the one of the file meta information."""


def cleaned(content: bytes, profile: Profile) -> CleanInstance:
    settings = Settings(profile=profile, pixels=Pixels(policy="rules"))
    rules = policy("customer", settings, recipe.load(RECIPE), b"k" * 32)
    digest = hashlib.sha256(content).hexdigest()
    return deidentify(ReceivedInstance("id", "customer", Path("x.dcm"), content, digest), rules)


@pytest.mark.parametrize("implicit", [False, True], ids=["explicit", "implicit"])
@BOTH
def test_every_row_comes_out_as_its_code_asks(
    profile: Profile, columns: frozenset[str], *, implicit: bool
) -> None:
    clean = cleaned(planted.planted(implicit=implicit), profile)
    dataset = pydicom.dcmread(BytesIO(clean.content))
    top = list(planted.wrong(dataset, columns))
    nested = [
        fault
        for fault in planted.wrong(dataset[planted.NEST].value[0], columns)
        if not fault.startswith(("(50", "(60"))
    ]
    assert len(planted.rows()) - 1 == IN_THE_BODY
    assert (top, nested) == ([], [])


@BOTH
def test_no_marker_is_in_any_outgoing_byte(profile: Profile, columns: frozenset[str]) -> None:
    clean = cleaned(planted.planted(), profile)
    assert [each for each in planted.markers(columns) if each in clean.content] == []
    assert not any(marker.decode() in clean.name for marker in planted.markers(columns))


def test_the_judge_calls_an_untouched_file_wrong() -> None:
    dataset = pydicom.dcmread(BytesIO(planted.planted()))
    kept = IN_THE_BODY - len(list(planted.wrong(dataset, frozenset())))
    assert kept == 0
