"""
What becomes of a single value, by its value representation (PS3.5 6.2).

A value that nothing touches stays raw and is written byte for byte. A value that is not what its
representation promises (a name in a number, a word in a date) is dropped, never kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement, RawDataElement

from img_ingestion import attribute
from img_ingestion.attribute import known
from img_ingestion.deidentify import private
from img_ingestion.deidentify.action import Action
from img_ingestion.deidentify.character_sets import written
from img_ingestion.deidentify.defined_terms import prescribed, printed_meanings
from img_ingestion.deidentify.dummies import DUMMIES, EMPTIED
from img_ingestion.deidentify.pseudonyms import names_a_class
from img_ingestion.deidentify.representation import (
    BYTES,
    CODED,
    ONE_VALUE,
    TEXT,
    TIMES,
    counted,
    is_code,
    is_private,
    overruns,
    texts_of,
    trusted,
)
from img_ingestion.deidentify.written_form import of_texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom.dataset import Dataset

    from img_ingestion.deidentify.free_text import Cleaner
    from img_ingestion.deidentify.patient import Patient

Element = DataElement | RawDataElement

NUMBERS = {
    "IS": re.compile(r"[+-]?\d{1,12}"),
    "DS": re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[nN]a[nN]"),
    "AS": re.compile(r"\d{1,3}[DWMY]?"),
}
LONGEST_COUNT = 4
"""Digits of a number that is not written as its attribute asks."""
UID = re.compile(r"[0-9]+(?:\.[0-9]+)*")

CODE_MEANING, SCHEME_DESIGNATOR = 0x00080104, 0x00080102
CODE = frozenset({0x00080100, SCHEME_DESIGNATOR, 0x00080103, 0x00080104, 0x00080119})
LOCAL_SCHEMES = frozenset({"L", "LOCAL"})
"""PS3.16 8.2: designators of local coding schemes begin with 99; older devices write L."""
WORDS = frozenset({"LO", "SH", "UC"})
PRODUCT = re.compile("Manufacturer|Model|Version|PartNumber|TransducerData")
"""In keywords: `5.7.1.1` is a version there and no address, `845d324` no record."""


@dataclass(frozen=True, slots=True)
class Values:
    """What can be done with one value of one patient."""

    patient: Patient
    cleaner: Cleaner
    dates: Action
    """SHIFT, K or X for dates and times that no rule names."""

    def changed(self, action: Action, source: Dataset, raw: Element) -> Element | None:
        """Do U, C, SHIFT or PSEUDONYM; None where the value does not allow it."""
        tag = int(raw.tag)
        if raw.VR in (None, "UN"):
            raw = source[raw.tag]
        if action is Action.PSEUDONYM:
            code = self.patient.code(tag, attribute.text(source, tag))
            return of_texts(raw.tag, str(raw.VR), [code], source.original_encoding)
        vr = str(raw.VR)
        if vr == "UI":
            return self.mapped(source, raw)
        if vr in TIMES:
            return self._each(source, raw, lambda text: self.patient.shifted(vr, text))
        if action is Action.C and vr in TEXT:
            clean = self.cleaner.cleaned
            return self._each(source, raw, lambda text: _never_empty(text, clean, vr))
        return None

    def mapped(self, source: Dataset, raw: Element) -> Element | None:
        """Replace each of one or several UIDs; their count stays."""
        tag = int(raw.tag)
        return self._each(source, raw, lambda text: self.patient.uid(tag, text) if text else "")

    def person(self, source: Dataset, raw: Element) -> Element:
        """Put a code for each person where a name must stand."""
        codes = [self.patient.person(name) for name in texts_of(source, raw)]
        return of_texts(raw.tag, "PN", codes, source.original_encoding)

    def kept(
        self, source: Dataset, raw: Element, text: Action, *, listed: bool = False
    ) -> Element | None:
        """
        Keep a value, as far as its representation lets it be kept.

        Parameters
        ----------
        source : Dataset
            The data set that has it.
        raw : DataElement or RawDataElement
            The element.
        text : Action
            C: its text is a descriptor; K: a coded or technical word, unless it is long free text.
        listed : bool
            A rule names this element; its UIDs, dates and long texts then stay.

        """
        if raw.VR is None or raw.VR == "UN":
            raw = source[raw.tag]
        tag = int(raw.tag)
        vr = trusted(tag, str(raw.VR))
        if not vr and (decimal := counted(tag, str(raw.VR))):
            return self._in_digits(source, raw, decimal)
        if vr in CODED:
            return self._coded(source, raw, vr, listed=listed)
        if vr in TEXT:
            prose = text is Action.C or (not listed and _may_be_prose(tag, vr))
            return self._text(source, raw, vr, prose=prose)
        if vr == "PN":
            return self.person(source, raw)
        if not vr or (vr in BYTES and not _may_be_bytes(tag, vr)):
            return None
        return raw

    def _text(self, source: Dataset, raw: Element, vr: str, *, prose: bool) -> Element | None:
        tag, texts = int(raw.tag), texts_of(source, raw)
        if vr == "CS" and overruns(texts):
            return None
        prose = prose or (vr == "CS" and not is_code(texts))
        standard = _is_standard_code(source, tag)
        if standard and tag == CODE_MEANING:
            clean = self._meaning
        else:
            clean = self.cleaner.cleaned if prose and not standard else self.cleaner.without_own
        return self._each(
            source, raw, lambda one: one if prescribed(tag, one) else _never_empty(one, clean, vr)
        )

    def _meaning(self, text: str) -> str:
        """Clean what a code means: a standard's words stay, `EFW by AC` and all; others may not."""
        clean = self.cleaner.cleaned(text)
        if clean == text or (text in printed_meanings() and self.cleaner.without_own(text) == text):
            return text
        return clean

    def private(self, source: Dataset, raw: Element, kind: str) -> Element | None:
        """Keep a private element as far as its kind and its values let it be kept (E.3.10)."""
        if not kind:
            return None
        if raw.VR in (None, "UN"):
            raw = source[raw.tag]
        vr = str(raw.VR)
        if kind != "listed" and not private.is_harmless(
            kind, vr, texts_of(source, raw), self.cleaner
        ):
            return None
        # What is curated has just been found clean, and its numbers are no records.
        text = Action.K if kind == "curated" else Action.C
        return None if vr == "SQ" else self.kept(source, raw, text)

    def _coded(self, source: Dataset, raw: Element, vr: str, *, listed: bool) -> Element | None:
        if vr == "UI":
            return self._uid(source, raw, listed=listed)
        if vr in TIMES:
            return self._time(source, raw, vr, Action.K if listed else self.dates)
        return self._number(source, raw, NUMBERS[vr])

    def _uid(self, source: Dataset, raw: Element, *, listed: bool) -> Element | None:
        tag = int(raw.tag)
        if not listed and not names_a_class(tag):
            return self.mapped(source, raw)
        return self._each(source, raw, lambda text: self._class(tag, text))

    def _class(self, tag: int, text: str) -> str | None:
        """Keep the UID of a class; some writers put an instance's where a class belongs."""
        if text in self.cleaner.uids and names_a_class(tag):
            return self.patient.uid(tag, text)
        return text if UID.fullmatch(text) else None

    def _time(self, source: Dataset, raw: Element, vr: str, action: Action) -> Element | None:
        if action is Action.X:
            return None
        if action is Action.K:
            proved: Callable[[str], str | None] = lambda text: (  # noqa: E731  one use, typed
                None if self.patient.shifted(vr, text) is None else text
            )
            return self._each(source, raw, proved)
        return self._each(source, raw, lambda text: self.patient.shifted(vr, text))

    def _number(self, source: Dataset, raw: Element, form: re.Pattern[str]) -> Element | None:
        def proved(text: str) -> str | None:
            if text and not form.fullmatch(text):
                return None
            if self.cleaner.is_number(text):
                # A date as Series Number: moved like any other, so that series stay apart.
                return (self.dates is Action.SHIFT and self.patient.shifted("DA", text)) or ""
            return self.patient.age(text) if form is NUMBERS["AS"] else text

        return self._each(source, raw, proved)

    def _in_digits(self, source: Dataset, raw: Element, vr: str) -> Element | None:
        """Write a small binary number as the text that is asked for; two letters make a larger."""
        texts = texts_of(source, raw)
        if len(texts) > 1 or len(texts[0]) > LONGEST_COUNT or not NUMBERS[vr].fullmatch(texts[0]):
            return None
        return None if self.cleaner.is_number(texts[0]) else DataElement(raw.tag, vr, texts[0])

    def _each(
        self, source: Dataset, raw: Element, change: Callable[[str], str | None]
    ) -> Element | None:
        """Change each value of a text-like element; untouched ones stay as they were written."""
        texts = texts_of(source, raw)
        # Behind a NUL no reader looks, and so no check would.
        changed = [change(text.partition("\0")[0].rstrip()) for text in texts]
        if None in changed:
            return None
        if changed == texts:
            return raw
        vr, encoding = str(raw.VR or source[raw.tag].VR), source.original_encoding
        every = [text or "" for text in changed]
        joined = "\\".join(every)
        content = None if joined.isascii() else written(joined, source.original_character_set)
        if content is None:
            return of_texts(raw.tag, vr, every, encoding)
        return RawDataElement(raw.tag, vr, len(content), content, 0, *encoding)


def _is_standard_code(source: Dataset, tag: int) -> bool:
    """Tell a code that a standard has printed from one that a site made up (PS3.16 8.2)."""
    if tag not in CODE:
        return False
    scheme = source.get(SCHEME_DESIGNATOR)
    name = "" if scheme is None else str(scheme.value or "")
    return bool(name) and not name.startswith("99") and name not in LOCAL_SCHEMES


@lru_cache(maxsize=8192)
def _may_be_prose(tag: int, vr: str) -> bool:
    """Tell an element that no rule names and in which somebody may write of anybody."""
    if is_private(tag) or vr in ONE_VALUE:
        return vr in ONE_VALUE
    if vr not in WORDS or (tag in CODE and tag != CODE_MEANING):
        return False
    return PRODUCT.search(keyword_for_tag(tag)) is None


def _never_empty(text: str, clean: Callable[[str], str], vr: str) -> str:
    """Put a sign where cleaning leaves nothing: the attribute may be of Type 1."""
    return clean(text) or (str(DUMMIES.get(vr, EMPTIED)) if text else "")


def _may_be_bytes(tag: int, vr: str) -> bool:
    """Tell bytes where bytes belong from bytes that hide a text's element."""
    return vr != "UN" and (is_private(tag) or bool(BYTES.intersection(known(tag).split(" or "))))
