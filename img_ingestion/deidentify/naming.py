"""
Names of what leaves: the customer's own where nothing in it can identify, else a pseudonym.

A stem is kept when it is made of generic words and short numbers only, and no number is one of
this header's identifiers: `dicom_00000005_000` stays.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from img_ingestion.instance import Identifiers

GENERIC = frozenset(  # as a text, because a list of a word a line would fill a page
    """
    dicom dcm image images img im slice frame series ser file anon scan study instance i s
    cr ct dx es iod io ivus mg mr nm op ot pt px rf rtimage sc seg us xa xc xray axial coronal
    sagittal localizer chest head lossless jpeg rle
    """.split(),  # noqa: SIM905 - see above
)
PARTS = re.compile(r"[A-Za-z]+|\d+")
WHOLE = re.compile(r"[A-Za-z0-9_. -]{1,64}")
LONGEST_NUMBER = 8
MOST_NUMBERS = 3
SHORTEST_MATCH = 4


def stem_is_safe(stem: str, found: Identifiers) -> bool:
    """Tell whether a file's stem can go into a name that leaves, a log or a console line."""
    if not WHOLE.fullmatch(stem) or stem.startswith((".", "-", " ")):
        return False
    if len(re.findall(r"\d+", stem)) > MOST_NUMBERS:
        return False
    return all(
        _number_is_safe(part, found) if part.isdigit() else part.lower() in GENERIC
        for part in PARTS.findall(stem)
    ) and _number_is_safe(re.sub(r"\D", "", stem)[:LONGEST_NUMBER], found)


def _number_is_safe(number: str, found: Identifiers) -> bool:
    if len(number) > LONGEST_NUMBER:
        return False
    if _reads_as_date(number):
        return False
    significant = number.lstrip("0")
    if len(significant) < SHORTEST_MATCH:
        return not any(number == known.replace(" ", "") for known in found.numbers)
    known_digits = [re.sub(r"\D", "", known) for known in (*found.numbers, *found.dates)]
    return not any(
        known and (significant in known or known.lstrip("0") in number) for known in known_digits
    )


def _reads_as_date(number: str) -> bool:
    """Tell 19990131 and 31011999 from a counter: whose date it is does not matter."""
    if len(number) != LONGEST_NUMBER:
        return False
    return bool(
        re.fullmatch(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])", number)
        or re.fullmatch(r"(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])(?:19|20)\d\d", number)
        or re.fullmatch(r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:19|20)\d\d", number),
    )


def output_name(stem: str, found: Identifiers, pseudonym: str) -> str:
    """Give the stem for the output files: the customer's own, or the pseudonym of the content."""
    return stem.replace(" ", "_") if stem_is_safe(stem, found) else pseudonym
