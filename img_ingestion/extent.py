"""
Where a data set ends: a walk over the elements' lengths, to tell a whole file from half a one.

PS3.5 section 7: elements, items and sequences say their length or are delimited. A file is
whole when its last element ends where the file does.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from img_ingestion.errors import Incomplete, NotDicom

if TYPE_CHECKING:
    from collections.abc import Mapping

UNDEFINED = 0xFFFFFFFF
ITEM = 0xFFFEE000
ITEM_END = 0xFFFEE00D
SEQUENCE_END = 0xFFFEE0DD
PIXEL_DATA = 0x7FE00010
DEEPEST = 64
"""Sequences in sequences; real objects have fewer than ten, bombs have thousands."""

# PS3.5 7.1.2: these have two reserved bytes and a length of 32 bits.
LONG_FORM = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
SHORT_FORM = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split(),
)
SHORT, LONG = (
    {little: struct.Struct(order + form) for little, order in ((True, "<"), (False, ">"))}
    for form in ("HH2sH", "HHL")
)
"""Headers with and without a VR, by byte order (PS3.5 7.1.2, 7.1.3, 7.5)."""
ORDER: Mapping[bool, Literal["little", "big"]] = {True: "little", False: "big"}


@dataclass(frozen=True, slots=True)
class Walk:
    """The bytes, and how their elements are encoded."""

    content: bytes
    implicit: bool
    little: bool

    def header(self, position: int) -> tuple[int, bytes, int, int]:
        """Give tag, VR or b"", length and offset of the value of the element at `position`."""
        if position + 8 > len(self.content):
            raise Incomplete("the file ends inside an element's header")
        if self.implicit:
            group, element, length = LONG[self.little].unpack_from(self.content, position)
            return group << 16 | element, b"", length, position + 8
        group, element, vr, length = SHORT[self.little].unpack_from(self.content, position)
        tag = group << 16 | element
        if vr in SHORT_FORM:
            return tag, vr, length, position + 8
        if vr not in LONG_FORM:
            raise NotDicom("an element has no known value representation (PS3.5 6.2)")
        if position + 12 > len(self.content):
            raise Incomplete("the file ends inside an element's header")
        length = int.from_bytes(self.content[position + 8 : position + 12], ORDER[self.little])
        return tag, vr, length, position + 12

    def item(self, position: int) -> tuple[int, int]:
        """Give tag and length of the item or delimiter at `position`."""
        if position + 8 > len(self.content):
            raise Incomplete("the file ends inside an element's header")
        group, element, length = LONG[self.little].unpack_from(self.content, position)
        return group << 16 | element, length


def explicit_value(content: bytes, position: int) -> tuple[int, int]:
    """Give where the value of an explicit VR little endian element starts and ends."""
    _, _, length, value = Walk(content, implicit=False, little=True).header(position)
    if value + length > len(content):
        raise Incomplete("the file ends inside its file meta information")
    return value, value + length


def check(content: bytes, start: int, *, implicit: bool, little: bool) -> None:
    """
    Raise unless the data set that starts at `start` ends where `content` does.

    Raises
    ------
    Incomplete
        It would go on behind the end.
    NotDicom
        Something that is no element, or nesting deeper than any real object has.

    """
    if start >= len(content):
        raise Incomplete("the file ends before its data set begins")
    _elements_end(Walk(content, implicit=implicit, little=little), start, len(content), 0)


def _elements_end(walk: Walk, position: int, end: int, depth: int) -> int:
    """Walk elements up to `end`, or up to the item delimiter where `end` is UNDEFINED."""
    if depth > DEEPEST:
        raise NotDicom("sequences are nested deeper than 64")
    while position < end:
        if end == UNDEFINED and walk.item(position)[0] == ITEM_END:
            return position + 8
        position = value_end(walk, walk.header(position), end, depth)
    return position


def value_end(walk: Walk, header: tuple[int, bytes, int, int], end: int, depth: int = 0) -> int:
    """Give where the value of an element ends, behind its delimiter where it has one."""
    tag, vr, length, value = header
    if length != UNDEFINED:
        position = value + length
        if position > end or position > len(walk.content):
            raise Incomplete("an element is longer than the file")
        return position
    if tag == PIXEL_DATA:
        return _fragments_end(walk, value)
    # CP-246: a sequence of unknown VR and undefined length is implicit little endian.
    inner = Walk(walk.content, implicit=True, little=True) if vr == b"UN" else walk
    return _items_end(inner, value, depth + 1)


def _items_end(walk: Walk, position: int, depth: int) -> int:
    """Walk the items of a sequence of undefined length."""
    tag, length = walk.item(position)
    while tag != SEQUENCE_END:
        if tag != ITEM:
            raise NotDicom("a sequence holds something that is no item")
        position += 8
        if length == UNDEFINED:
            position = _elements_end(walk, position, UNDEFINED, depth)
        else:
            position += length
            if position > len(walk.content):
                raise Incomplete("an item is longer than the file")
        tag, length = walk.item(position)
    return position + 8


def _fragments_end(walk: Walk, position: int) -> int:
    """Walk the fragments of encapsulated pixel data (PS3.5 A.4)."""
    tag, length = walk.item(position)
    while tag != SEQUENCE_END:
        if tag != ITEM:
            raise NotDicom("encapsulated pixel data hold something that is no fragment")
        position += 8 + length
        tag, length = walk.item(position)
    return position + 8
