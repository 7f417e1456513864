"""What is read without pydicom is what pydicom reads."""

from __future__ import annotations

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.tag import Tag

from img_ingestion import attribute

ROWS, FRAMES, IMAGE_TYPE, NAME = 0x00280010, 0x00280008, 0x00080008, 0x00100010
VALUES = (
    b"",
    b" ",
    b"A",
    b"A ",
    b" A\0",
    b"A\\B ",
    b"A\0\\B",
    b"=A=",
    b"12",
    b"+7 ",
    b"1\\2",
    b"M\xfcller",
)


def _with(tag: int, vr: str | None, value: bytes) -> Dataset:
    dataset = Dataset()
    raw = RawDataElement(Tag(tag), vr, len(value), value, 0, vr is None, True)  # noqa: FBT003 - pydicom's
    dataset._dict[Tag(tag)] = raw
    return dataset


def _pydicoms(dataset: Dataset, tag: int) -> tuple[str, ...]:
    value = dataset[tag].value or ()
    return (value,) if isinstance(value, str) else tuple(map(str, value))


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("vr", ["CS", "UI", "LO", "SH", "PN", "IS", None])
def test_texts_are_those_that_pydicom_reads(vr: str | None, value: bytes) -> None:
    tag = NAME if vr == "PN" else IMAGE_TYPE
    whole = _with(tag, vr, value)[tag].value
    assert attribute.text(_with(tag, vr, value), tag) == str("" if whole is None else whole).strip()
    if vr not in ("PN", "IS"):
        assert attribute.texts(_with(tag, vr, value), tag) == _pydicoms(_with(tag, vr, value), tag)


@pytest.mark.parametrize("value", [each for each in VALUES if each not in (b"", b" ")])
@pytest.mark.parametrize(
    ("tag", "vr"), [(FRAMES, "IS"), (FRAMES, None), (ROWS, "US"), (ROWS, None)]
)
def test_numbers_are_those_that_pydicom_reads(tag: int, vr: str | None, value: bytes) -> None:
    try:
        expected = int(_with(tag, vr, value)[tag].value)
    except (BytesLengthException, TypeError, ValueError) as error:
        with pytest.raises(type(error)):
            attribute.number(_with(tag, vr, value), tag)
    else:
        assert attribute.number(_with(tag, vr, value), tag) == expected


def test_what_is_absent_or_empty_says_nothing() -> None:
    for dataset in (Dataset(), _with(FRAMES, "IS", b"")):
        assert attribute.number(dataset, "NumberOfFrames") is None
        assert attribute.text(dataset, "NumberOfFrames") == ""
        assert attribute.texts(dataset, "NumberOfFrames") == ()


def test_what_is_read_stays_as_it_stands() -> None:
    dataset = _with(IMAGE_TYPE, "CS", b"ORIGINAL\\PRIMARY ")
    assert attribute.texts(dataset, "ImageType") == ("ORIGINAL", "PRIMARY")
    assert dataset.get_item("ImageType").is_raw
