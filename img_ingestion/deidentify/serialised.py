"""
A data set as bytes: what nobody touched goes out as it came in, pixel data without a copy.

pydicom writes what has to be encoded. What is still raw is joined here, which is most of a file:
pydicom would decode and encode it all wherever an item's character set is inherited.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from io import BytesIO
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import pydicom
from pydicom.charset import convert_encodings
from pydicom.dataelem import RawDataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr, write_data_element
from pydicom.uid import DeflatedExplicitVRLittleEndian
from pydicom.valuerep import AMBIGUOUS_VR, PersonName

from img_ingestion.deidentify.written_form import STRINGS, is_encapsulated
from img_ingestion.extent import LONG_FORM, SHORT_FORM, UNDEFINED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset, FileMetaDataset

    Element = DataElement | RawDataElement
    Content = bytes | memoryview
    Encodings = list[str]

PREAMBLE = bytes(128) + b"DICM"
PIXEL_DATA = 0x7FE00010
CHARACTER_SET = 0x00080005
WORTH_A_SPLICE = 4096
DEFAULT = ["iso8859"]
WRITTEN: Mapping[str | None, bytes] = {vr.decode(): vr for vr in LONG_FORM | SHORT_FORM}
LONGEST_SHORT = 0xFFFF
ITEM, DELIMITER = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
FORMS = {
    little: tuple(struct.Struct(order + form) for form in ("HHL", "HH2sH", "HH2sHL"))
    for little, order in ((True, "<"), (False, ">"))
}
"""Headers of elements: implicit, explicit and short, explicit and long (PS3.5 7.1.2, 7.1.3)."""


def parts(dataset: Dataset) -> tuple[Content, ...]:
    """
    Give a Part 10 file: all of it, or what is before the pixels, the pixels, and what is behind.

    The preamble is zero (PS3.10 7.1) and the group length is right.
    """
    meta = dataset.file_meta
    syntax = meta.TransferSyntaxUID
    if syntax == DeflatedExplicitVRLittleEndian:
        out = BytesIO()
        dataset.preamble = PREAMBLE[:128]
        pydicom.dcmwrite(out, dataset, enforce_file_format=True)
        return (out.getvalue(),)
    written = Written(syntax.is_implicit_VR, syntax.is_little_endian)
    head: list[Content] = [_file_meta(meta)]
    tail: list[Content] = []
    for part in written.level(dataset, DEFAULT):
        (tail if tail or isinstance(part, memoryview) else head).append(part)
    if not tail or len(tail[0]) < WORTH_A_SPLICE:
        return (b"".join((*head, *tail)),)
    return b"".join(head), tail[0], b"".join(tail[1:])


def _file_meta(meta: FileMetaDataset) -> bytes:
    """Give preamble, prefix and file meta information with its group length (PS3.10 7.1)."""
    body = b"".join(Written(implicit=False, little=True).elements(meta, DEFAULT))
    length = FORMS[True][1].pack(2, 0, b"UL", 4) + len(body).to_bytes(4, "little")
    return PREAMBLE + length + body


def as_raw(element: Element, implicit: bool, little: bool) -> RawDataElement | None:  # noqa: FBT001 - in pydicom's order
    """Give an element as its bytes; None where only pydicom can write it."""
    if isinstance(element, RawDataElement):
        return element
    if element.VR == "SQ":
        return None
    value = Written(implicit, little).value(int(element.tag), element, DEFAULT)
    if value is None:
        return None
    value = bytes(value)
    return RawDataElement(element.tag, element.VR, len(value), value, 0, implicit, little)


class Encoded(RawDataElement):
    """An element that was written once, for all files that it stands in."""

    content: bytes
    """Header and value."""
    encoding: tuple[bool, bool]
    """Whether it is implicit VR, and little endian."""


def encoded(raw: RawDataElement) -> RawDataElement:
    """Write an element, if only its bytes are to be written."""
    writer, tag = Written(raw.is_implicit_VR, raw.is_little_endian), int(raw.tag)
    value = writer.value(tag, raw, DEFAULT)
    header = b"" if value is None else writer.header(tag, raw, len(value))
    if value is None or not header:
        return raw
    written = Encoded(*raw)
    written.content, written.encoding = header + value, (writer.implicit, writer.little)
    return written


@dataclass(frozen=True, slots=True)
class Written:
    """One encoding."""

    implicit: bool
    little: bool

    def level(self, dataset: Dataset, inherited: Encodings) -> Iterator[Content]:
        """Give the bytes of a data set or of an item; of Pixel Data a view of its value."""
        encodings = inherited
        if CHARACTER_SET in dataset:
            encodings = convert_encodings(dataset[CHARACTER_SET].value)
        return self.elements(self._readable(dataset, encodings), encodings)

    def elements(self, dataset: Dataset, encodings: Encodings) -> Iterator[Content]:
        """Give the bytes of the elements, in the order of their tags."""
        encoding = self.implicit, self.little
        # Plain numbers: pydicom compares its tags in Python.
        numbers = zip(map(int, dataset.keys()), dataset.values(), strict=True)
        for tag, element in sorted(numbers, key=itemgetter(0)):
            if not tag & 0xFFFF:
                continue
            if type(element) is Encoded and element.encoding == encoding:
                yield element.content
                continue
            value = self.value(tag, element, encodings)
            header = b"" if value is None else self.header(tag, element, len(value))
            if value is None or not header:
                out = DicomBytesIO()
                out.is_implicit_VR, out.is_little_endian = self.implicit, self.little
                write_data_element(out, element, encodings)
                yield out.getvalue()
                continue
            yield header
            yield value
            if tag == PIXEL_DATA and is_encapsulated(element):
                yield FORMS[self.little][0].pack(*DELIMITER, 0)

    def _readable(self, dataset: Dataset, encodings: Encodings) -> Dataset:
        """Decode what is raw in another encoding than it will be read in."""
        known = dataset.original_character_set
        known = [known] if isinstance(known, str) else known
        as_read = dataset.original_encoding == (self.implicit, self.little) and known == encodings
        elements = list(dataset.values())
        raw = [] if as_read else [element.tag for element in elements if element.is_raw]
        written = {element.VR for element in elements}
        unclear = not self.implicit and not AMBIGUOUS_VR.isdisjoint(written)
        if raw or unclear:
            dataset = correct_ambiguous_vr(dataset, self.little)
        for tag in raw:
            dataset[tag]
        return dataset

    def value(
        self, tag: int, element: DataElement | RawDataElement, encodings: Encodings
    ) -> Content | None:
        """Give the value as bytes; None where pydicom must write it."""
        value: Any = element.value
        if tag == PIXEL_DATA:
            value = value or b""
            return memoryview(value if len(value) % 2 == 0 else bytes(value) + b"\0")
        if isinstance(element, RawDataElement):
            return None if element.length == UNDEFINED else value or b""
        if element.VR == "SQ":
            return b"".join(self._items(value or (), encodings))
        if element.VR == "OB" and isinstance(value, bytes):
            return value + b"\0" * (len(value) % 2)
        if element.VR == "PN" and isinstance(value, PersonName) and "=" not in str(value):
            value = str(value)
        content = _string(value) if element.VR in STRINGS else None
        if content is None or len(content) % 2 == 0:
            return content
        return content + (b"\0" if element.VR == "UI" else b" ")

    def _items(self, items: Iterable[Dataset], encodings: Encodings) -> Iterator[Content]:
        for item in items:
            content = b"".join(self.level(item, encodings))
            yield FORMS[self.little][0].pack(*ITEM, len(content))
            yield content

    def header(self, tag: int, element: DataElement | RawDataElement, length: int) -> bytes:
        """Give the header; nothing where the value is too long for its VR, or the VR not known."""
        implicit, short, long = FORMS[self.little]
        group, number, vr = tag >> 16, tag & 0xFFFF, WRITTEN.get(element.VR, b"")
        if tag == PIXEL_DATA and is_encapsulated(element):
            length = UNDEFINED
        if self.implicit:
            return implicit.pack(group, number, length)
        if vr in LONG_FORM:
            return long.pack(group, number, vr, 0, length)
        if vr in SHORT_FORM and length <= LONGEST_SHORT:
            return short.pack(group, number, vr, length)
        return b""


def _string(value: Iterable[str] | None) -> bytes | None:
    """Give the bytes of values that are ASCII."""
    texts = [value] if isinstance(value, str) else list(value or ())
    if not all(isinstance(text, str) and text.isascii() for text in texts):
        return None
    return "\\".join(texts).encode()
