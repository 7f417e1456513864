"""Dates as people write them: in digits, with a month's name in several languages, in Han."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from img_ingestion.deidentify.vocabulary import is_clinical

if TYPE_CHECKING:
    from collections.abc import Iterator

    from img_ingestion.deidentify.span import Span

MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
FULL_MONTH = r"(?:january|february|april|june|july|august|september|october|november|december)"
"""Those that are no other word."""
ANY_MONTH = (
    r"(?:jan[a-z]{0,6}|feb[a-z]{0,6}|fev[a-z]{0,6}|mar[a-z]{0,4}|maerz|mrz|mrt|maart|ma[ijy]|maggio"
    r"|mag|mayo|maio|apr[a-z]{0,4}|abr[a-z]{0,3}|avr[a-z]{0,3}|ju[ln][a-z]{0,4}|juil[a-z]{0,4}"
    r"|giu[a-z]{0,4}|lug[a-z]{0,4}|ao?ut|ago[a-z]{0,4}|aug[a-z]{0,5}|sep[a-z]{0,7}|set[a-z]{0,6}"
    r"|o[ck]t[a-z]{0,6}|out[a-z]{0,5}|ott[a-z]{0,5}|nov[a-z]{0,6}|de[csz][a-z]{0,6}|dic[a-z]{0,6}"
    r"|ene(?:ro)?|gen(?:naio)?|styczen|stycznia|lut(?:y|ego)|marz?ec|marca|kwiecien|kwietnia|maja"
    r"|czerw(?:iec|ca)|lip(?:iec|ca)|sierp(?:ien|nia)|wrzes(?:ien|nia)|pazdziernik(?:a)?"
    r"|listopad(?:a)?|grud(?:zien|nia)|ocak|subat|mart|nisan|mayis|haziran|temmuz|agustos|eylul"
    r"|ekim|kasim|aralik|маи|мая|(?:янв|фев|мар|апр|июн|июл|авг|сен|окт|ноя|дек)\w*)"
)
"""As folded: no diacritics."""
YEAR = r"(?:19|20)\d\d"
ELSEWHERE = r"(?:13[5-9]\d|14[0-5]\d|25[0-7]\d)"
"""A year of the calendars of Iran, of Islam, and of Thailand, in a lifetime from now."""
ROMAN = r"(?:i{1,3}|iv|vi{0,3}|ix|xi{0,2})"
"""A month as it is written in Poland, Hungary and Italy."""
THAI_MONTH = r"(?:\S{2,9}(?:คม|ยน|พันธ์)|(?:[ก-ฮ]\.){2}|เม\.ย\.|มี\.ค\.|มิ\.ย\.)"
CENTURY = 2
"""Digits of a year without its century."""
MONTH_NUMBER, DAY_NUMBER = r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"

FEWEST_DIGITS = 4
"""Of day, month and a year without its century."""
NUMERIC = tuple(
    re.compile(pattern)
    for pattern in (
        (
            rf"(?<!\d)(?P<y>{YEAR})(?P<s>[-/. _]?)(?P<m>0[1-9]|1[0-2])(?P=s)"
            r"(?P<d>0[1-9]|[12]\d|3[01])(?!\d)"
            r"(?:[t ]?(?:[01]\d|2[0-3]):?[0-5]\d(?::?[0-5]\d)?(?!\d))?"
        ),
        rf"(?<!\d)(?P<y>{YEAR})(?P<s>[-/.])(?P<m>{MONTH_NUMBER})(?P=s)(?P<d>{DAY_NUMBER})(?![\d.])",
        (
            rf"(?<!\d)(?P<d>{DAY_NUMBER})(?P<s>[-/. ])(?P<m>{MONTH_NUMBER})(?P=s)(?P<y>{YEAR}|\d\d)"
            rf"(?!\d)"
        ),
        (
            rf"(?<!\d)(?P<m>{MONTH_NUMBER})(?P<s>[-/. ])(?P<d>{DAY_NUMBER})(?P=s)(?P<y>{YEAR}|\d\d)"
            rf"(?!\d)"
        ),
        rf"(?<!\d)(?P<d>0[1-9]|[12]\d|3[01])(?P<m>0[1-9]|1[0-2])(?P<y>{YEAR})(?!\d)",
        rf"(?<!\d)(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])(?P<y>{YEAR})(?!\d)",
        rf"(?<!\d)(?P<y>{YEAR}) ?年 ?(?P<m>{MONTH_NUMBER}) ?月 ?(?P<d>{DAY_NUMBER}) ?日",
        rf"(?<!\d)(?P<y>{YEAR}) ?년 ?(?P<m>{MONTH_NUMBER}) ?월 ?(?P<d>{DAY_NUMBER}) ?일",
    )
)
SPACED_SHORT = re.compile(r"\d{1,2} \d{1,2} \d\d")
"""`12 03 19` may be any three numbers: only a four-digit year makes them a date."""

WORDED = tuple(
    re.compile(pattern)
    for pattern in (
        (
            rf"(?<![^\W_]){DAY_NUMBER}(?:st|nd|rd|th)?[-. _/]*(?:of )?{MONTH}[-., _/]*"
            rf"(?:{YEAR}|'?\d\d)(?![^\W_])"
        ),
        rf"(?<![^\W_]){MONTH}[-. _/]*{DAY_NUMBER}(?:st|nd|rd|th)?[-., _/]+{YEAR}(?![^\W_])",
        rf"(?<![^\W_]){MONTH}[-., _/]+{YEAR}(?![^\W_])",
        (
            rf"(?<![^\W_]){YEAR}[-., _/]{{1,2}}{ANY_MONTH}\.?[-. _/]{{1,2}}{DAY_NUMBER}"
            r"(?:st|nd|rd|th)?(?![^\W_])"
        ),
        rf"(?<![^\W_.]){DAY_NUMBER}(?:(?P<s>[-./])|\. ){ROMAN}(?(s)(?P=s)|\.? ){YEAR}(?![^\W_])",
        rf"(?<![^\W_.]){DAY_NUMBER}(?P<t>[-./]){ROMAN}(?P=t)\d\d(?![^\W_])",
        rf"(?<![\d.]){ELSEWHERE}(?P<u>[-/.]){MONTH_NUMBER}(?P=u){DAY_NUMBER}(?![\d.])",
        rf"(?<![\d.]){DAY_NUMBER}(?P<v>[-/.]){MONTH_NUMBER}(?P=v){ELSEWHERE}(?![\d.])",
        rf"(?<!\d){DAY_NUMBER} ?{THAI_MONTH} ?(?:พ\.?ศ\.? ?)?(?:{ELSEWHERE}|{YEAR})(?!\d)",
        rf"(?<![^\W_]){DAY_NUMBER}(?:st|nd|rd|th)?(?: of)?[- ]{FULL_MONTH}(?![^\W_])",
        rf"(?<![^\W_]){FULL_MONTH}[- ]{DAY_NUMBER}(?:st|nd|rd|th)?(?![^\W_])",
        r"(?<![^\W_])(?:0?[1-9]|[12]\d|3[01])-(?:jan|feb|mar|apr|jun|jul|aug|sep|oct|nov|dec)(?![^\W_])",
        (
            rf"(?<!\d)(?:{YEAR}|(?:明治|大正|昭和|平成|令和) ?(?:\d{{1,2}}|元)) ?年"
            r"(?: ?\d{1,2} ?月)?(?: ?\d{1,2} ?日)?"
        ),
        rf"(?<!\d){MONTH_NUMBER} ?(?:月 ?{DAY_NUMBER} ?日|월 ?{DAY_NUMBER} ?일)",
        rf"(?<![^\W_])(?:dated|since|vom) {DAY_NUMBER}[./]{MONTH_NUMBER}(?![\d/])",
        (
            rf"(?<![^\W_])(?:dob|d\.o\.b\.|born(?: in)?|date of birth|geb(?:oren)?|nacid[oa]"
            rf"|nee? (?:le|en)|nato|nata)[.:]*(?: (?:en|in|im|em|nel))? {YEAR}(?!\d)"
        ),
    )
)
SHORT_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
SURE_DAY = r"(?:1[3-9]|2\d|3[01])"
YEARLESS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?<![\w./-])(?P<m>{MONTH_NUMBER})/(?P<d>{SURE_DAY})(?![\w/]|[.-]\d)",
        rf"(?<![\w./-])(?P<d>{SURE_DAY})/(?P<m>{MONTH_NUMBER})(?![\w/]|[.-]\d)",
        rf"(?<![\w./-])(?P<d>{SURE_DAY})\.(?P<m>{MONTH_NUMBER})\.(?!\d)",
        (
            rf"(?<![\w./-])(?P<d>{DAY_NUMBER})(?:st|nd|rd|th)?(?: of)?[-. ]?(?P<m>{MONTH})"
            r"(?![^\W_])(?![-. ,]*\d)"
        ),
        (
            rf"(?<![^\W_])(?P<m>{MONTH})[-. ]{{1,2}}(?P<d>{DAY_NUMBER})(?:st|nd|rd|th)?"
            rf"(?![\w/]|[.-]\d|[-., ]{{0,2}}{YEAR})"
        ),
    )
)
"""The patient's own are known by their day and month; of others only some are certain."""
FIRST = r"(?:premier|primero|primo|primeiro|ersten?|erster)"
ABROAD = re.compile(
    rf"(?<![^\W_])(?P<d>(?:{DAY_NUMBER}(?:er|\.)?|{FIRST})[-. _/]*(?:de |den )?)?(?P<m>{ANY_MONTH})"
    rf"[-., _/]+(?:de |del )?{YEAR}(?![^\W_])"
)
SHORTEST_MONTH = 4
"""Without a day, `set 2000` and `mag 2000` are settings."""


@lru_cache(maxsize=4096)
def dates(text: str) -> tuple[tuple[Span, str], ...]:
    """Give where a numeric date may stand in folded text, and which it would be, as YYYYMMDD."""
    few = sum(map(str.isdigit, text)) < FEWEST_DIGITS
    return () if few else tuple(_dates(text))


def _dates(text: str) -> Iterator[tuple[Span, str]]:
    for pattern in NUMERIC:
        for match in pattern.finditer(text):
            if SPACED_SHORT.fullmatch(match.group()):
                continue
            year = match["y"]
            for century in (year,) if len(year) > CENTURY else (f"19{year}", f"20{year}"):
                yield match.span(), f"{century}{match['m']:>02}{match['d']:>02}"


def yearless(text: str) -> Iterator[tuple[Span, str]]:
    """Give where a day without a year may stand in folded text, and which it would be, as MMDD."""
    for pattern in YEARLESS:
        for match in pattern.finditer(text):
            word = match["m"]
            month = int(word) if word.isdigit() else SHORT_MONTHS.index(word[:3]) + 1
            yield match.span(), f"{month:02}{match['d']:>02}"


def spans(text: str) -> Iterator[Span]:
    """Give where a date of anybody may stand in folded text."""
    yield from (span for span, _ in dates(text))
    for pattern in WORDED:
        yield from (match.span() for match in pattern.finditer(text))
    for match in ABROAD.finditer(text):
        if match["d"] or (len(match["m"]) >= SHORTEST_MONTH and not is_clinical(match["m"])):
            yield match.span()
