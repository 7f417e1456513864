"""
What looks like anybody's identifier: dates, phones, addresses, numbers, people with a cue.

Every pattern runs over folded text, and only over texts that have what it cannot do without
(digits, an at sign), because most texts of a header have none of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from img_ingestion.deidentify import addresses, written_dates
from img_ingestion.deidentify.vocabulary import is_clinical, is_given_name, is_surname

if TYPE_CHECKING:
    from collections.abc import Iterator

    from img_ingestion.deidentify.span import Span

LABEL = (
    r"(?:mrn|medical record|record|patient id|pat id|pid|acc(?:ession)?|acc no|ssn|hosp(?:ital)? no"
    r"|case|chart|folder|nhs|visit|encounter|order|id|acct|account|dossier|historia|expediente)"
)
SURE_LABEL = (
    r"(?:mrn|medical record|patient id|pat id|pid|accession|acc no|ssn|nhs|hosp no|nip|nhc|ipp"
    r"|acct)"
)
"""Behind these, or behind any label with `no`, even a short number is somebody's."""
CALL = r"(?:ext|extension|pager|bleep|tel|telephone|phone|telefon|tlf|tfno|fax)"
NO = r"(?:[\s.-]*(?:no|number|nr|num|nummer))"
MAIL = re.compile(r"[\w.+'-]+\s?@\s?[\w-]+(?:\.[\w-]+)*")
FULL_MAIL = re.compile(r"(?<=_)[^\W\d_](?:[^\W_]|['-])*\.[^_@]+@.*")
"""First and last name: what an underscore hangs before them is no part of the address."""
ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+|\bwww\.\S+")
SITE = re.compile(r"(?<![\w@.-])(?:[a-z0-9-]+\.)+(?:com|org|net|edu|gov|info)(?:/\S*)?(?!\w)")
FEW = 2
"""So many digits are neither a date nor a record."""
NUMBERS = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?<![\w.])(?:\+?\d{1,3}[-. ]?)?\(?\d{3}\)?[-. /]{0,2}\d{3}[-. ]\d{4}(?!\w|\.\d)",
        r"(?<!\w)\+\d{1,3}(?:[-. /]?\(?\d{1,5}\)?){1,5}[-. /]?\d{2,5}(?!\w)",
        r"(?<![\w.])00 ?[1-9]\d{0,2}(?=(?:[-. /]?\d){8})(?:[-. /]?\d{1,6}){2,5}(?!\w)",
        r"(?<![\w.])0\d{1,4}[-/ ]\d{6,8}(?!\w|\.\d)",
        r"(?<![\w.-])\d{3}[- ]\d{2}[- ]\d{4}(?![\w-])",
        r"(?<![\w.])0\d{2,5}[-/ ]\d{3,4}[- ]?\d{1,6}(?:-\d{1,4})?(?!\w|\.\d)",
        rf"\b{LABEL}\b\.?{NO}?[.\s]*[:#=]*\s*(?=[a-z]*-?\d)[a-z0-9][\w-]{{3,}}",
        rf"\b(?:{SURE_LABEL}{NO}?|(?:{LABEL}|pat|patient|fall){NO})[.\s]*[:#=]*\s*(?=[a-z]*-?\d\d)[a-z0-9][\w-]+",
        r"(?<![\w.])0\d(?:[ .-]\d\d){4}(?!\w)",
        rf"\b{CALL}\b[.:\s]*[+(]*\d(?:[- ()/.]{{0,2}}\d){{2,}}",
        r"(?<![^\W_])(?!(?:ct|mr|xr|us)-)[a-z]{2,6}-\d{5,}(?!\w)",
        r"(?<![^\W_])(?<!\d\.)\d{7,}(?![^\W_]|\.\d)",
        r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)",
        r"(?<![\d.])\d+(?:\.\d+){5,}(?![\d.]*\d)",
        r"(?<!\w)p\.?o\.? ?box \d+",
        r"(?<!\d)\d{3}\.\d{3}\.\d{3}-\d\d(?!\d)",
        r"(?<!\w)(?:[\da-f]{2}[:-]){5}[\da-f]{2}(?!\w)",
        r"(?<![\d.])756\.\d{4}\.\d{4}\.\d\d(?![\d.]*\d)",
        r"(?<!\w)[a-z]{2}\d\d [a-z\d]{4}(?: \d{4}){2,6}(?: ?[a-z\d]{1,4})?(?!\w)",
        (
            r"(?<!\w)(?:zip(?: ?code)?|plz|post(?:al)? ?code|passport|reisepass)\b[.:# ]*"
            r"(?=[a-z]*\d)\w{4,}"
        ),
        r"(?<!\w)s/n[.:#\s]*(?=[a-z]*\d)[\w-]{3,}",
        # An age over 89 (45 CFR 164.514(b)(2)(i)(C)).
        r"(?<![\w.])(?:9\d|1[01]\d)[- ]?(?:y\.?o\.?|y/o|yrs?|years?)(?:[- ]old)?(?!\w)",
        r"(?<![\w.])(?:9\d|1[01]\d) ?[mf](?=,| (?:with|w/|c/o|s/p|who|has|presents|admitted))",
        r"(?<!\w)aged? ?:? ?(?:9\d|1[01]\d)(?![\w.])",
        r"(?<![\w.])0?(?:9\d|1[01]\d)(?:y|-y-old)(?!\w)",
        (
            r"(?<![\w.])(?:9\d|1[01]\d)[- ]?(?:ans|anos|anni|jahren?|jahrig\w*|jaar|jarig\w*|лет"
            r"|года?|arig\w*|ar gammel\w*|yas\w*)(?!\w)|(?<!\d)(?:9\d|1[01]\d) ?(?:岁|歳|才|세|살)"
        ),
        r"(?<!\w)in (?:her|his|their) (?:(?:early|mid|late)[- ])?(?:9|10|11)0s(?!\w)",
    )
)
VERY_OLD = re.compile(
    r"(?<!\w)(?:nonagenarian|centenarian|aged? ninety"
    r"(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?"
    r"|(?:ninety|hundred)[- ]?\w* years?[- ]olds?)(?!\w)"
)
"""An age over 89 in words."""
RECORD = re.compile(
    r"(?<![^\W_])(?:(?=\d*[a-z])(?=(?:[a-z]*\d){5})|(?=[a-z]{2,}\d{4}))[a-z0-9]{6,}(?![^\W_])"
)
TECHNICAL = re.compile(r"(?:\d+x)+\d+[a-z]{0,2}|[a-z]{1,2}\d{1,4}(?:[a-z]{1,2}\d{1,4})+")
"""1024x1024; p4s108: a word in which each letter has its own few digits."""
TIMES = re.compile(r"\d{6,}")
SETTING = re.compile(r"[a-z]?\d{1,3}[a-z]?")
"""T20f, B40f, 3D."""


def spans(text: str, *, dated: bool = True) -> Iterator[Span]:
    """Give where something that identifies anybody may stand in folded text; dates if asked."""
    if "@" in text:
        yield from _mails(text)
    if "://" in text or "www." in text:
        yield from _of(ADDRESS, text)
    if "." in text:
        yield from _of(SITE, text)
    digits = sum(map(str.isdigit, text))
    if digits:
        for pattern in NUMBERS:
            yield from _of(pattern, text)
        yield from addresses.spans(text)
        if dated:
            yield from written_dates.spans(text)
    if digits > FEW:
        yield from _records(text)
    yield from _of(VERY_OLD, text)


def _of(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    return (match.span() for match in pattern.finditer(text))


def _mails(text: str) -> Iterator[Span]:
    """Give mail addresses, without a clinical word or a setting hung before by an underscore."""
    for start, end in _of(MAIL, text):
        rest = text[start:end]
        whole = FULL_MAIL.search(rest)
        hung = rest[: whole.start()].strip("_").split("_") if whole else []
        if whole and not any(is_given_name(word) or is_surname(word) for word in hung):
            rest = rest[whole.start() :]
        while "_" in rest and _hangs_before(rest.partition("_")[0]):
            rest = rest.partition("_")[2]
        yield end - len(rest), end


def _hangs_before(word: str) -> bool:
    return is_clinical(word) or SETTING.fullmatch(word) is not None


def _records(text: str) -> Iterator[Span]:
    """Give words of letters and many digits, but not those that name a parameter and its value."""
    for match in RECORD.finditer(text):
        word = match.group()
        letters = re.match(r"[a-z]*", word)
        named = letters is not None and is_clinical(letters.group())
        if TECHNICAL.fullmatch(word) or (named and not TIMES.search(word)):
            continue
        yield match.span()
