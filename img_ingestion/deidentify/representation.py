"""
Whether a value is written as its attribute asks (PS3.5 6.2, PS3.6), and how its text reads.

Devices confuse LO with SH and US with SS, which hides nothing. They do not write a position of the
patient as floating-point numbers: that is somebody's text, where no check of text would look.
"""

from __future__ import annotations

import re
import struct
from functools import lru_cache
from typing import TYPE_CHECKING

from img_ingestion.attribute import known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataelem import DataElement, RawDataElement
    from pydicom.dataset import Dataset

TEXT = frozenset({"AE", "CS", "LO", "LT", "SH", "ST", "UC", "UR", "UT"})
TIMES = frozenset({"DA", "DT", "TM"})
CODED = frozenset({*TIMES, "AS", "DS", "IS", "UI"})
"""Representations that are ASCII whatever the character set."""
BYTES = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
NUMBERS = {"FD": "d", "FL": "f", "SL": "l", "SS": "h", "SV": "q", "UL": "L", "US": "H", "UV": "Q"}
"""As `struct` reads them."""
BINARY_NUMBERS = frozenset(NUMBERS)
ALIKE = (TEXT, BINARY_NUMBERS, BYTES)

ONE_VALUE = frozenset({"LT", "ST", "UR", "UT"})
"""A backslash is a letter like any other there."""

FEW = 64
"""Bytes of numbers that may repeat."""
CODE_STRING = re.compile(r"[A-Z0-9 _]*")
LONGEST_CODE = 16


def is_private(tag: int) -> bool:
    """Tell an element of somebody's own from one of the standard's (PS3.5 7.8)."""
    return bool(tag >> 16 & 1)


@lru_cache(maxsize=8192)
def trusted(tag: int, written: str) -> str:
    """
    Give the representation by which a value is to be judged, or "" if it is in the wrong one.

    Parameters
    ----------
    tag : int
        Of the element; for private ones, and those the dictionary does not know, the file decides.
    written : str
        The VR that the file names.

    """
    if is_private(tag) or written == "PN" or not known(tag):
        return written
    allowed = set(known(tag).split(" or "))
    if written in allowed or any(written in like and allowed & like for like in ALIKE):
        return written
    stricter = sorted(allowed & {*CODED, "PN"})
    return stricter[0] if stricter and written in TEXT else ""


def counted(tag: int, written: str) -> str:
    """Give IS or DS where an attribute of it is written as binary numbers, which hide no text."""
    binary = written in BINARY_NUMBERS and not is_private(tag)
    return known(tag) if binary and known(tag) in {"DS", "IS"} else ""


def is_code(texts: Sequence[str]) -> bool:
    """Tell code strings from prose in a code string's element: capitals, digits, `_` and space."""
    return all(CODE_STRING.fullmatch(text) for text in texts)


def overruns(texts: Sequence[str]) -> bool:
    """Tell whether a code string is longer than one may be: it is somebody's sentence."""
    return any(len(text) > LONGEST_CODE for text in texts)


def is_plain(value: bytes) -> bool:
    """Tell bytes that say the same in every character set of PS3.5 6.1."""
    return value.isascii() and b"\x1b" not in value


def _in_digits(form: str, value: bytes) -> tuple[str, ...]:
    """Give binary numbers as texts."""
    return tuple(str(number) for (number,) in struct.iter_unpack(form, value))


_known_digits = lru_cache(maxsize=4096)(_in_digits)
"""The few that a device writes repeat from patient to patient."""


def texts_of(source: Dataset, raw: DataElement | RawDataElement) -> list[str]:
    """
    Give the values of one of a data set's elements as texts, without padding.

    Bytes below 0x80 without an escape are the same in every character set of PS3.5 6.1, so most
    elements need no decoding, and a malformed number needs no conversion that would raise.
    """
    if raw.is_raw and isinstance(raw.value, bytes):
        named = raw.VR == "PN" and b"=" not in raw.value
        if raw.VR in CODED or ((named or raw.VR in TEXT) and is_plain(raw.value)):
            text = raw.value.decode("latin-1")
            texts = [text] if raw.VR in ONE_VALUE else text.split("\\")
            return [each.strip(" \0") for each in texts]
        order = "<" if getattr(raw, "is_little_endian", True) else ">"
        form = order + NUMBERS.get(str(raw.VR), "")
        if form != order and raw.value and len(raw.value) % struct.calcsize(form) == 0:
            digits = _known_digits if len(raw.value) <= FEW else _in_digits
            return list(digits(form, raw.value))
    element = source[raw.tag]
    if element.value is None:
        return [""]
    values = list(element.value) if element.VM > 1 else [element.value]
    if element.VR != "PN":  # a number as it was written; of a name that would be its bytes
        values = [getattr(value, "original_string", value) for value in values]
    return [str(value).strip(" \0") for value in values]
