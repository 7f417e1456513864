"""
A data set as it stands in a file: elements raw, uncompressed pixel data a view of the bytes.

The same as pydicom reads, in a walk that tells a whole file from half a one. What pydicom reads in
a way of its own (deflated, without a prefix, in another encoding than the file says) is left to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

from pydicom.charset import convert_encodings
from pydicom.dataelem import DataElement, RawDataElement, empty_value_for_VR
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.filereader import read_sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)
from pydicom.values import convert_string

from img_ingestion.attribute import tag_of
from img_ingestion.errors import Incomplete
from img_ingestion.extent import LONG_FORM, PIXEL_DATA, SHORT_FORM, UNDEFINED, Walk, value_end
from img_ingestion.stretches import Stretch, Stretches

if TYPE_CHECKING:
    from pydicom.tag import BaseTag

    Element = DataElement | RawDataElement
    Elements = dict[BaseTag, Element]
    Tagged = tuple[BaseTag, "RawDataElement | Place"]

PREAMBLE, PREFIX = 128, b"DICM"
CHARACTER_SET, TRANSFER_SYNTAX = 0x00080005, 0x00020010
"""Plain numbers: pydicom compares its tags in Python."""
DEFAULT = "iso8859"
WORTH_A_VIEW = 4096
DELIMITER = 8
"""Bytes of the one behind fragments."""
FRAGMENTS, SEQUENCES = frozenset({"OB", "OW"}), frozenset({"SQ", "UN"})
REPRESENTATIONS = {b"": None} | {vr: vr.decode() for vr in LONG_FORM | SHORT_FORM}
EMPTY = {vr: empty_value_for_VR(vr, raw=True) for vr in REPRESENTATIONS.values()}
ENCODINGS = 4
SPECIAL = frozenset({CHARACTER_SET, PIXEL_DATA})
GROUPS = frozenset({0x0000, 0x0002, 0xFFFE})
"""Of commands, of the file meta information and of delimiters: no data set has them."""


def dataset(content: bytes, start: int, syntax: str) -> FileDataset | None:
    """
    Give the data set of a Part 10 file, or None where pydicom has to read it.

    Parameters
    ----------
    content : bytes
        The file.
    start : int
        Where its data set begins.
    syntax : str
        UID of the transfer syntax.

    Raises
    ------
    Incomplete, NotDicom
        As `extent.check`.

    """
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    prefixed = content[PREAMBLE : PREAMBLE + len(PREFIX)] == PREFIX
    first = content[start + 4 : start + 6]
    explicit = first.isalpha() and first.isupper()
    if not prefixed or syntax == DeflatedExplicitVRLittleEndian or explicit is implicit:
        return None
    elements = Found(content, implicit, little).elements(start)
    if elements is None or not GROUPS.isdisjoint({tag >> 16 for tag in elements}):
        return None
    meta = FileMetaDataset(_file_meta(content[:start], syntax))
    meta.set_original_encoding(is_implicit_vr=False, is_little_endian=True)
    found = FileDataset(BytesIO(), elements, content[:PREAMBLE], meta, implicit, little)
    sets = found.get(CHARACTER_SET)
    encodings = DEFAULT if sets is None else convert_encodings(sets.value)
    found.set_original_encoding(implicit, little, encodings)
    return found


def _file_meta(content: bytes, syntax: str) -> Elements:
    """Give the file meta information, its transfer syntax as it was understood."""
    elements = Found(content, implicit=False, little=True).elements(PREAMBLE + len(PREFIX)) or {}
    tag = tag_of(TRANSFER_SYNTAX)
    elements[tag] = DataElement(tag, "UI", UID(syntax))
    return elements


class Place(NamedTuple):
    """Where the value of an element stands that is more than its bytes."""

    vr: str | None
    length: int
    value: int
    end: int
    """Behind the value, and behind its delimiter where the length is UNDEFINED."""


@dataclass(frozen=True, slots=True)
class Found:
    """The bytes, and how their elements are encoded."""

    content: bytes
    implicit: bool
    little: bool

    def elements(self, start: int) -> Elements | None:
        """Give all from `start` to the end, or None where pydicom has to read one of them."""
        found, special = self._walked(start)
        elements: dict[BaseTag, Any] = dict(found)
        encodings: Any = DEFAULT
        for tag, each in special:
            if isinstance(each, RawDataElement):
                encodings = convert_encodings(convert_string(each.value or b"", self.little))
                continue
            element = self._unusual(tag, each, encodings)
            if element is None:
                return None
            if elements[tag] is each:
                elements[tag] = element
        return elements

    def _walked(self, start: int) -> tuple[list[Tagged], list[Tagged]]:
        """Give elements under their tags, and those of them that are more than their bytes."""
        content, end = self.content, len(self.content)
        if start >= end:
            raise Incomplete("the file ends before its data set begins")
        walk, known = Walk(content, self.implicit, self.little), _known(self.implicit, self.little)
        found: list[Tagged] = []
        special: list[Tagged] = []
        passed: list[Stretch[Tagged]] = []
        position = start
        while position < end:
            stretch = known.at(content, position, end)
            if stretch:
                passed.append(stretch)
                found += stretch.made
                position += len(stretch.content)
                continue
            known.join(passed)
            header = number, _, length, _ = walk.header(position)
            behind = value_end(walk, header, end)
            each = self._element(*header, behind)
            found.append(each)
            if number in SPECIAL or length == UNDEFINED:
                special.append(each)
            else:
                known.learn(content, position, behind, each)
            position = behind
        known.join(passed)
        return found, special

    def _element(self, number: int, written: bytes, length: int, value: int, end: int) -> Tagged:
        """Give an element, or where it stands if it is more than its bytes."""
        tag, vr = tag_of(number), REPRESENTATIONS[written]
        if length == UNDEFINED or number == PIXEL_DATA:
            return tag, Place(vr, length, value, end)
        given: Any = self.content[value:end] or EMPTY[vr]
        return tag, RawDataElement(tag, vr, length, given, value, self.implicit, self.little)

    def _unusual(self, tag: BaseTag, place: Place, encodings: Any) -> Element | None:  # noqa: ANN401 - as pydicom has it
        """Give pixel data, or a sequence whose end is marked."""
        vr = place.vr
        if tag != PIXEL_DATA:
            return self._sequence(tag, place, encodings) if vr in SEQUENCES else None
        value: Any = self.content
        end = place.end
        if place.length == UNDEFINED:
            if vr not in FRAGMENTS:
                return None
            end -= DELIMITER
        elif place.length >= WORTH_A_VIEW:
            value = memoryview(value)
        value = value[place.value : end] if end > place.value else EMPTY[vr]
        return RawDataElement(tag, vr, place.length, value, place.value, self.implicit, self.little)

    def _sequence(self, tag: BaseTag, place: Place, encodings: Any) -> DataElement | None:  # noqa: ANN401 - as above
        """Read a sequence to its items' raw elements."""
        stream = BytesIO(self.content)
        stream.seek(place.value)
        items = read_sequence(stream, self.implicit, self.little, UNDEFINED, encodings)
        if stream.tell() != place.end:
            return None
        return DataElement(tag, "SQ", items, place.value, is_undefined_length=True)


@lru_cache(maxsize=ENCODINGS)
def _known(implicit: bool, little: bool) -> Stretches[Tagged]:  # noqa: ARG001, FBT001 - what makes it another
    """Give what was found before in this encoding."""
    return Stretches()
