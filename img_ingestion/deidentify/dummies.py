"""Dummy values: non-empty, valid for their value representation (PS3.5 6.2), and saying nothing."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

EMPTIED = "--"
"""In place of a text of which nothing is left: without letters, because REMOVED has Mo's name."""

DUMMIES: Mapping[str, object] = MappingProxyType(
    {
        **dict.fromkeys(("AE", "LO", "LT", "PN", "SH", "ST", "UC", "UT"), EMPTIED),
        "CS": "_",
        "UR": "about:blank",
        "AS": "000Y",
        "DA": "19000101",
        "DT": "19000101000000",
        "TM": "000000",
        "DS": "0",
        "IS": "0",
        **dict.fromkeys(("OB", "OW", "UN"), b"\0\0"),
        **dict.fromkeys(("OF", "OL"), bytes(4)),
        **dict.fromkeys(("OD", "OV"), bytes(8)),
        **dict.fromkeys(("FD", "FL"), 0.0),
        **dict.fromkeys(("SL", "SS", "SV", "UL", "US", "UV"), 0),
        "AT": 0x00000000,
    },
)
