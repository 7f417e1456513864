"""
Words that the standard prescribes for an element: they say what an item is, and name nobody.

A report of a patient called Code is a report all the same: were the word cut where it tells the
kind of an item, no reader could read the rest.
"""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

TERMS: Mapping[int, frozenset[str]] = MappingProxyType(
    {
        tag: frozenset(words.split())
        for tag, words in {
            # Value Type, PS3.3 C.17.3.2.1, C.18
            0x0040A040: "CODE COMPOSITE CONTAINER DATE DATETIME IMAGE NUM PNAME SCOORD SCOORD3D "
            "TABLE TCOORD TEXT TIME UIDREF WAVEFORM",
            # Continuity of Content, Completion Flag, Verification Flag: C.17.3, C.17.2
            0x0040A050: "CONTINUOUS SEPARATE",
            0x0040A491: "COMPLETE PARTIAL",
            0x0040A493: "UNVERIFIED VERIFIED",
            # Graphic Type, C.10.5, C.18.6, C.18.9
            0x00700023: "CIRCLE ELLIPSE ELLIPSOID INTERPOLATED MULTIPOINT POINT POLYGON POLYLINE",
            # Annotation Units, Temporal Range Type, C.10.5, C.18.7
            0x00700005: "DISPLAY MATRIX PIXEL",
            0x0040A130: "BEGIN END MULTIPOINT MULTISEGMENT POINT SEGMENT",
        }.items()
    }
)
"""Tag -> its Defined Terms and Enumerated Values of one word."""

RELATIONSHIPS = frozenset(
    {
        "CONTAINS",
        "HAS ACQ CONTEXT",
        "HAS CONCEPT MOD",
        "HAS OBS CONTEXT",
        "HAS PROPERTIES",
        "INFERRED FROM",
        "SELECTED FROM",
    }
)
"""Relationship Type (0040,A010), PS3.3 C.17.3.2.4."""
RELATIONSHIP_TYPE = 0x0040A010


def prescribed(tag: int, text: str) -> bool:
    """Tell whether a value is one of those that the standard prescribes for its element."""
    return text in (RELATIONSHIPS if tag == RELATIONSHIP_TYPE else TERMS.get(tag, ()))


@cache
def printed_meanings() -> frozenset[str]:
    """Give the code meanings that PS3.16 prints; read only when one of them is in doubt."""
    from pydicom.sr._concepts_dict import concepts  # noqa: PLC0415  18,000 concepts, seldom needed

    schemes = cast("Mapping[str, Mapping[str, Mapping[str, tuple[str, object]]]]", concepts)
    codes = (each for scheme in schemes.values() for each in scheme.values())
    return frozenset(printed[0] for each in codes for printed in each.values())
