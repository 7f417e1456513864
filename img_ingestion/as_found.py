"""
A data set as it stands in a file: elements raw, uncompressed pixel data a view of the bytes.

The same as pydicom reads, from places that are known already. What it reads in a way of its own
(deflated, without a prefix, in another encoding than the file says) is left to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

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
from img_ingestion.extent import LONG_FORM, PIXEL_DATA, SHORT_FORM, UNDEFINED, Place, check

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydicom.tag import BaseTag

    Element = DataElement | RawDataElement
    Elements = dict[BaseTag, Element]

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
GROUPS = frozenset({0x0000, 0x0002, 0xFFFE})
"""Of commands, of the file meta information and of delimiters: no data set has them."""


def dataset(content: bytes, start: int, places: Sequence[Place], syntax: str) -> FileDataset | None:
    """
    Give the data set of a Part 10 file, or None where pydicom has to read it.

    Parameters
    ----------
    content : bytes
        The file.
    start : int
        Where its data set begins.
    places : sequence of Place
        Where the elements of it stand.
    syntax : str
        UID of the transfer syntax.

    """
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    prefixed = content[PREAMBLE : PREAMBLE + len(PREFIX)] == PREFIX
    first = content[start + 4 : start + 6]
    explicit = first.isalpha() and first.isupper()
    if not prefixed or syntax == DeflatedExplicitVRLittleEndian or explicit is implicit:
        return None
    if not GROUPS.isdisjoint({place.tag >> 16 for place in places}):
        return None
    elements = Found(content, implicit, little).elements(places)
    if elements is None:
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
    places = check(content, PREAMBLE + len(PREFIX), implicit=False, little=True)
    elements = Found(content, implicit=False, little=True).elements(places) or {}
    tag = tag_of(TRANSFER_SYNTAX)
    elements[tag] = DataElement(tag, "UI", UID(syntax))
    return elements


@dataclass(frozen=True, slots=True)
class Found:
    """The bytes, and how their elements are encoded."""

    content: bytes
    implicit: bool
    little: bool

    def elements(self, places: Iterable[Place]) -> Elements | None:
        """Give the elements, or None where one is of a kind that pydicom has to read."""
        found: Elements = {}
        encodings: Any = DEFAULT
        for place in places:
            number, written, length, start, end = place
            tag, vr = tag_of(number), REPRESENTATIONS[written]
            if length == UNDEFINED or number == PIXEL_DATA:
                element = self._unusual(tag, place, encodings)
                if element is None:
                    return None
                found[tag] = element
                continue
            value: Any = self.content[start:end] or EMPTY[vr]
            found[tag] = RawDataElement(tag, vr, length, value, start, self.implicit, self.little)
            if number == CHARACTER_SET:
                encodings = convert_encodings(convert_string(value or b"", self.little))
        return found

    def _unusual(self, tag: BaseTag, place: Place, encodings: Any) -> Element | None:  # noqa: ANN401 - as pydicom has it
        """Give pixel data, or a sequence whose end is marked."""
        vr = REPRESENTATIONS[place.vr]
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
