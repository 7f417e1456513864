"""
Private elements that may stay: listed by PS3.15 Table E.3.10-1, curated, or documented.

PS3.15 E.3.10 lets a private element stay that is known to be safe: by that table, by the vendor's
conformance statement, or by its values. pydicom's private dictionary is a collection of what the
vendors stated: creator, element, representation and name. One that is in it stays if its name
speaks of nothing that identifies and its value, looked at, is a number, code or technical word.
The Cancer Imaging Archive's curators have looked at what elements hold in practice and say which to
keep, whose UIDs to replace and whose dates to move: their word counts instead of the name, and the
value is looked at all the same. Any other element goes.
Bytes, sequences and people go, whatever they are called, and so does prose that has to be cleaned.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from pydicom._private_dict import private_dictionaries
from pydicom.datadict import private_dictionary_description, private_dictionary_VR

from img_ingestion.deidentify import written_dates
from img_ingestion.deidentify.tables import curated, safe_private
from img_ingestion.deidentify.text_forms import LETTERS, folded
from img_ingestion.deidentify.vocabulary import is_clinical, is_given_name, is_surname

if TYPE_CHECKING:
    from img_ingestion.deidentify.free_text import Cleaner

BINARY = frozenset({"AT", "FD", "FL", "SL", "SS", "UL", "US", "SV", "UV"})
FLOATS = frozenset({"FD", "FL"})
DECIMAL = frozenset({"DS", "IS", "AS"})
CODES = frozenset({"CS", "LO", "SH"})
PROSE = frozenset({"LT", "ST", "UC", "UT"})
TIMES = frozenset({"DA", "DT", "TM"})
KEPT = BINARY | DECIMAL | CODES | TIMES | {"UI"}

IDENTIFYING = re.compile(
    r"""(?x)
    \b(?: patients?(?!\s*(?:position|orient|weight|size|table|entry|support|thick|scan|lang|status))
      | physicians? | doctors? | operators? | technologists? | technicians? | radiologists?
      | nurses? | performing | referring | requesting | users? | persons? | people | staff
      | authors? | owner | hospitals? | institutions? | institutes? | departments? | wards?
      | clinics? | sites? | hosts? | hostname | computers? | address | phone | email | city
      | country | stations? | accessions? | admissions? | visits? | placer | filler | requests?
      | insurance | ssn | birth | dob | comments? | remarks? | notes? | histor(?:y|ies)
      | diagnos[ei]s | reasons? | annotations? | reports? | paths? | files? | filenames?
      | directory | folder | url | uri | licen[cs]es? | serial | bar\s?code | ids?
      | identifiers? | identification | uids? | guid | logins? | passwords? | signatures? | names?
      (?<!sequence\sname)(?<!nuclide\sname)(?<!filter\sname)(?<!coil\sname)(?<!kernel\sname)
      (?<!calib\sname)(?<!correct\sname)(?<!mode\sname)(?<!map\sname)(?<!parameter\sname)
    )\b
    """
)
TIMESTAMP = re.compile(r"\b(?:dates?|datetime|timestamp|time\s?stamp|day|created|modified)\b")
TIME = re.compile(r"\b(?:times?|secs?|seconds|clock)\b")
EPOCH = (631_152_000, 4_102_444_800)
"""Seconds since 1970 for the years 1990 to 2099: what is called a time is a date here."""
MEANINGLESS = re.compile(r"\W*|.*\b(?:unknown|internal|private|custom|obsolete|dummy|num)\b.*")
SHORTEST = 2
LARGEST_UNKNOWN = 100_000
"""A number of unknown meaning with six digits or more may be somebody's."""
NUMBER = re.compile(r"[+-]?\d{0,8}(?:\.\d*)?")
"""No longer than a count of an archive: nine digits may be a social security number."""
SENTINELS = frozenset({2.0**31 - 1, 2.0**31, 2.0**32 - 1, 2.0**15, 2.0**16 - 1})
PERSONAL = re.compile(r"\b(?:patients?|accession|ssn|birth|phone|insurance|serial|licen[cs]e)\b")
"""A number with such a name is never kept; with another that identifies, only a small one."""


def is_documented(creator: object) -> bool:
    """Tell whether a private creator is one that a vendor has stated, letter for letter."""
    return str(creator) in private_dictionaries


def begins_documented(text: str) -> bool:
    """Tell whether a documented private creator begins with a text, as a maker's name does."""
    known = _creators()
    after = bisect_left(known, text)
    return after < len(known) and known[after].startswith(text)


@cache
def _creators() -> tuple[str, ...]:
    return tuple(sorted(creator.lower() for creator in private_dictionaries))


@lru_cache(maxsize=4096)
def kind(group: int, element: int, creator: str) -> str:
    """
    Say as what a private element may stay.

    Returns
    -------
    str
        `listed` by the standard; `curated`, or `coded` where only a UID or a time is; `documented`,
        `timed` or `unexplained` by the vendor; or nothing.

    """
    if safe_private(group, element, creator):
        return "listed"
    known = curated(group, element, creator)
    if known:
        return "curated" if known == "k" else "coded"
    try:
        representation = private_dictionary_VR((group, element), creator)
        name = private_dictionary_description((group, element), creator)
    except KeyError:
        return ""
    if representation not in KEPT:
        return ""
    return _by_name(re.sub(r"(?<=[a-z])(?=[A-Z])|[_/]", " ", name).lower(), representation)


def _by_name(words: str, representation: str) -> str:
    if representation not in TIMES and TIMESTAMP.search(words):
        return ""
    if IDENTIFYING.search(words):
        numeric = representation in BINARY | DECIMAL and not PERSONAL.search(words)
        return "unexplained" if numeric else ""
    if TIME.search(words):
        return "timed"
    return "unexplained" if MEANINGLESS.fullmatch(words) else "documented"


def is_harmless(kind: str, representation: str, texts: list[str], cleaner: Cleaner) -> bool:
    """Tell whether the values of a private element may stay as they are."""
    if kind == "coded":
        return representation in TIMES or representation == "UI"
    if kind == "curated" and representation in CODES | PROSE:
        return all(_is_curated(text, cleaner) for text in texts)
    if representation in BINARY | DECIMAL:
        explained = kind != "unexplained" or representation in FLOATS
        measures = all(_is_measure(text, cleaner, explained=explained) for text in texts)
        return measures and not (kind == "timed" and any(map(_is_epoch, texts)))
    if representation in CODES:
        # A code string is one of a vendor's terms even where nobody says of what.
        explained = kind != "unexplained" or representation == "CS"
        return all(_is_technical(text, cleaner, explained=explained) for text in texts)
    return representation in TIMES or representation == "UI"


def _is_measure(text: str, cleaner: Cleaner, *, explained: bool) -> bool:
    if not text:
        return True
    if cleaner.is_number(text) or cleaner.finds(text):
        return False
    try:
        value = abs(float(text.rstrip("DWMY")))
    except ValueError:
        return False
    if cleaner.is_number(f"{value:.0f}") or cleaner.is_day(value):
        return False
    if not value.is_integer() or value in SENTINELS:
        return True
    return explained or value < LARGEST_UNKNOWN


def _is_curated(text: str, cleaner: Cleaner) -> bool:
    """Tell whether a text is technical, as curators found it; a number, if it is no date or ID."""
    if not NUMBER.fullmatch(text):
        return _is_technical(text, cleaner, explained=True)
    return _is_measure(text, cleaner, explained=True) and not any(written_dates.dates(text))


def _is_epoch(text: str) -> bool:
    value = float(text.rstrip("DWMY") or 0)
    return EPOCH[0] <= value < EPOCH[1]


def _is_technical(text: str, cleaner: Cleaner, *, explained: bool) -> bool:
    if cleaner.cleaned(text) != text:
        return False
    found = [word for word in LETTERS.findall(folded(text)) if len(word) > SHORTEST]
    if not explained and not all(map(is_clinical, found)):
        return False
    return not any(is_given_name(word) or is_surname(word) for word in found)
