"""
Names of what leaves: the customer's own where nothing in it can identify, else a pseudonym.

A stem is kept when it is made of generic words and short numbers only, and none of them stands in
a person's name, number or date of this header: `dicom_00000005_000` stays.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from img_ingestion.deidentify.action import Action
from img_ingestion.deidentify.representation import texts_of
from img_ingestion.deidentify.said import said

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from img_ingestion.deidentify.recipe import HeaderRule
    from img_ingestion.deidentify.said import Said

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
SHORTEST_PART = 4
"""Digits of a longer number that identify; a whole number does from two digits on."""
TEXT = frozenset({"AE", "AS", "DA", "DT", "IS", "LO", "LT", "SH", "ST", "UC", "UT"})
_YEAR, _MONTH, _DAY = r"(?:19|20)\d\d", r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
DATE = re.compile(f"{_YEAR}{_MONTH}{_DAY}|{_DAY}{_MONTH}{_YEAR}|{_MONTH}{_DAY}{_YEAR}")
DAY = re.compile(r"(?:\D|^)((?:19|20)\d\d)(\d\d)(\d\d)")


class Telling(NamedTuple):
    """What in a header would give a file's name away: words of names, and digits."""

    words: frozenset[str]
    numbers: frozenset[str]
    """Without zeros before them."""

    def names(self, word: str) -> bool:
        """Tell whether a word stands in a person's name."""
        return word.lower() in self.words

    def counts(self, number: str) -> bool:
        """Tell whether a number is, or is part of, one that identifies."""
        digits = number.lstrip("0")
        if len(digits) < SHORTEST_PART:
            return len(digits) > 1 and digits in self.numbers  # one digit says nothing
        return any(_alike(digits, known) for known in self.numbers)


def telling(header: Iterable[Said], table: Mapping[int, HeaderRule]) -> Telling:
    """
    Collect what must not be in a name: from every element that is not simply kept, at every level.

    Parameters
    ----------
    header : iterable of Said
        Of the original.
    table : mapping of tag to HeaderRule
        The compiled recipe.

    """
    words: set[str] = set()
    numbers: set[str] = set()
    for vr, text in _texts(header, table):
        told = _told(vr == "PN", text)
        words |= told.words
        numbers |= told.numbers
    return Telling(frozenset(words), frozenset(numbers) - {""})


@lru_cache(maxsize=4096)
def _told(is_name: bool, text: str) -> Telling:  # noqa: FBT001 - the key of a memory
    """Say what one value tells; most are the same in all files of a study."""
    words = re.findall(r"[^\W\d_]+", text.lower()) if is_name else ()
    numbers = {*re.findall(r"\d+", text), re.sub(r"\D", "", text)}
    for year, month, day in DAY.findall(text):
        numbers.update(map("".join, _orders(year, month, day)))
    return Telling(frozenset(words), frozenset(number.lstrip("0") for number in numbers))


def _texts(header: Iterable[Said], table: Mapping[int, HeaderRule]) -> Iterator[tuple[str, str]]:
    for source, raw, tag, known in header:
        vr = known if known != "UN" else str(source[raw.tag].VR)
        if vr == "SQ":
            for item in source[raw.tag].value:
                yield from _texts(said(item), table)
            continue
        rule = table.get(tag)
        if vr == "PN" or (vr in TEXT and rule is not None and rule.action is not Action.K):
            yield vr, " ".join(texts_of(source, raw))


def _orders(year: str, month: str, day: str) -> Iterator[tuple[str, str, str]]:
    for written in (year, year[2:]):
        yield written, month, day
        yield day, month, written
        yield month, day, written


def _alike(digits: str, known: str) -> bool:
    if len(digits) > len(known):
        digits, known = known, digits
    return len(digits) >= SHORTEST_PART and digits in known


def output_name(
    stem: str, header: Iterable[Said], table: Mapping[int, HeaderRule], pseudonym: str
) -> str:
    """
    Give the stem for the output files: the customer's own, or the pseudonym of the content.

    Parameters
    ----------
    stem : str
        Of the file as the customer named it.
    header : iterable of Said
        Of the original.
    table : mapping of tag to HeaderRule
        The compiled recipe.
    pseudonym : str
        What stands in its place.

    """
    if not _is_plain(stem):
        return pseudonym
    told = telling(header, table)
    words, numbers = _parts(stem)
    tells = any(map(told.names, words)) or any(map(told.counts, (*numbers, "".join(numbers))))
    return pseudonym if tells else stem.replace(" ", "_")


def _parts(stem: str) -> tuple[list[str], list[str]]:
    parts = PARTS.findall(stem)
    return [part for part in parts if not part.isdigit()], [
        part for part in parts if part.isdigit()
    ]


def _is_plain(stem: str) -> bool:
    """Tell whether a stem is made of generic words and a few short numbers, whoever it is of."""
    if not WHOLE.fullmatch(stem) or stem.startswith((".", "-", " ")):
        return False
    words, numbers = _parts(stem)
    return (
        len(numbers) <= MOST_NUMBERS
        and all(len(number) <= LONGEST_NUMBER for number in numbers)
        and all(word.lower() in GENERIC for word in words)
        and not any(map(_reads_as_date, (*numbers, "".join(numbers))))
    )


def _reads_as_date(number: str) -> bool:
    """Tell 19990131 and 31011999 from a counter: whose date it is does not matter."""
    return DATE.fullmatch(number) is not None
