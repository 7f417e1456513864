"""A name that leaves cannot identify, and a harmless one stays."""

from __future__ import annotations

import pytest

from img_ingestion.deidentify.naming import output_name
from img_ingestion.instance import Identifiers

FOUND = Identifiers(
    names=frozenset({"quillfeather"}),
    numbers=frozenset({"4711", "20991234", "123"}),
    dates=frozenset({"19510723"}),
)


@pytest.mark.parametrize(
    "stem", ["dicom_00000005_000", "IM0001", "slice-12", "image.3", "CT_000042", "frame_1"]
)
def test_a_generic_name_stays(stem: str) -> None:
    assert output_name(stem, FOUND, "pseudonym") == stem


@pytest.mark.parametrize(
    "stem",
    [
        "quillfeather",
        "IM_4711",
        "IM004711",
        "dicom_19510723",
        "img_23071951",
        "img_20200101",
        "IM20991234",
        "IM_123",
        "IM_123456789",
        "IM_2099_1234",
        "-rf",
        ".hidden",
        "im\x1b[31m",
        "IM\n1",
        "Müller",
        "",
        "1.2.826.0.1.3680043.9",
    ],
)
def test_a_name_that_might_identify_is_replaced(stem: str) -> None:
    assert output_name(stem, FOUND, "pseudonym") == "pseudonym"
