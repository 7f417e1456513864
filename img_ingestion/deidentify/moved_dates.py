"""
Which dates of a text move with the patient's other dates, and which are cut.

A date moves where its day is certain, it is nobody's birth, and what is written in its place gives
nothing back: neither another date of the instance or of the text, nor any part of what was cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from img_ingestion.deidentify import written_dates
from img_ingestion.deidentify.certain_dates import certain
from img_ingestion.deidentify.patient import BORN_SINCE
from img_ingestion.deidentify.text_forms import fold, folded, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from img_ingestion.deidentify.certain_dates import Certain
    from img_ingestion.deidentify.span import Span

FEWEST_DIGITS = 5
BIRTH = re.compile(
    r"(?:(?<![^\W_])(?:d\.?o\.?b|b\.?d|born|birth\w*|bday|geb|geboren|geburt\w*|nee? le|naiss\w*"
    r"|nacid[oa]|nac|nacim\w*|nasc\w*|nat[oa]|nascita|fodt|fodd|fodsel\w*|syntynyt|urodz\w*|ur"
    r"|род\w*|рожд\w*|д\.? ?\u0440|dogum\w*)|生年月日|生日|出生|誕生|생년월일|생일|출생)"
    r"[^\w;]{0,4}(?:\w{1,6}[^\w;]{1,3}){0,2}\Z|(?<!\S)[*†]\s?\Z"
)
BORN = re.compile(r"\s?(?:生|born|birth|dob)")
"""Behind the date."""
REACH = 40
WEEKDAY = (
    r"(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?|(?:mon|diens|donners|frei"
    r"|sams|sonn)tag|mittwoch|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lunes|martes"
    r"|miercoles|jueves|viernes|sabado|domingo|lunedi|martedi|mercoledi|giovedi|venerdi|domenica"
    r"|(?:maan|dins|woens|donder|vrij|zater|zon)dag"
)
ANYWHERE = re.compile(
    r"(?<![^\W_])(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:mon|diens|donners|frei|sams|sonn)tag"
    r"|mittwoch|sonnabend|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lunes|martes|miercoles"
    r"|jueves|viernes|sabado|domingo|(?:lune|marte|mercole|giove|vener)di|domenica|(?:maan|dins|woens"
    r"|donder|vrij|zater|zon|man|tirs|tis|ons|tors|fre|lor|son)dag|(?:segunda|terca|quarta|quinta|sexta)"
    r"[ -]feira|poniedzialek|wtorek|srod[ae]|czwartek|piatek|sobot[ae]|niedziel[ae]|pazartesi"
    r"|carsamba|persembe|cuma|cumartesi|понедельник|вторник|сред[ауы]|четверг|пятниц[ауы]|суббот[ауы]"
    r"|воскресенье|christmas|xmas|easter|thanksgiving|weihnacht\w*|ostern|noel|navidad|natale"
    r"|kw ?\d\d?|\d{4}-?w\d\d(?:-?\d)?)(?![^\W_])"
    r"|[月火水木金土日]曜|(?:星期|周|週|礼拜|禮拜)[一二三四五六日天]|[월화수목금토일]요일"
)
"""The day of the week, wherever in the text, its number in the year, and days that are the same."""
SHORT_WEEKDAY = (
    r"(?:mo|di|mi|do|fr|sa|so|lun|mar|mer|jeu|ven|sam|dim|mie|jue|vie|sab|dom"
    r"|пн|вт|\u0441\u0440|чт|пт|\u0441\u0431|в\u0441)"
)
AFTER_SHORT = re.compile(rf"(?<![^\W_]){SHORT_WEEKDAY}\.?[\s,(]{{1,3}}\Z")
BEFORE_SHORT = re.compile(
    rf"(?:[\s,t]{{0,2}}(?:at )?\d{{1,2}}:\d\d(?::\d\d)?(?: ?[ap]m)?)?"
    rf"(?:\s?\((?:{SHORT_WEEKDAY}|[월화수목금토일])\.?\)|[\s,(]{{1,3}}(?:{WEEKDAY})(?![^\W_]))"
)
AFTER_WEEKDAY = re.compile(rf"(?<![^\W_])(?:{WEEKDAY})[\s,.(]{{1,3}}(?:the |den |le )?\Z")
BEFORE_WEEKDAY = re.compile(rf"[\s,(]{{1,2}}(?:{WEEKDAY})(?![^\W_])|\s?\([月火水木金土日]\)")
"""The true weekday beside a moved date would tell the shift modulo seven."""
SIGNS = range(0x100000, 0x10FFFE)
"""Private characters that stand for dates while the text around them is cleaned."""
HALF = re.compile(
    r"(?<![\d.])\d\d?(?:st|nd|rd|th|\.)?\s?(?:[-\u2013&/,+]|and|to|until|or|und|bis|et|au|y|al?|e|en|tot)"
    rf"\s?[{chr(SIGNS.start)}-{chr(SIGNS.stop)}]",
    re.IGNORECASE,
)
"""A day that stays, of the month of one that moves: 14 and 21 March 2014."""
JUDGED = re.compile(r"\w+(?:\.\w+)*")
JOINING = frozenset({"de", "del", "den", "of"})
"""Words of a date that say nothing of it."""
LIMITS = (16, 64, 1024, 10240)
"""Characters in SH, LO, ST and LT: a longer month may not overrun what held a shorter one."""


class Moved(NamedTuple):
    """One date of a text, and what is written in its place."""

    start: int
    end: int
    written: str


@dataclass(frozen=True, slots=True)
class Moving:
    """How the dates of one patient's texts move."""

    days: int
    """0 where dates stay as they are."""
    births: frozenset[str]
    dates: frozenset[str]
    """Of the instance, as YYYYMMDD: none of them may be written."""

    def of(self, text: str) -> list[Moved]:
        """Give the dates of a text that may move."""
        if sum(map(str.isdigit, text)) < FEWEST_DIGITS or any(ord(c) in SIGNS for c in text):
            return []
        form = fold(text)
        found = list(certain(form, text))
        if not found:
            return []
        true = {day for _, day in written_dates.dates(form.text)} | self.dates
        true |= {f"{each.day:%Y%m%d}" for each in found}
        moved: list[Moved] = []
        for each in sorted(found, key=lambda one: (one.start, -one.end)):
            day = each.day + timedelta(days=self.days)
            apart = not moved or moved[-1].end <= each.start
            if not apart or f"{day:%Y%m%d}" in (true if self.days else self.dates):
                continue
            written = None if self._tells(text, each) else each.as_day(day)
            if written is not None:
                moved.append(Moved(each.start, each.end, written))
        return moved

    def _tells(self, text: str, date: Certain) -> bool:
        """Tell whether a date is somebody's birth, or stands beside the day of the week."""
        before = folded(text[max(0, date.start - REACH) : date.start])
        behind = folded(text[date.end : date.end + REACH])
        if f"{date.day:%Y%m%d}" in self.births or BIRTH.search(before) or BORN.match(behind):
            return True
        oldest = (date.day + timedelta(days=self.days)).year < BORN_SINCE
        beside = AFTER_WEEKDAY.search(before) or BEFORE_WEEKDAY.match(behind)
        short = AFTER_SHORT.search(before) or BEFORE_SHORT.match(behind)
        weekday = beside or short or ANYWHERE.search(folded(text))
        return oldest or bool(self.days and weekday)


def free_of(moved: Iterable[Moved], own: Sequence[Span], others: Sequence[Span]) -> list[Moved]:
    """Give the dates that no identifier of the patient touches, and no other goes beyond."""
    return [
        each
        for each in moved
        if all(end <= each.start or each.end <= start for start, end in own)
        and all(
            end <= each.start or each.end <= start or (each.start <= start and end <= each.end)
            for start, end in others
        )
    ]


def signed(text: str, moved: Sequence[Moved]) -> str:
    """Put a sign for each date in its place."""
    parts, at = [], 0
    for sign, each in zip(SIGNS, moved, strict=False):
        parts += [text[at : each.start], chr(sign)]
        at = each.end
    return "".join((*parts, text[at:]))


def written(clean: str, moved: Sequence[Moved]) -> str:
    """Put the moved dates where their signs stand."""
    return clean.translate({sign: each.written for sign, each in zip(SIGNS, moved, strict=False)})


def telling_nothing(
    text: str, clean: str, moved: Sequence[Moved], *, stay: bool = False
) -> list[Moved]:
    """Give the dates of which no part was also a part of what was cut from the text."""
    if not stay and (HALF.search(clean) or any(written_dates.yearless(folded(clean)))):
        return []
    whole = written(clean, moved)
    rest = whole if stay else "".join(" " if ord(each) in SIGNS else each for each in clean)
    cut = set(_parts(text)) - set(_parts(rest)) - JOINING
    kept = [each for each in moved if not any(part in folded(each.written) for part in cut)]
    limit = next((most for most in LIMITS if len(text) <= most), None)
    return kept if limit is None or len(whole) <= limit else []


def _parts(text: str) -> Iterable[str]:
    form = folded(text)
    yield from JUDGED.findall(form)
    yield from (part for part in words(form) if len(part) > 1)
