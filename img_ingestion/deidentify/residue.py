"""
The last look: the file as it would leave, searched with this patient's identifiers in hand.

It reads the written bytes again and trusts nothing that the pass over the header said of itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING

import pydicom
from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag

from img_ingestion.deidentify import dates, representation
from img_ingestion.deidentify.defined_terms import prescribed
from img_ingestion.deidentify.identifiers import identity_tags, texts_of
from img_ingestion.deidentify.private import begins_documented, is_documented
from img_ingestion.deidentify.tables import rows
from img_ingestion.errors import NotVerified, turned_into

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataelem import DataElement, RawDataElement
    from pydicom.dataset import Dataset

    from img_ingestion.deidentify.free_text import Cleaner
    from img_ingestion.instance import Identifiers

SHORTEST_IN_BYTES = 6
"""Shorter ones turn up in compressed pixels by chance: 6 bytes in 10 MB, once in 10^7 files."""
TEXT = representation.TEXT | {"AS", "PN"}
COUNTS = frozenset({"DS", "IS"})
DAYS = frozenset({"DA", "DT"})
DIGITS = frozenset(bytes([code]) for code in b"0123456789.")
ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be")


@dataclass(frozen=True, slots=True)
class Sought:
    """What must not be in the file, and the means to find it."""

    found: Identifiers
    cleaner: Cleaner
    moved: frozenset[str] | None
    """Each original date as it comes out; None where dates stay."""

    def in_texts(self, vr: str, tag: int, texts: list[str]) -> str:
        """Say what of it stands in the values of an element, or nothing."""
        if vr == "UI":
            return "an original UID" if self.found.uids.intersection(texts) else ""
        if vr in DAYS:
            return "an original date" if any(map(self._is_original, texts)) else ""
        if vr in COUNTS:
            return "an identifying number" if any(map(self._counts, texts)) else ""
        prose = tag in _descriptors() or tag in identity_tags()
        free = (text for text in texts if not prescribed(tag, text))
        finds = any(self.cleaner.finds(text, prose=prose) for text in free)
        return "an identifier" if finds else ""

    def _is_original(self, text: str) -> bool:
        day = text[:10].replace(".", "").replace("-", "").replace("/", "")[:8]
        return self.moved is not None and day in self.found.dates and day not in self.moved

    def _counts(self, text: str) -> bool:
        number = re.sub(r"\D", "", text)
        return self.cleaner.is_number(text) and number not in (self.moved or ())


@cache
def _descriptors() -> frozenset[int]:
    """Give the elements that the Clean Descriptors Option is about: prose (PS3.15 E.3.5)."""
    return frozenset(tag for tag, row in rows().items() if "CleanDescriptors" in row.options)


def check(content: bytes, found: Identifiers, cleaner: Cleaner, days: int | None = None) -> None:
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
    days : int or None
        By how many days dates were moved; None where they were not.

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
        moved = None
        if days is not None:
            moved = frozenset(dates.shifted("DA", day, days) or "" for day in found.dates)
        _check_level(dataset, Sought(found, cleaner, moved))
    _check_bytes(content, found, cleaner)


def _check_level(dataset: Dataset, sought: Sought) -> None:
    """Look at every element of a level and of those below it, decoding only what must be."""
    for raw in list(dataset.values()):
        if raw.tag.is_private_creator and is_documented(dataset[raw.tag].value):
            # ELSCINT1 is a maker, and the name of some makers' test patients.
            continue
        vr = _representation(raw)
        if vr == "SQ":
            for item in dataset[raw.tag].value or ():
                _check_level(item, sought)
        elif vr in TEXT or vr in COUNTS or vr in DAYS or vr == "UI":
            said = sought.in_texts(vr, raw.tag, _texts(dataset, raw, vr))
            if said:
                name = keyword_for_tag(raw.tag) or str(raw.tag)
                raise NotVerified(f"{name}: {said} was still there")


def _representation(raw: DataElement | RawDataElement) -> str:
    """Give what an element is; SQ to descend, and LO for what nobody knows."""
    vr = raw.VR
    if vr is None or vr == "UN":
        vr = dictionary_VR(raw.tag).split(" ")[0] if dictionary_has_tag(raw.tag) else "LO"
    return str(vr)


def _texts(dataset: Dataset, raw: DataElement | RawDataElement, vr: str) -> list[str]:
    """Give the values as texts; bytes that are ASCII need no character set."""
    if isinstance(raw.value, bytes):
        text = raw.value.decode("latin-1")
        if vr not in TEXT or (text.isascii() and "\x1b" not in text):
            texts = [text] if vr in representation.ONE_VALUE else text.split("\\")
            return [each.strip(" \0") for each in texts]
    return texts_of(dataset[raw.tag])


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
        # A maker's name stands in its private creators, which are looked at as elements.
        if len(text) >= SHORTEST_IN_BYTES and not begins_documented(text):
            for encoding in ENCODINGS:
                yield text.encode(encoding)
