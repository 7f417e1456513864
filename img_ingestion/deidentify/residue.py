"""
The last look: the file as it would leave, searched with this patient's identifiers in hand.

It reads the written bytes again and trusts nothing that the pass over the header said of itself.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pydicom

from img_ingestion.deidentify.identifiers import elements
from img_ingestion.errors import NotVerified, turned_into

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataelem import DataElement

    from img_ingestion.deidentify.free_text import Cleaner
    from img_ingestion.instance import Identifiers

SHORTEST_IN_BYTES = 6
"""Shorter ones turn up in compressed pixels by chance: 6 bytes in 10 MB, once in 10^7 files."""
TEXT = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT", "AS"})
COUNTS = frozenset({"DS", "IS"})
DIGITS = frozenset(bytes([code]) for code in b"0123456789.")
ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be")


def check(content: bytes, found: Identifiers, cleaner: Cleaner) -> None:
    """
    Raise if anything that identifies the patient is still in a Part 10 file.

    Parameters
    ----------
    content : bytes
        The whole file, as it would leave.
    found : Identifiers
        Of the original.
    cleaner : Cleaner
        Compiled from `found`.

    Raises
    ------
    NotVerified
        Naming the element, never what was found in it.

    """
    with turned_into(NotVerified, "reading the cleaned file again"):
        if any(content[:128]):
            raise NotVerified("the preamble is not zero")
        dataset = pydicom.dcmread(BytesIO(content))
        meta = set(map(str, (element.value for element in dataset.file_meta)))
        if meta & found.uids:
            raise NotVerified("file meta information: an original UID was still there")
        for element in elements(dataset):
            _check_element(element, found, cleaner)
    _check_bytes(content, found, cleaner)


def _check_element(element: DataElement, found: Identifiers, cleaner: Cleaner) -> None:
    name = element.keyword or str(element.tag)
    values = list(element.value) if element.VM > 1 else [element.value]
    texts = [str(value) for value in values if value is not None]
    if element.VR == "UI":
        if found.uids.intersection(texts):
            raise NotVerified(f"{name}: an original UID was still there")
    elif element.VR in COUNTS:
        if any(map(cleaner.is_number, texts)):
            raise NotVerified(f"{name}: an identifying number was still there")
    elif element.VR in TEXT and any(map(cleaner.finds, texts)):
        raise NotVerified(f"{name}: an identifier was still there")


def _check_bytes(content: bytes, found: Identifiers, cleaner: Cleaner) -> None:
    """Search every byte, pixel data and comments of codestreams too, whatever element it is in."""
    lowered = content.lower()
    for needle in _needles(found, cleaner):
        start = lowered.find(needle)
        while start >= 0:
            if not needle.isdigit() or _stands_alone(lowered, start, start + len(needle)):
                raise NotVerified("an identifier was still there, outside any text element")
            start = lowered.find(needle, start + 1)


def _stands_alone(content: bytes, start: int, end: int) -> bool:
    """Tell a number from a part of a longer one: of a UID, of a decimal string."""
    return content[start - 1 : start] not in DIGITS and content[end : end + 1] not in DIGITS


def _needles(found: Identifiers, cleaner: Cleaner) -> Iterator[bytes]:
    for text in (*filter(cleaner.is_sure, found.names), *found.numbers, *found.phrases):
        if len(text) >= SHORTEST_IN_BYTES:
            for encoding in ENCODINGS:
                yield text.encode(encoding)
