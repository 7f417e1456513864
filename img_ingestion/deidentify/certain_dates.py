"""
Dates in text of which the calendar day is certain, read and written again as another day.

Certain are year, month and day in this order, a month in words with a year of four digits, and
days above 12 beside a month in digits. Everything else may be one of several days.
"""

from __future__ import annotations

import json
import re
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from img_ingestion.deidentify.text_forms import fold, folded
from img_ingestion.deidentify.vocabulary import FOLDER
from img_ingestion.deidentify.written_dates import YEAR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from img_ingestion.deidentify.text_forms import Folded

MONTHS, TENS = 12, 10
ORDINALS = ("st", "nd", "rd")
BEGINS, ENDS = r"(?<![^\W_])(?<!\d[-./:,+])", r"(?![^\W_]|[-./]\d)"
TIME = r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?"
CLOCK = (
    rf"(?:(?:, ?| (?:at )?|t){TIME}|t(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?)?"
    r"(?:z|[+-]\d\d:?\d\d)?"
)
"""What may stand behind a date. Digits that only look like a time are another number."""
Y, D, WORD = rf"(?P<y>{YEAR})", r"(?P<d>0?[1-9]|[12]\d|3[01])", r"(?P<m>[^\W\d_]{3,})"
M, DAY = r"(?P<m>0?[1-9]|1[0-2])", r"(?P<d>1[3-9]|2\d|3[01])"
FORMS = tuple(
    re.compile(form)
    for form in (
        rf"{BEGINS}{Y}(?P<s>[-/._]){M}(?P=s){D}(?={CLOCK}{ENDS})",
        rf"{BEGINS}{Y}(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])(?={CLOCK}{ENDS})",
        rf"{BEGINS}{DAY}(?P<s>[-/.]){M}(?P=s){Y}(?={CLOCK}{ENDS})",
        rf"{BEGINS}{M}(?P<s>[-/.]){DAY}(?P=s){Y}(?={CLOCK}{ENDS})",
        (
            rf"{BEGINS}{D}(?P<o>st|nd|rd|th|er|\.)?[-. _/]{{0,2}}(?:of |de |den )?"
            rf"{WORD}\.?[-., _/]{{0,2}}(?:de |del )?{Y}(?={CLOCK}{ENDS})"
        ),
        (
            rf"{BEGINS}{WORD}\.?[-. _/]{{0,2}}{D}(?P<o>st|nd|rd|th)?[-., _/]{{1,3}}"
            rf"{Y}(?={CLOCK}{ENDS})"
        ),
        rf"(?<!\d){Y} ?年 ?{M} ?月 ?{D} ?日",
        rf"(?<!\d){Y} ?년 ?{M} ?월 ?{D} ?일",
    )
)


class Certain(NamedTuple):
    """A date in a text."""

    start: int
    end: int
    """Its place in the text."""
    day: date
    written: str
    groups: Mapping[str, tuple[int, int]]
    """Year, month, day and ordinal -> where they stand in what is written."""
    row: int
    """Of the months' names, or -1."""

    def as_day(self, other: date) -> str | None:
        """Write another day in the same form; None where it could not be read as surely."""
        said = {"y": f"{other.year:04}", "d": self._padded(other.day)}
        if self.row < 0:
            said["m"] = self._padded(other.month)
        else:
            said["m"] = self._cased(_rows()[self.row][other.month - 1])
        if "o" in self.groups:
            said["o"] = _ordinal(self._of("o"), other.day)
        text, at = "", 0
        for group, (start, end) in sorted(self.groups.items(), key=lambda each: each[1]):
            text += self.written[at:start] + said[group]
            at = end
        text += self.written[at:]
        again = [each for each in certain(fold(text), text) if each.end - each.start == len(text)]
        return text if [each.day for each in again] == [other] else None

    def _of(self, group: str) -> str:
        start, end = self.groups[group]
        return self.written[start:end]

    def _padded(self, number: int) -> str:
        """Write a number of one digit as its neighbours are: 07 or 7."""
        numbers = [self._of(each) for each in ("d", "m") if self._of(each).isdigit()]
        if any(len(each) == 1 for each in numbers):
            return str(number)
        prose = self.row >= 0 and " " in self.written and not numbers[0].startswith("0")
        return str(number) if prose else f"{number:02}"

    def _cased(self, month: str) -> str:
        """Write a month in the case of the one that stood there, without accents if it had none."""
        old = self._of("m")
        if old.isascii():
            month = folded(month)
        return month.upper() if old.isupper() else month.title() if old[0].isupper() else month


def certain(form: Folded, text: str) -> Iterator[Certain]:
    """Give the dates of a text that are certain, from its folded form."""
    for pattern in FORMS:
        for match in pattern.finditer(form.text):
            row, month = _month(match)
            try:
                day = date(int(match["y"]), month, int(match["d"]))
            except ValueError:
                continue
            start, end = form.span(*match.span())
            groups = {}
            for name, said in match.groupdict().items():
                if said and name != "s":
                    first, last = form.span(*match.span(name))
                    groups[name] = first - start, last - start
            yield Certain(start, end, day, text[start:end], groups, row)


def _month(match: re.Match[str]) -> tuple[int, int]:
    """Give the row of a month's name and its number; a row of -1 for digits, 0 for no month."""
    word = match["m"]
    if word.isdigit():
        return -1, int(word)
    found = [(at, row.index(word) + 1) for at, row in enumerate(_compared()) if word in row]
    if not found:
        return -1, 0
    # 12. April is no English; 12-MAY-2014 is short for what 12 May 2014 may be in full.
    abroad = match.groupdict().get("o") == "."
    short = [each for each in found if each[0] == 1 and not re.search(r"\s", match.group())]
    elsewhere = [each for each in found if each[0] > 2] if abroad else []  # noqa: PLR2004
    return (elsewhere or short or found)[0]


def _ordinal(old: str, day: int) -> str:
    if old == "er":
        return old if day == 1 else ""
    if not old.isalpha():
        return old
    teens = TENS < day % 100 < 2 * TENS
    new = "th" if teens or not 0 < day % TENS <= len(ORDINALS) else ORDINALS[day % TENS - 1]
    return new.upper() if old.isupper() else new


@cache
def _rows() -> tuple[tuple[str, ...], ...]:
    content = json.loads((FOLDER / "months.json").read_text(encoding="utf-8"))
    return tuple(tuple(row.split()) for row in content["rows"])


@cache
def _compared() -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(map(folded, row)) for row in _rows())
