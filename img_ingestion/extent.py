"""
Where a data set ends: a walk over the elements' lengths, to tell a whole file from half a one.

PS3.5 section 7: elements, items and sequences say their length or are delimited. A file is
whole when its last element ends where the file does.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

from img_ingestion.errors import Incomplete, NotDicom

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


class Place(NamedTuple):
    """Where an element stands: its header, its value, and what follows."""

    start: int
    value: int
    end: int
    vr: bytes
    """As the file names it, or b"" where it does not."""


@dataclass(frozen=True, slots=True)
class Walk:
    """The bytes, and how their elements are encoded."""

    content: bytes
    implicit: bool
    little: bool
    native: list[Place] = field(default_factory=list)
    """Uncompressed pixel data of the data set itself, as they are come by."""

    def tag(self, position: int) -> int:
        """Give the tag at `position` as 0xGGGGEEEE."""
        if position + 8 > len(self.content):
            raise Incomplete("the file ends inside an element's header")
        group, element = struct.unpack_from("<HH" if self.little else ">HH", self.content, position)
        return int(group << 16 | element)

    def length(self, position: int) -> int:
        """Give the 32-bit length at `position`."""
        if position + 4 > len(self.content):
            raise Incomplete("the file ends inside an element's header")
        return int(struct.unpack_from("<L" if self.little else ">L", self.content, position)[0])

    def header(self, position: int) -> tuple[bytes, int, int]:
        """Give (VR or b"", length, offset of the value) of the element at `position`."""
        if self.implicit:
            return b"", self.length(position + 4), position + 8
        vr = self.content[position + 4 : position + 6]
        if vr in SHORT_FORM:
            form = "<H" if self.little else ">H"
            return vr, struct.unpack_from(form, self.content, position + 6)[0], position + 8
        if vr in LONG_FORM:
            return vr, self.length(position + 8), position + 12
        raise NotDicom("an element has no known value representation (PS3.5 6.2)")


def explicit_value(content: bytes, position: int) -> tuple[int, int]:
    """Give where the value of an explicit VR little endian element starts and ends."""
    walk = Walk(content, implicit=False, little=True)
    walk.tag(position)
    _, length, value = walk.header(position)
    if value + length > len(content):
        raise Incomplete("the file ends inside its file meta information")
    return value, value + length


def check(content: bytes, start: int, *, implicit: bool, little: bool) -> Place | None:
    """
    Raise unless the data set that starts at `start` ends where `content` does.

    Returns
    -------
    Place or None
        Where its uncompressed pixel data stand, if they stand in one place.

    Raises
    ------
    Incomplete
        It would go on behind the end.
    NotDicom
        Something that is no element, or nesting deeper than any real object has.

    """
    if start >= len(content):
        raise Incomplete("the file ends before its data set begins")
    walk = Walk(content, implicit=implicit, little=little)
    _elements_end(walk, start, len(content), 0)
    return walk.native[0] if len(walk.native) == 1 else None


def _elements_end(walk: Walk, position: int, end: int, depth: int) -> int:
    """Walk elements up to `end`, or up to the item delimiter where `end` is UNDEFINED."""
    if depth > DEEPEST:
        raise NotDicom("sequences are nested deeper than 64")
    while position < end:
        start, tag = position, walk.tag(position)
        if tag == ITEM_END and end == UNDEFINED:
            return position + 8
        vr, length, value = walk.header(position)
        if length != UNDEFINED:
            position = value + length
            if position > min(end, len(walk.content)):
                raise Incomplete("an element is longer than the file")
            if tag == PIXEL_DATA and not depth:
                walk.native.append(Place(start, value, position, vr))
        elif tag == PIXEL_DATA:
            position = _fragments_end(walk, value)
        else:
            # CP-246: a sequence of unknown VR and undefined length is implicit little endian.
            inner = Walk(walk.content, implicit=True, little=True) if vr == b"UN" else walk
            position = _items_end(inner, value, depth + 1)
    return position


def _items_end(walk: Walk, position: int, depth: int) -> int:
    """Walk the items of a sequence of undefined length."""
    while (tag := walk.tag(position)) != SEQUENCE_END:
        if tag != ITEM:
            raise NotDicom("a sequence holds something that is no item")
        length = walk.length(position + 4)
        position += 8
        if length == UNDEFINED:
            position = _elements_end(walk, position, UNDEFINED, depth)
        else:
            position += length
            if position > len(walk.content):
                raise Incomplete("an item is longer than the file")
    return position + 8


def _fragments_end(walk: Walk, position: int) -> int:
    """Walk the fragments of encapsulated pixel data (PS3.5 A.4)."""
    while (tag := walk.tag(position)) != SEQUENCE_END:
        if tag != ITEM:
            raise NotDicom("encapsulated pixel data hold something that is no fragment")
        position += 8 + walk.length(position + 4)
    return position + 8
