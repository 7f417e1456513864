"""What is written in the wrong representation, or where nobody reads, does not leave."""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from img_ingestion.deidentify import deidentify, policy, recipe
from img_ingestion.errors import NotAdmitted
from img_ingestion.instance import ReceivedInstance
from img_ingestion.settings import Pixels, Settings

if TYPE_CHECKING:
    from tests.conftest import MakeDataset

RULES = policy(
    "customer",
    Settings(pixels=Pixels(policy="rules")),
    recipe.load(Path(__file__).parents[1] / "deid.dicom"),
    b"k" * 32,
)
PATIENT_POSITION, INSTANCE_NUMBER, CHARACTER_SET = 0x00185100, 0x00200013, 0x00080005


def _sent(make_dataset: MakeDataset, tag: int, vr: str, value: bytes) -> bytes:
    """Clean an image with one element written raw, and give the file that would leave."""
    dataset = make_dataset()
    one = RawDataElement(Tag(tag), vr, len(value), value, 0, False, True)  # noqa: FBT003 - pydicom's
    dataset._dict[Tag(tag)] = one
    out = BytesIO()
    pydicom.dcmwrite(out, dataset, enforce_file_format=True)
    content = out.getvalue()
    assert value.rstrip() in content
    digest = hashlib.sha256(content).hexdigest()
    return deidentify(ReceivedInstance("id", "customer", Path("x"), content, digest), RULES).content


def test_a_small_number_is_written_as_its_attribute_asks(make_dataset: MakeDataset) -> None:
    sent = pydicom.dcmread(BytesIO(_sent(make_dataset, INSTANCE_NUMBER, "US", b"\x07\0")))
    assert (sent["InstanceNumber"].VR, sent.InstanceNumber) == ("IS", 7)
    sent = pydicom.dcmread(BytesIO(_sent(make_dataset, INSTANCE_NUMBER, "UL", b"MEYE")))
    assert "InstanceNumber" not in sent


@pytest.mark.parametrize("vr", ["US", "UL", "SS", "SL", "FL", "FD", "AT", "SV", "UV", "OB", "OW"])
def test_a_text_written_as_numbers_or_bytes_is_not_kept(make_dataset: MakeDataset, vr: str) -> None:
    assert b"MEYERXYZ" not in _sent(make_dataset, PATIENT_POSITION, vr, b"MEYERXYZ")


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (INSTANCE_NUMBER, "LO", b"Xqjk Meyer"),
        (PATIENT_POSITION, "CS", b"HFS\0XQJNAME"),
        (PATIENT_POSITION, "CS", b"Zqxj is my name of mother "),
        (0x00080001, "UL", b"XQJN"),
        (0x7FE00020, "OW", b"XQJNAME "),
        (0x7FE00001, "OV", b"XQJNAMEX"),
        (0x00180060, "DS", b"12 Meyer"),
    ],
    ids=["count", "behind NUL", "sentence", "length to end", "coefficients", "offsets", "measure"],
)
def test_what_is_no_value_of_its_attribute_is_not_kept(
    make_dataset: MakeDataset, tag: int, vr: str, value: bytes
) -> None:
    tail = value.split(b"\0")[-1].strip()
    assert tail not in _sent(make_dataset, tag, vr, value)


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (PATIENT_POSITION, "LO", b"HFS "),
        (INSTANCE_NUMBER, "LO", b"12"),
        (0x00180015, "CS", b"CHEST "),
        (0x00080070, "SH", b"Maker "),
    ],
)
def test_likes_that_devices_confuse_stay(
    make_dataset: MakeDataset, tag: int, vr: str, value: bytes
) -> None:
    sent = pydicom.dcmread(BytesIO(_sent(make_dataset, tag, vr, value)))
    assert str(sent[tag].value) == value.decode().strip()


def test_a_character_set_of_nobody_is_held(make_dataset: MakeDataset) -> None:
    with pytest.raises(NotAdmitted):
        _sent(make_dataset, CHARACTER_SET, "CS", b"XQJNAME ")
