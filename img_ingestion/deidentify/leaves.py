"""
Every element of a written data set that is no sequence, as bytes, at any depth.

Read without pydicom: the last look must not see a file with the eyes that wrote it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.valuerep import PN_DELIMS, TEXT_VR_DELIMS

from img_ingestion.attribute import first_known
from img_ingestion.deidentify.representation import CODED, ONE_VALUE
from img_ingestion.errors import NotVerified
from img_ingestion.extent import DEEPEST, ITEM, LONG_FORM, SEQUENCE_END, SHORT_FORM, UNDEFINED
from img_ingestion.stretches import Stretch, Stretches

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

PIXEL_DATA = 0x7FE00010
CHARACTER_SET = 0x00080005
HEADER = 8
"""Bytes of the header of an item, or of an element with a length of 16 bits."""
DEFAULT = ("iso8859",)
MOST_WAYS = 4
"""Encodings and character sets of the instances of one patient."""
NAMES = {vr: vr.decode() for vr in (LONG_FORM | SHORT_FORM) - {b"UN"}}


class Forms(NamedTuple):
    """Headers as they are packed in one byte order (PS3.5 7.1.2, 7.1.3, 7.5)."""

    short: struct.Struct
    item: struct.Struct
    length: struct.Struct


FORMS = {
    little: Forms(*(struct.Struct(order + form) for form in ("HH2sH", "HHL", "L")))
    for little, order in ((True, "<"), (False, ">"))
}


class Leaf(NamedTuple):
    """One element."""

    tag: int
    vr: str
    """The file's, where it names one; the dictionary's for others; LO for what nobody knows."""
    value: bytes
    encodings: tuple[str, ...]
    """Python's names of the character sets in force."""

    @property
    def texts(self) -> list[str]:
        """The values as texts, without padding."""
        if self.vr in CODED or (self.value.isascii() and b"\x1b" not in self.value):
            text = self.value.decode("latin-1")
        else:
            text = _decoded(self)
        texts = [text] if self.vr in ONE_VALUE else text.split("\\")
        return [each.strip(" \0") for each in texts]


def _decoded(leaf: Leaf) -> str:
    """Decode text that is not plain ASCII; each group of a name begins anew (PS3.5 6.2.1.2)."""
    if leaf.vr != "PN":
        return decode_bytes(leaf.value, leaf.encodings, TEXT_VR_DELIMS)
    groups = (decode_bytes(group, leaf.encodings, PN_DELIMS) for group in leaf.value.split(b"="))
    return "=".join(groups)


@dataclass(frozen=True, slots=True)
class Silence:
    """Where nothing was found, however often one looks."""

    leaves: set[Leaf | bytes] = field(default_factory=set)
    """Elements, and what may be base64."""
    stretches: dict[Hashable, Stretches[Leaf]] = field(default_factory=dict)
    """Elements as they are written, by encoding and character sets."""

    def written(self, *way: Hashable) -> Stretches[Leaf]:
        """Give the silent elements that are written so."""
        if way not in self.stretches and len(self.stretches) >= MOST_WAYS:
            self.stretches.clear()
        return self.stretches.setdefault(way, Stretches())


@dataclass(frozen=True, slots=True)
class Leaves:
    """
    The walk over one data set, in one encoding.

    It knows what this house writes and no more: every length is said, but that of encapsulated
    pixel data.
    """

    content: bytes
    implicit: bool
    little: bool
    outside: int = 0
    """Bytes of the last element's value that stand elsewhere."""
    silence: Silence = field(default_factory=Silence)
    """What is not given; seen again, it is passed in one step from then on."""

    def of(self, start: int) -> Iterator[Leaf]:
        """
        Give all of them but Pixel Data and what is silent, from `start` to the end.

        Raises
        ------
        NotVerified
            The elements do not end where what they stand in does.

        """
        yield from self._of_level(start, len(self.content), DEFAULT, 0)

    def _of_level(
        self, position: int, end: int, sets: tuple[str, ...], depth: int
    ) -> Iterator[Leaf]:
        silent = self.silence.written(self.implicit, self.little, sets)
        passed: list[Stretch[Leaf]] = []
        while position < end:
            if stretch := silent.at(self.content, position, end):
                passed.append(stretch)
                position += len(stretch.content)
                continue
            silent.join(passed)
            tag, vr, length, value = self._header(position)
            if tag == PIXEL_DATA:
                position = self._end_of_pixels(value, length, end)
                continue
            start, position = position, _within(value + length, end)
            if vr == "SQ":
                yield from self._of_items(value, position, sets, depth + 1)
                continue
            leaf = Leaf(tag, vr, self.content[value:position], sets)
            if tag == CHARACTER_SET:
                sets = tuple(convert_encodings(leaf.texts))
                silent = self.silence.written(self.implicit, self.little, sets)
            if leaf not in self.silence.leaves:
                yield leaf
            elif tag != CHARACTER_SET:
                silent.learn(self.content, start, position)
        silent.join(passed)

    def _of_items(
        self, position: int, end: int, sets: tuple[str, ...], depth: int
    ) -> Iterator[Leaf]:
        if depth > DEEPEST:
            raise NotVerified("sequences are nested too deep")
        while position < end:
            group, element, length = FORMS[self.little].item.unpack_from(self.content, position)
            position += HEADER
            if group << 16 | element != ITEM or position + length > end:
                raise NotVerified("a sequence holds something that is no item")
            yield from self._of_level(position, position + length, sets, depth)
            position += length

    def _header(self, position: int) -> tuple[int, str, int, int]:
        """Give tag, VR, length and the offset of the value."""
        forms, content = FORMS[self.little], self.content
        if self.implicit:
            group, element, length = forms.item.unpack_from(content, position)
            tag = group << 16 | element
            return tag, _known(tag), length, position + HEADER
        group, element, written, length = forms.short.unpack_from(content, position)
        tag, value = group << 16 | element, position + HEADER
        if written in LONG_FORM:
            (length,) = forms.length.unpack_from(content, value)
            value += 4
        vr = NAMES.get(written) or (_known(tag) if written == b"UN" else written.decode("latin-1"))
        return tag, vr, length, value

    def _end_of_pixels(self, value: int, length: int, end: int) -> int:
        """Give where native pixel data or the fragments of encapsulated ones end (PS3.5 A.4)."""
        if length != UNDEFINED:
            if value + length > end and value + length != len(self.content) + self.outside:
                raise NotVerified("pixel data are longer than what they stand in")
            return value + length
        if value == len(self.content) and self.outside:
            return value + self.outside
        position = fragments_end(self.content, value, little=self.little)
        if position > end:
            raise NotVerified("pixel data are longer than what they stand in")
        return position


def fragments_end(content: bytes | memoryview, position: int, *, little: bool) -> int:
    """Give where encapsulated pixel data end, behind their delimiter or with the bytes."""
    tag = ITEM
    while tag == ITEM and position < len(content):
        group, element, length = FORMS[little].item.unpack_from(content, position)
        tag, position = group << 16 | element, position + HEADER + length
    if tag not in {ITEM, SEQUENCE_END}:
        raise NotVerified("encapsulated pixel data hold something that is no fragment")
    return position


def _within(position: int, end: int) -> int:
    """Give where an element ends, if it is within what it stands in."""
    if position > end:
        raise NotVerified("an element is longer than what it stands in")
    return position


def _known(tag: int) -> str:
    return first_known(tag) or "LO"
