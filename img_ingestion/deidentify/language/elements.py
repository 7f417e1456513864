"""Which element a statement means, and what can stand in it."""

from __future__ import annotations

import re
import warnings
from types import MappingProxyType
from typing import TYPE_CHECKING

from pydicom import config
from pydicom.datadict import dictionary_has_tag, dictionary_VR, tag_for_keyword
from pydicom.valuerep import validate_value

from img_ingestion.deidentify.tables import REPEATING, rows
from img_ingestion.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

ROWS: Mapping[str, str] = MappingProxyType(
    {
        "(50xx,xxxx)": "(50xx,xxxx)",
        "(60xx,3000)": "(60xx,3000)",
        "(60xx,4000)": "(60xx,4000)",
        "(gggg,eeee)": "(gggg,eeee) gggg odd",
    }
)
"""How the recipe writes the repeating rows of Table E.1-1 -> how the table does."""

WORDS = frozenset({"AE", "AS", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
TIMES = frozenset({"DA", "DT", "TM"})
DECIMALS = frozenset({"DS", "IS"})

FILE_META = 0x0002


def tag_of(field: str) -> int:
    """
    Give the tag that a field of the %header section names.

    Parameters
    ----------
    field : str
        A keyword of PS3.6, `(gggg,eeee)` in digits, or a repeating row of Table E.1-1.

    Raises
    ------
    SettingsError
        The field is an expander of deid's, private, unknown, or no part of a data set.

    """
    if field in ROWS:
        return REPEATING[ROWS[field]]
    if ":" in field or field.upper() == "ALL":
        raise SettingsError("a line names one element; there are no expanders here")
    if not field.startswith("("):
        return keyword_tag(field)
    if not re.fullmatch(r"\([0-9A-Fa-f]{4},[0-9A-Fa-f]{4}\)", field):
        raise SettingsError("an element is written as a keyword or (gggg,eeee)")
    tag = int(field[1:5] + field[6:10], 16)
    if tag >> 16 & 1:
        raise SettingsError("private elements are (gggg,eeee) all together: the safe list decides")
    return _in_dataset(tag)


def keyword_tag(keyword: str) -> int:
    """Give the tag of a keyword; deid drops a keyword that it does not know without a word."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise SettingsError("no such keyword in PS3.6")
    return tag


def _in_dataset(tag: int) -> int:
    if tag not in rows() and not dictionary_has_tag(tag):
        raise SettingsError("no such element in PS3.6; unknown elements are removed anyway")
    return tag


def vr_of(tag: int) -> str:
    """Give an element's VR, as `US or SS` where there is a choice; empty when nobody knows."""
    if tag in rows() and rows()[tag].vr:
        return rows()[tag].vr
    return dictionary_VR(tag) if dictionary_has_tag(tag) else ""


def check_literal(value: str, vr: str) -> None:
    """
    Refuse a text that cannot stand in an element of this VR (PS3.5 section 6.2).

    Raises
    ------
    SettingsError
        It does not fit, or no text can: sequences, bytes, binary numbers, UIDs.

    """
    if vr not in WORDS | TIMES | DECIMALS:
        raise SettingsError(f"no text can be written into {vr or 'this element'}")
    if not _valid(vr, value):
        raise SettingsError(f"the text is no valid {vr}")


def _valid(vr: str, value: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            validate_value(vr, value, config.RAISE)
    except ValueError:
        return False
    return True
