"""
One attribute of a data set, asked for by its tag or keyword: plain bytes are read without pydicom.

What is read so stays as it stands in the file: what pydicom decodes has to be encoded again.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag, Tag

if TYPE_CHECKING:
    from typing import Literal

    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

    Element = DataElement | RawDataElement

ONE_LINE = frozenset({"AE", "CS", "DA", "LO", "PN", "SH", "TM", "UI"})
CODED, DIGITS = frozenset({"CS", "UI"}), frozenset({"IS"})
ESCAPE = b"\x1b"
SHORT = 2
"""Bytes of a number in US."""


@lru_cache(maxsize=8192)
def known(tag: int) -> str:
    """Give the representations that the dictionary has for a tag, as it writes them, or ""."""
    return dictionary_VR(tag) if dictionary_has_tag(tag) else ""


def first_known(tag: int) -> str:
    """Give the first representation that the dictionary has for a tag, or ""."""
    return known(tag).split(" ")[0]


@lru_cache(maxsize=8192)
def tag_of(asked: int | str) -> BaseTag:
    """Give the tag of a number or keyword, one object each: pydicom compares two in Python."""
    return tag_of(int(Tag(asked))) if isinstance(asked, str) else BaseTag(asked)


def has(dataset: Dataset, *asked: int | str) -> bool:
    """Tell whether one of these elements is there."""
    return any(tag_of(each) in dataset for each in asked)


def text(dataset: Dataset, asked: int | str) -> str:
    """Give the value of an element as text, "" where there is none."""
    raw: Element | None = dataset.get_item(tag_of(asked))
    if raw is None:
        return ""
    plain = _plain(raw)
    # Several values, or the groups of a name, read otherwise.
    if plain is not None and "\\" not in plain and "=" not in plain:
        return plain.strip()
    value: object = dataset[raw.tag].value
    return "" if value is None else str(value).strip()


def texts(dataset: Dataset, asked: int | str) -> tuple[str, ...]:
    """Give the values of a code string or a UID as texts, none where there is no value."""
    raw: Element | None = dataset.get_item(tag_of(asked))
    if raw is None:
        return ()
    plain = _plain(raw, CODED)
    if plain is not None:
        return tuple(plain.split("\\")) if plain else ()
    value = dataset[raw.tag].value or ()
    values = (value,) if isinstance(value, str) else value
    return tuple(map(str, values))


def number(dataset: Dataset, asked: int | str) -> int | None:
    """
    Give the value of an element as a number, None where there is none.

    Raises
    ------
    TypeError, ValueError
        It is no number, or more than one.

    """
    raw: Element | None = dataset.get_item(tag_of(asked))
    if raw is None:
        return None
    if isinstance(raw, RawDataElement) and raw.length == SHORT and _vr(raw) == "US":
        order: Literal["little", "big"] = "little" if raw.is_little_endian else "big"
        return int.from_bytes(raw.value or b"", order)
    plain = _plain(raw, DIGITS)
    if plain is not None and plain.isdigit():
        return int(plain)
    value = dataset[raw.tag].value
    return None if value is None or value == "" else int(value)


def _plain(raw: Element, among: frozenset[str] = ONE_LINE) -> str | None:
    """Give one line in ASCII, without its padding; None where it has to be decoded."""
    value = raw.value
    if not isinstance(raw, RawDataElement) or not isinstance(value, bytes):
        return None
    vr = _vr(raw)
    # A UID with a space is written anew.
    anew = vr == "UI" and b" " in value
    if vr not in among or anew or not value.isascii() or ESCAPE in value:
        return None
    return value.decode("ascii").rstrip(" \0")


def _vr(raw: RawDataElement) -> str:
    return raw.VR or known(int(raw.tag))
