"""A name that leaves cannot identify, and a harmless one stays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from img_ingestion.deidentify import recipe
from img_ingestion.deidentify.naming import output_name
from img_ingestion.deidentify.said import said
from img_ingestion.settings import Profile

if TYPE_CHECKING:
    from tests.conftest import MakeDataset

TABLE = recipe.compiled(recipe.load(Path(__file__).parents[1] / "deid.dicom"), Profile())


def _named(make_dataset: MakeDataset, stem: str, **elements: object) -> str:
    return output_name(stem, said(make_dataset(**elements)), TABLE, "pseudonym")


@pytest.mark.parametrize(
    "stem", ["dicom_00000005_000", "IM0001", "slice-12", "image.3", "CT_000042", "frame_1"]
)
def test_a_generic_name_stays(make_dataset: MakeDataset, stem: str) -> None:
    assert _named(make_dataset, stem) == stem


@pytest.mark.parametrize(
    "stem",
    [
        "quillfeather",
        "IM_4711",
        "IM004711",
        "IM_47_11",
        "dicom_19510723",
        "img_23071951",
        "im_230751",
        "im_23_07_51",
        "im_510723",
        "img_20200101",
        "IM_123456789",
        "-rf",
        ".hidden",
        "im\x1b[31m",
        "IM\n1",
        "Müller",
        "",
        "1.2.826.0.1.3680043.9",
    ],
)
def test_a_name_that_might_identify_is_replaced(make_dataset: MakeDataset, stem: str) -> None:
    assert _named(make_dataset, stem) == "pseudonym"


@pytest.mark.parametrize(
    ("stem", "elements"),
    [
        ("im_042", {"PatientID": "042"}),
        ("im_417", {"AccessionNumber": "417"}),
        ("im_98765", {"PatientComments": "room 98765"}),
        ("im_98765", {"InsurancePlanIdentification": "98765"}),
        ("Im_Io", {"PatientName": "Im^Io"}),
        ("chest_1", {"PatientName": "Chest^Anna"}),
        ("im_240229", {"StudyDate": "20240229"}),
    ],
)
def test_what_stands_in_this_header_is_replaced(
    make_dataset: MakeDataset, stem: str, elements: dict[str, object]
) -> None:
    assert _named(make_dataset, stem, **elements) == "pseudonym"
    assert _named(make_dataset, stem) == stem


def test_what_stands_in_a_nested_item_is_replaced(make_dataset: MakeDataset) -> None:
    item = Dataset()
    item.PatientID = "98765"
    nested = Sequence([item])
    assert _named(make_dataset, "im_98765", OtherPatientIDsSequence=nested) == "pseudonym"
