"""
The standard's tables as data, and one of an archive's: JSON written by `tools/make_tables.py`.

Tags are integers, because Table E.1-1 is ahead of pydicom's dictionary.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent

FIXED = ("Tag", "Name", "Keyword", "VR", "Basic")
"""Columns of Table E.1-1 that are not options."""


class Row(NamedTuple):
    """One row of Table E.1-1."""

    tag: int
    """As `row_of` gives it: the repeating rows have a tag of their own."""
    notation: str
    """As the table writes it, e.g. `(60xx,3000)`."""
    name: str
    keyword: str
    """Empty where the attribute is newer than the dictionary or repeats."""
    vr: str
    basic: str
    """The code of the Basic Profile, e.g. `X/Z/D`."""
    options: Mapping[str, str]
    """Column -> K or C."""


CURVES = 0x50000000
OVERLAY_DATA = 0x60003000
OVERLAY_COMMENTS = 0x60004000
PRIVATE = 0x00010000
"""Stands for every odd group; no element can have it (PS3.5 section 7.8: 0001 is not used)."""

REPEATING: Mapping[str, int] = MappingProxyType(
    {
        "(50xx,xxxx)": CURVES,
        "(60xx,3000)": OVERLAY_DATA,
        "(60xx,4000)": OVERLAY_COMMENTS,
        "(gggg,eeee) gggg odd": PRIVATE,
    }
)


def _table(name: str) -> Any:  # noqa: ANN401  JSON
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def number(notation: str) -> int:
    """Give the integer of a tag written `(gggg,eeee)`, or of a repeating row."""
    if notation in REPEATING:
        return REPEATING[notation]
    return int(notation[1:5] + notation[6:10], 16)


@cache
def rows() -> Mapping[int, Row]:
    """Give every row of Table E.1-1 by its tag, in tag order, repeating rows where they start."""
    found = {}
    for line in _table("e1_1.json")["rows"]:
        tag = number(line["Tag"])
        columns = MappingProxyType({name: line[name] for name in line if name not in FIXED})
        vr, keyword = line.get("VR", ""), line.get("Keyword", "")
        found[tag] = Row(tag, line["Tag"], line["Name"], keyword, vr, line["Basic"], columns)
    return MappingProxyType(dict(sorted(found.items())))


def edition() -> str:
    """Name the edition of the standard that the tables come from."""
    return str(_table("e1_1.json")["edition"])


def row_of(tag: int) -> int | None:
    """
    Give the tag of the row that speaks about an element, or None.

    Parameters
    ----------
    tag : int
        Of the element. Odd groups have the private row, (50xx,xxxx) that of curves, (60xx,3000)
        and (60xx,4000) those of overlays (PS3.5 section 7.6: xx is even).

    """
    group, element = tag >> 16, tag & 0xFFFF
    if group & 1:
        return PRIVATE
    if group & 0xFF00 == CURVES >> 16:
        return CURVES
    if group & 0xFF00 == OVERLAY_DATA >> 16:
        repeating = OVERLAY_DATA & 0xFFFF0000 | element
        return repeating if repeating in (OVERLAY_DATA, OVERLAY_COMMENTS) else None
    return tag if tag in rows() else None


@cache
def _types() -> tuple[Mapping[str, str], Mapping[tuple[int, int | None], Mapping[str, str]]]:
    """Read SOP Class UID -> IOD, and (tag, parent) -> IOD -> Type."""
    table = _table("iod_types.json")
    types: dict[tuple[int, int | None], dict[str, str]] = {}
    for tag, parent, kind, iods in table["rows"]:
        key = (number(tag), number(parent) if parent else None)
        types.setdefault(key, {}).update(dict.fromkeys(iods.split(), kind))
    return table["sop_classes"], types


def type_of(tag: int, parent: int | None, sop_class_uid: str) -> str | None:
    """
    Give the Type (1, 1C, 2, 2C or 3) of an attribute in an IOD, or None when it has none there.

    Parameters
    ----------
    tag : int
        Of the attribute; only those of Table E.1-1 are known.
    parent : int or None
        Tag of the sequence that holds it; None at the top of the data set.
    sop_class_uid : str
        SOP Class UID (0008,0016); an unknown one gets what holds for IODs in general.

    """
    sop_classes, types = _types()
    by_iod = types.get((tag, parent), {})
    return by_iod.get(sop_classes.get(sop_class_uid, "*"), by_iod.get("*"))


@cache
def _safe_private() -> Mapping[tuple[str, int, int], str]:
    table = _table("safe_private.json")["rows"]
    return {(creator, int(group, 16), int(low, 16)): vr for creator, group, low, vr in table}


def safe_private(group: int, element: int, creator: str) -> bool:
    """Tell whether PS3.15 Table E.3.10-1 lists a private element as safe; its block is free."""
    return (creator.strip(), group, element & 0xFF) in _safe_private()


@cache
def _tcia_private() -> Mapping[tuple[str, int, int], str]:
    table = _table("tcia_private.json")["rows"]
    return {(creator, int(group, 16), int(low, 16)): what for creator, group, low, what in table}


def curated(group: int, element: int, creator: str) -> str:
    """
    Say what The Cancer Imaging Archive's curators do with a private element.

    Returns
    -------
    str
        `k` keep, `h` replace the UID, `o` move the date; nothing where they delete it or never
        met it.

    """
    return _tcia_private().get((creator.strip().upper(), group, element & 0xFF), "")
