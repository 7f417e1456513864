"""
What looks like anybody's identifier: dates, phones, addresses, numbers, people with a cue.

Every pattern runs over folded text, and only over texts that have what it cannot do without
(digits, an at sign), because most texts of a header have none of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from img_ingestion.deidentify.vocabulary import is_clinical

if TYPE_CHECKING:
    from collections.abc import Iterator

Span = tuple[int, int]

MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
YEAR = r"(?:19|20)\d\d"
MONTH_NUMBER, DAY_NUMBER = r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
LABEL = (
    r"(?:mrn|medical record|record|patient id|pat id|pid|acc(?:ession)?|acc no|ssn|hosp(?:ital)? no"
    r"|case|chart|folder|nhs|visit|encounter|order|id)"
)
STREET = (
    r"(?:avenue|ave|boulevard|blvd|crescent|drive|expressway|freeway|highway|hwy|lane|ln|parkway|pkwy"
    r"|plaza|roads?|rd|streets?|st|terrace|turnpike|court|close|square|squares|way|alley|mews|manor"
    r"|strasse|str|weg|gasse|platz|allee|avenida|calle)"
)
# USPS Publication 28, Appendix C1: those that radiologists also say need a word before them that
# is no clinical one.
STREET_OR_NOT = (
    r"(?:aly|annex|arcade|av|bayou|beach|bend|bluffs?|bottom|branch|bridge|brooks?|burgs?|bypass|camp"
    r"|canyon|cape|causeway|center|circles?|cir|cliffs?|club|commons?|corners?|course|ct|coves?"
    r"|creek|crest|cres|crossing|crossroads?|curve|dale|dam|divide|dr|estates?|extension|falls|ferry"
    r"|fields?|flats?|fords?|forest|forges?|forks?|fort|gardens?|gateway|glens?|greens?|groves?"
    r"|harbors?|haven|heights|hills?|hollow|inlet|islands?|isle|junctions?|keys?|knolls?|lakes?"
    r"|landing|lights?|loaf|locks?|lodge|loop|mall|manors|meadows?|mills?|mission|motorway|mount"
    r"|mountains?|neck|orchard|oval|overpass|parks?|passage|path|pike|pines?|place|pl|plains?|points?"
    r"|ports?|prairie|radial|ramp|ranch|rapids?|rest|ridges?|river|route|row|rue|run|shoals?|shores?"
    r"|skyway|springs?|spurs?|sq|station|stravenue|stream|summit|ter|throughway|trace|track"
    r"|trafficway|trail|tunnel|underpass|unions?|valleys?|via|viaduct|views?|villages?|ville|vista"
    r"|walks?|wall|wells?)"
)
UNIT = r"(?:,?\s*(?:apt|suite|ste|unit|#)\.?\s*\w+)?(?:,?\s*\d{4,5}(?!\d))?"
HOUSE = r"(?<!\w)(?<!\d\.)\d{1,5}[a-z]?,?\s+"

DATES = tuple(
    re.compile(pattern)
    for pattern in (
        (
            rf"(?<!\d)(?P<y>{YEAR})(?P<s>[-/. _]?)(?P<m>0[1-9]|1[0-2])(?P=s)"
            r"(?P<d>0[1-9]|[12]\d|3[01])(?!\d)"
            r"(?:[t ]?(?:[01]\d|2[0-3]):?[0-5]\d(?::?[0-5]\d)?(?!\d))?"
        ),
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
    )
)
SPACED_SHORT = re.compile(r"\d+ \d+ \d\d")
"""`12 03 19` may be any three numbers: only a four-digit year makes them a date."""

MONTHS = tuple(
    re.compile(pattern)
    for pattern in (
        (
            rf"(?<![^\W_]){DAY_NUMBER}(?:st|nd|rd|th)?[-. _/]*(?:of )?{MONTH}[-., _/]*"
            rf"(?:{YEAR}|'?\d\d)(?![^\W_])"
        ),
        rf"(?<![^\W_]){MONTH}[-. _/]*{DAY_NUMBER}(?:st|nd|rd|th)?[-., _/]+{YEAR}(?![^\W_])",
        rf"(?<![^\W_]){MONTH}[-., _/]+{YEAR}(?![^\W_])",
    )
)
MAIL = re.compile(r"[\w.+'-]+\s?@\s?[\w-]+(?:\.[\w-]+)*")
ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+|\bwww\.\S+")
CENTURY = 2
"""Digits of a year without its century; a date has more digits than that."""
NUMBERS = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?<![\w.])(?:\+?\d{1,3}[-. ]?)?\(?\d{3}\)?[-. /]{0,2}\d{3}[-. ]\d{4}(?!\w|\.\d)",
        r"(?<!\w)\+\d{1,3}(?:[-. /]?\(?\d{1,5}\)?){2,6}(?!\w)",
        r"(?<![\w.-])\d{3}[- ]\d{2}[- ]\d{4}(?![\w-])",
        r"(?<![\w.])0\d{2,5}[-/ ]\d{3,4}[- ]?\d{3,6}(?!\w|\.\d)",
        rf"\b{LABEL}\b(?:\s*(?:no|number|nr))?\.?\s*[:#=]*\s*(?=[a-z]*\d)[a-z0-9][\w-]{{3,}}",
        r"(?<![^\W_])(?<!\d\.)\d{7,}(?![^\W_]|\.\d)",
        r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)",
        r"(?<![\d.])\d+(?:\.\d+){5,}(?![\d.]*\d)",
        r"(?<!\w)p\.?o\.? ?box \d+",
    )
)
ROAD = re.compile(rf"{HOUSE}(?:[^\W\d_]+\.?\s+){{1,3}}?{STREET}\b\.?{UNIT}")
PLACE = re.compile(rf"{HOUSE}(?P<words>(?:[^\W\d_]+\.?\s+){{1,3}}?){STREET_OR_NOT}\b\.?{UNIT}")
RECORD = re.compile(
    r"(?<![^\W_])(?:(?=\d*[a-z])(?=(?:[a-z]*\d){5})|(?=[a-z]{2,}[- ]?\d{4}))[a-z0-9]{6,}(?![^\W_])"
)
TECHNICAL = re.compile(r"(?:\d+x)+\d+[a-z]{0,2}|[a-z]{1,2}\d{1,4}(?:[a-z]{1,2}\d{1,4})+")
"""1024x1024; p4s108: a word in which each letter has its own few digits."""
TIMES = re.compile(r"\d{6,}")


def dates(text: str) -> Iterator[tuple[Span, str]]:
    """Give where a numeric date may stand in folded text, and which it would be, as YYYYMMDD."""
    for pattern in DATES:
        for match in pattern.finditer(text):
            if SPACED_SHORT.fullmatch(match.group()):
                continue
            year = match["y"]
            for century in (year,) if len(year) > CENTURY else (f"19{year}", f"20{year}"):
                yield match.span(), f"{century}{match['m']:>02}{match['d']:>02}"


def spans(text: str) -> Iterator[Span]:
    """Give where something that identifies anybody may stand in folded text."""
    if "@" in text:
        yield from _mails(text)
    if "://" in text or "www." in text:
        yield from _of(ADDRESS, text)
    digits = sum(map(str.isdigit, text))
    if digits:
        for pattern in NUMBERS:
            yield from _of(pattern, text)
        yield from _places(text)
    if digits > CENTURY:
        yield from (span for span, _ in dates(text))
        for pattern in MONTHS:
            yield from _of(pattern, text)
        yield from _records(text)


def _of(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    return (match.span() for match in pattern.finditer(text))


def _places(text: str) -> Iterator[Span]:
    """Give street addresses whose last word may be a clinical one, too."""
    certain = {match.start(): match.end() for match in ROAD.finditer(text)}
    yield from certain.items()
    for match in PLACE.finditer(text):
        named = re.findall(r"[^\W\d_]+", match["words"])
        if match.start() not in certain and not all(map(is_clinical, named)):
            yield match.span()


def _mails(text: str) -> Iterator[Span]:
    """Give mail addresses, without a clinical word that an underscore hangs before them."""
    for start, end in _of(MAIL, text):
        rest = text[start:end]
        while "_" in rest and is_clinical(rest.partition("_")[0]):
            rest = rest.partition("_")[2]
        yield end - len(rest), end


def _records(text: str) -> Iterator[Span]:
    """Give words of letters and many digits, but not those that name a parameter and its value."""
    for match in RECORD.finditer(text):
        word = match.group()
        letters = re.match(r"[a-z]*", word)
        named = letters is not None and is_clinical(letters.group())
        if TECHNICAL.fullmatch(word) or (named and not TIMES.search(word)):
            continue
        yield match.span()
