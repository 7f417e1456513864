"""Small repairs of how elements are written, so that what leaves is valid (PS3.5 6.2, A.4)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from pydicom.dataelem import DataElement, RawDataElement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.tag import BaseTag

PIXEL_DATA = 0x7FE00010
UNDEFINED = 0xFFFFFFFF
ITEM_HEADER = 8
STRINGS = frozenset({"AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UI", "UT"})
"""Of ASCII texts these are written as they are, joined."""
PADDED_WITH_NUL = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UI", "UN"})


def valid(element: DataElement | RawDataElement) -> DataElement | RawDataElement:
    """
    Give a raw element an even length, and encapsulated pixel data the VR OB and even fragments.

    Some devices write odd lengths and OW; a viewer that reads by the book then loses its place.
    """
    if int(element.tag) == PIXEL_DATA and is_encapsulated(element):
        fragments = _even_fragments(element.value or b"")
        return DataElement(PIXEL_DATA, "OB", fragments, is_undefined_length=True)
    if not isinstance(element, RawDataElement) or element.value is None:
        return element
    if len(element.value) % 2 == 0:
        return element
    padding = b"\0" if element.VR in PADDED_WITH_NUL else b" "
    value = b"".join((element.value, padding))
    return element._replace(value=value, length=len(value))


def of_texts(
    tag: BaseTag,
    vr: str,
    texts: Sequence[str],
    encoding: tuple[bool, bool] | tuple[None, None],
) -> DataElement | RawDataElement:
    """Give an element with these values: as its bytes, where they are plain."""
    content = "\\".join(texts)
    if vr not in STRINGS or not content.isascii():
        return DataElement(tag, vr, list(texts) if len(texts) > 1 else texts[0])
    implicit, little = bool(encoding[0]), encoding[1] is not False
    return valid(RawDataElement(tag, vr, len(content), content.encode(), 0, implicit, little))


def is_encapsulated(element: DataElement | RawDataElement) -> bool:
    """Tell whether pixel data stand in fragments (PS3.5 A.4)."""
    if isinstance(element, RawDataElement):
        return element.length == UNDEFINED
    return element.is_undefined_length


def _even_fragments(encapsulated: bytes) -> bytes:
    """Pad each fragment of odd length (PS3.5 A.4); most data have none and stay as they are."""
    parts, position, odd = [], 0, False
    while position + ITEM_HEADER <= len(encapsulated):
        length = struct.unpack_from("<L", encapsulated, position + 4)[0]
        end = position + ITEM_HEADER + length
        parts.append((position, end))
        odd = odd or bool(length % 2)
        position = end
    if not odd:
        return encapsulated
    return b"".join(_even(encapsulated[start:end]) for start, end in parts)


def _even(item: bytes) -> bytes:
    """
    Pad one fragment with its header.

    The offset table may then point a byte or so beside a frame; with one frame it does not, and
    with several an odd fragment is against the standard everywhere, so its table is not trusted.
    """
    length = len(item) - ITEM_HEADER
    if length % 2 == 0:
        return item
    return item[:4] + struct.pack("<L", length + 1) + item[ITEM_HEADER:] + b"\0"
