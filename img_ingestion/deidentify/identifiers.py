"""What identifies the patient: collected from the original data set, at every nesting level."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from pydicom._uid_dict import UID_dictionary
from pydicom.dataelem import RawDataElement

from img_ingestion.attribute import first_known
from img_ingestion.deidentify import profile, representation, written_dates
from img_ingestion.deidentify.action import Action
from img_ingestion.deidentify.dates import DA
from img_ingestion.deidentify.dicom_words import DICOM_WORDS
from img_ingestion.deidentify.pseudonyms import names_a_class
from img_ingestion.deidentify.said import BIRTH_DATE, NUMBERS, said, tags
from img_ingestion.deidentify.tables import rows
from img_ingestion.deidentify.text_forms import LETTERS, WORD, folded, is_unspaced, spellings
from img_ingestion.deidentify.vocabulary import is_clinical, listed
from img_ingestion.instance import Identifiers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

    from img_ingestion.deidentify.said import Said
    from img_ingestion.settings import Profile


NOT_PLACES = tags("TimezoneOffsetFromUTC", "PatientState", "MilitaryRank")

TEXT = frozenset({"AE", "LO", "LT", "SH", "ST", "UC", "UR", "UT"})
PARTS_OF_NAME = re.compile("[=^]")
SHORTEST_NAME = 2
SHORTEST_NUMBER = 4
SHORTEST_UNNAMED_NUMBER = 5
ALONE = re.compile(r"\d{6,}")
"""Digits of a number that has letters, where they stand without them."""
SHORTEST_PHRASE = 5
SHORTEST_PLACE = 3
GENERIC_PLACES = listed("generic_places")
FUNCTION_WORDS = listed("function_words")


@cache
def identity_tags() -> frozenset[int]:
    """
    Give the text elements whose value is an identity: Table E.1-1 removes or replaces them.

    Not those that the options clean or keep: descriptions and characteristics are texts with an
    identity in them at most.
    """
    prose = {"CleanDescriptors", "CleanStructuredContent", "RetainPatientCharacteristics"}
    return (
        frozenset(
            tag
            for tag, row in rows().items()
            if (row.vr or first_known(tag)) in TEXT and not prose & set(row.options)
        )
        - NOT_PLACES
    )


@dataclass(slots=True)
class _Found:
    """What has been found so far."""

    names: set[str] = field(default_factory=set)
    numbers: set[str] = field(default_factory=set)
    phrases: set[str] = field(default_factory=set)
    dates: set[str] = field(default_factory=set)
    uids: set[str] = field(default_factory=set)
    places: set[str] = field(default_factory=set)
    births: set[str] = field(default_factory=set)

    def frozen(self) -> Identifiers:
        return Identifiers(
            frozenset(self.names),
            frozenset(self.numbers),
            frozenset(self.phrases),
            frozenset(self.dates),
            frozenset(self.uids),
            frozenset(self.places),
            frozenset(self.births),
        )


@lru_cache(maxsize=64)
def retained(options: Profile) -> frozenset[int]:
    """Give the tags that an option in force lets stay: they are no secret of this instance."""
    return frozenset(tag for tag, act in profile.actions(options).items() if act is Action.K)


def collect(dataset: Dataset, retained: frozenset[int] = frozenset()) -> Identifiers:
    """Collect what identifies from a data set and its items, as `among` does."""
    return among(said(dataset), retained)


def among(header: Iterable[Said], retained: frozenset[int] = frozenset()) -> Identifiers:
    """
    Collect names, numbers, phrases, places, dates and instance UIDs, folded for comparison.

    Elements whose tag is in `retained` are passed over.

    A name of words that DICOM itself uses and nothing else (HEAD^PHANTOM) is nobody's: cutting
    such words would hurt the text and protect nobody; the name's element itself is replaced anyway.
    """
    found = _Found()
    for each in header:
        if each.tag not in retained:
            _collect_one(*each, found)
    return found.frozen()


def _collect_one(
    dataset: Dataset, raw: DataElement | RawDataElement, tag: int, vr: str, found: _Found
) -> None:
    if vr == "UI":
        found.uids.update(_uids(raw, tag))
    elif vr in {"DA", "DT"} or tag == BIRTH_DATE:
        days = tuple(_days(raw))
        found.dates.update(days)
        if tag == BIRTH_DATE:
            found.births.update(days)
    elif vr == "PN" or tag in NUMBERS or (vr in TEXT and tag in identity_tags()):
        for text in representation.texts_of(dataset, raw):
            told = _told(vr, tag if tag in NUMBERS else 0, text)
            found.names |= told.names
            found.numbers |= told.numbers
            found.phrases |= told.phrases
            found.places |= told.places


@lru_cache(maxsize=2048)
def _told(vr: str, number: int, text: str) -> Identifiers:
    """Say what one value tells; most are the same in all files of a study."""
    found = _Found()
    _take(vr, number, text, found)
    return found.frozen()


def _take(vr: str, tag: int, text: str, found: _Found) -> None:
    """Take one value of an element that identifies."""
    if vr == "PN":
        found.names.update(_name_words(text))
        for part in PARTS_OF_NAME.split(text):
            # Many sites write the record's number where the name belongs.
            if any(map(str.isdigit, part)):
                _add_number(part, found, SHORTEST_NUMBER)
    elif tag in NUMBERS:
        _add_number(text, found, SHORTEST_NUMBER)
    else:
        _add_identity(text, found)


def texts_of(element: DataElement) -> list[str]:
    """Give the values of an element as texts; none where there is no value."""
    if element.value is None:
        return []
    values = list(element.value) if element.VM > 1 else [element.value]
    return [str(value) for value in values]


def _uids(raw: DataElement | RawDataElement, tag: int) -> Iterator[str]:
    if not names_a_class(tag):
        for text in _coded(raw):
            if "." in text and text not in UID_dictionary:
                yield text


def _days(raw: DataElement | RawDataElement) -> Iterator[str]:
    for text in _coded(raw):
        match = DA.match(text)
        if match:
            yield "".join(match[part] for part in "ymd")
        elif text:
            yield from (day for _, day in written_dates.dates(text))


def _coded(raw: DataElement | RawDataElement) -> list[str]:
    """Give the values of UI, DA and DT, which are ASCII in every character set (PS3.5 6.1.1)."""
    value = raw.value
    if isinstance(value, bytes):
        return [text.strip(" \0") for text in value.decode("latin-1").split("\\")]
    return [] if isinstance(raw, RawDataElement) else texts_of(raw)


def _name_words(name: str) -> Iterator[str]:
    """Give the words of a name and each component without its separators: O'Brien, OBrien."""
    for form in spellings(name):
        found = LETTERS.findall(form)
        if DICOM_WORDS.issuperset(found) and not FUNCTION_WORDS.issuperset(found):
            continue
        groups = form.split("=")
        parts = ("".join(LETTERS.findall(part)) for group in groups for part in group.split("^"))
        # Whole too: in scripts without spaces a surname of one character stands only in it.
        whole = ("".join(LETTERS.findall(group)) for group in groups)
        for word in (*found, *parts, *whole):
            if len(word) >= SHORTEST_NAME or is_unspaced(word):
                yield word


def _add_number(text: str, found: _Found, shortest: int) -> None:
    """Tell a number that identifies from a short counter (Study ID `1`) or a plain word."""
    number = " ".join(WORD.findall(folded(text)))
    joined = number.replace(" ", "")
    if len(joined) >= shortest and number not in DICOM_WORDS and len(set(joined)) > 1:
        found.numbers.add(number)
        # ZQ-4711234 is called 4711234 too.
        found.numbers.update(ALONE.findall(joined))


def _add_identity(text: str, found: _Found) -> None:
    """Take an institution, a station, an address or the like, as a whole and in parts."""
    form = folded(text.strip(" \0"))
    for part in (form, *form.split(",")):
        words = WORD.findall(part)
        joined = "".join(words)
        if len(joined) < SHORTEST_PHRASE or len(set(joined)) < SHORTEST_PLACE:
            continue
        ordinary = len(words) == 1 or all(_is_ordinary(word) for word in words)
        if not ordinary:
            found.phrases.add(part.strip())
        elif any(map(str.isdigit, joined)) and sum(map(str.isdigit, joined)) >= SHORTEST_NUMBER:
            _add_number(part, found, SHORTEST_UNNAMED_NUMBER)
        else:
            found.places.add(part.strip())
    for word in LETTERS.findall(form):
        if len(word) >= SHORTEST_PLACE and not _is_ordinary(word):
            found.places.add(word)


def _is_ordinary(word: str) -> bool:
    return is_clinical(word) or word in GENERIC_PLACES or word.isdigit()
