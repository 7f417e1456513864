"""
Clean text: the words stay, the patient goes.

First this patient's own identifiers, in any case, with or without diacritics, and across
separators; then, in descriptors, what looks like anybody's: dates, phones, mail addresses,
record numbers, titles with names, addresses. What is found is cut out; the rest is untouched.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from img_ingestion.instance import Identifiers

MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
YEAR = r"(?:19|20)\d\d"
MONTH_NUMBER, DAY_NUMBER = r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
TITLE = r"(?:dr|mr|mrs|ms|miss|prof|professor|doctor|herr|frau|sir|madam)"
LABEL = (
    r"(?:mrn|medical record|record|patient id|pat id|pid|acc(?:ession)?|acc no|ssn|hosp(?:ital)? no"
    r"|case|chart|folder|id)"
)
STREET = (
    r"(?:street|st|avenue|ave|road|rd|lane|ln|drive|boulevard|blvd|court|ct|place|square|way"
    r"|terrace)"
)

# Over folded text: lower case, no diacritics. Order does not matter: all spans are cut.
PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?<!\d){YEAR}(?P<s1>[-/. ]?)(?:0[1-9]|1[0-2])(?P=s1)(?:0[1-9]|[12]\d|3[01])(?!\d)",
        rf"(?<!\d){DAY_NUMBER}(?P<s2>[-/.]){MONTH_NUMBER}(?P=s2)(?:{YEAR}|\d\d)(?!\d)",
        rf"(?<!\d){MONTH_NUMBER}(?P<s3>[-/.]){DAY_NUMBER}(?P=s3)(?:{YEAR}|\d\d)(?!\d)",
        rf"\b{DAY_NUMBER}(?:st|nd|rd|th)?[-. ]*{MONTH}[-., ]*(?:{YEAR}|'?\d\d)\b",
        rf"\b{MONTH}[-. ]*{DAY_NUMBER}(?:st|nd|rd|th)?[-., ]+{YEAR}\b",
        rf"\b{MONTH}[-., ]+{YEAR}\b",
        r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
        r"\b(?:https?|ftp)://\S+|\bwww\.\S+",
        r"(?<![\w.])(?:\+\d{1,3}[-. ]?)?\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4}(?![\w.])",
        r"(?<!\w)\+\d{1,3}(?:[-. ]?\d{2,4}){2,5}(?!\w)",
        r"(?<![\w.-])\d{3}-\d{2}-\d{4}(?![\w-])",
        rf"\b{LABEL}\b(?:\s*(?:no|number|nr))?\.?\s*[:#=]*\s*(?=[a-z]*\d)[a-z0-9][\w-]{{3,}}",
        r"(?<![\w.])\d{7,}(?![\w.])",
        # Letters and many digits in one word: a record number; but not 1024x1024 and the like.
        r"(?<![^\W_])(?!\d+x\d+)(?:(?=\d*[a-z])(?=(?:[a-z]*\d){5})|(?=[a-z]{3,}\d{4}))[a-z0-9]{6,}(?![^\W_])",
        rf"\b{TITLE}\b\.?\s+[^\W\d_][\w'-]*(?:\s+[^\W\d_]\.?(?=\s))?(?:\s+[^\W\d_][\w'-]+)?",
        rf"(?<!\w)\d{{1,5}}\s+(?:[^\W\d_]+\s+){{1,3}}{STREET}\b\.?(?:,?\s*\d{{4,5}})?",
    )
)

LONG_NUMBER = 6


@dataclass(frozen=True, slots=True)
class Folded:
    """Text as it is compared, and where each of its characters came from."""

    text: str
    origin: tuple[int, ...]


def folded(text: str) -> str:
    """Give text as it is compared: lower case, compatibility forms, no diacritics."""
    return _fold(text).text


def _fold(text: str) -> Folded:
    if text.isascii():
        return Folded(text.lower(), tuple(range(len(text))))
    characters: list[str] = []
    origin: list[int] = []
    for position, character in enumerate(text):
        for part in unicodedata.normalize("NFKD", character).casefold():
            if not unicodedata.combining(part):
                characters.append(part)
                origin.append(position)
    return Folded("".join(characters), tuple(origin))


def words(text: str) -> list[str]:
    """Split folded text into words of letters and digits."""
    return re.findall(r"[^\W_]+", text)


@dataclass(frozen=True, slots=True)
class Cleaner:
    """The cleaning of one patient's texts."""

    own: re.Pattern[str] | None
    numbers: frozenset[str]
    """Identifying numbers and dates of six digits or more: too long for a count or a measure."""

    @classmethod
    def of(cls, found: Identifiers) -> Cleaner:
        """Compile what identifies this patient into one expression."""
        parts = sorted(_expressions(found), key=len, reverse=True)
        known = (*found.numbers, *found.dates)
        numbers = frozenset(each for each in known if each.isdigit() and len(each) >= LONG_NUMBER)
        return cls(re.compile("|".join(parts)) if parts else None, numbers)

    def without_own(self, text: str) -> str:
        """Cut this patient's own identifiers out of a text."""
        return self._cut(text, descriptors=False)

    def cleaned(self, text: str) -> str:
        """Cut this patient's and anybody else's identifiers out of a text."""
        return self._cut(text, descriptors=True)

    def finds(self, text: str) -> bool:
        """Tell whether one of this patient's own identifiers stands in a text."""
        return self.own is not None and self.own.search(folded(text)) is not None

    def is_number(self, text: str) -> bool:
        """Tell whether a value of IS or DS is no count or measure but an identifying number."""
        return re.sub(r"\D", "", text) in self.numbers

    def _cut(self, text: str, *, descriptors: bool) -> str:
        fold = _fold(text)
        spans = [match.span() for match in self.own.finditer(fold.text)] if self.own else []
        if descriptors:
            spans += [match.span() for each in PATTERNS for match in each.finditer(fold.text)]
        spans = [span for span in spans if span[0] < span[1]]
        if not spans:
            return text
        cut = {at for start, end in spans for at in fold.origin[start:end]}
        kept = "".join(" " if at in cut else char for at, char in enumerate(text))
        return re.sub(r" {2,}", " ", kept).strip(" ^,;:/-")


def _expressions(found: Identifiers) -> Iterator[str]:
    """Give one expression an identifier, over folded text, held apart from longer words."""
    for name in found.names:
        yield rf"(?<![^\W\d_]){re.escape(name)}(?![^\W\d_])"
    for number in found.numbers:
        yield rf"(?<![^\W_]){_loose(number)}(?![^\W_])"
    for phrase in filter(words, found.phrases):
        yield rf"(?<![^\W_]){_loose(phrase)}(?![^\W_])"
    for uid in found.uids:
        yield rf"(?<![\d.]){re.escape(uid)}(?![\d.])"
    for day in found.dates:
        yield rf"(?<!\d)(?:{'|'.join(_date_forms(day))})(?!\d)"


def _loose(text: str) -> str:
    """Let any separators stand where the original has some: `12-34` is `12 34` and `12.34`."""
    return r"[\W_]*".join(re.escape(word) for word in words(text))


def _date_forms(day: str) -> Iterable[str]:
    """Give the forms in which YYYYMMDD is written by hand and by devices."""
    year, month, date = day[:4], day[4:6], day[6:]
    gap = r"[-/. ]?"
    yield rf"{year}{gap}{month}{gap}{date}"
    yield rf"{date}{gap}{month}{gap}{year}"
    yield rf"{month}{gap}{date}{gap}{year}"
    yield rf"0?{int(date)}[-/.]0?{int(month)}[-/.](?:{year}|{year[2:]})"
    yield rf"0?{int(month)}[-/.]0?{int(date)}[-/.](?:{year}|{year[2:]})"
