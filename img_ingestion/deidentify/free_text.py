"""
Clean text: the words stay, the patient goes.

First this patient's own identifiers (`own`), in any case, with or without diacritics, and across
separators; then, in prose, what looks like anybody's (`patterns`, `people`). What is found is cut
out, but for dates that can be moved (`moved_dates`); the rest is untouched.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from img_ingestion.deidentify import institutions, moved_dates, patterns, people, written_dates
from img_ingestion.deidentify.moved_dates import Moving
from img_ingestion.deidentify.own import Names, Numbers
from img_ingestion.deidentify.text_forms import UID, Folded, Squeezed, fold, folded, has_uid, words
from img_ingestion.deidentify.vocabulary import listed, may_be_finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from img_ingestion.deidentify.span import Span
    from img_ingestion.instance import Identifiers

__all__ = ["Cleaner", "folded", "words"]

LEFTOVERS = listed("leftovers") | listed("cues") | listed("links") | listed("titles")
INTRODUCING = (
    listed("cues") | listed("links") | listed("titles") | {"at", "call", "dob", "on", "seen"}
)
CUE = re.compile(r"(?<![^\W_])([^\W\d_]+)[ .:]{1,2}\Z")
LONGEST_CUE, SHORT_TITLE = 24, 2
"""Characters. In capitals DR and MR are digital radiography and magnetic resonance."""
LONG_NUMBER = 6
END_OF_TIMES = 4e9
MOST_REMEMBERED, LONGEST_REMEMBERED = 20_000, 10_240
"""Texts, and their characters: some megabytes; what is longer than an LT may be has no end."""
MOST_TEXTS = 2048
"""Of which is known what is anybody's in them."""
NUMERIC = re.compile(r"[0-9+. -]*")
FEWEST_DOTS = 3
"""Of a UID."""
NO_DIGIT = re.compile(r"\D")


@dataclass(frozen=True, slots=True)
class Cleaner:
    """The cleaning of one patient's texts."""

    names: Names
    numbers: Numbers
    places: Numbers
    """Of institutions and stations: cut from prose only, since devices are named alike."""
    uids: frozenset[str]
    dates: frozenset[str]
    days_of_years: frozenset[str]
    """Month and day of each, as MMDD."""
    counts: frozenset[str]
    """Identifying numbers and dates of six digits or more: too long for a count or a measure."""
    moving: Moving | None = None
    """None where the dates of texts are cut."""
    done: dict[tuple[str, bool], str] = field(default_factory=dict, repr=False)
    """Texts repeat from item to item, from level to level, and from file to file of a study."""
    known: dict[tuple[str, bool], bool] = field(default_factory=dict, repr=False)
    """The same of what was only looked at."""

    @classmethod
    def of(cls, found: Identifiers, days: int | None = None) -> Cleaner:
        """
        Prepare what identifies this patient; but for its UIDs it is the same in many files.

        `days` are those by which dates move, 0 where they stay; None where they go.
        """
        return replace(_prepared(replace(found, uids=frozenset()), days), uids=found.uids)

    @classmethod
    def prepared(cls, found: Identifiers, days: int | None) -> Cleaner:
        """Prepare it anew."""
        known = {each.replace(" ", "") for each in (*found.numbers, *found.dates)}
        counts = frozenset(each for each in known if each.isdigit() and len(each) >= LONG_NUMBER)
        return cls(
            Names.of(found.names),
            Numbers.of((*found.numbers, *found.phrases)),
            Numbers.of(found.places),
            found.uids,
            found.dates,
            frozenset(each[4:] for each in found.dates if len(each) == len("YYYYMMDD")),
            counts,
            None if days is None else Moving(days, found.births, found.dates),
        )

    def without_own(self, text: str) -> str:
        """Cut this patient's own identifiers out of a text."""
        return self._cut(text, prose=False)

    def cleaned(self, text: str) -> str:
        """Cut this patient's and anybody else's identifiers out of a text."""
        clean = self._cut(text, prose=True)
        left = words(folded(clean)) if clean != text else ()
        # `Ordered for by`: only tells that something was there, and with a letter what.
        return "" if left and LEFTOVERS.issuperset(left) else clean

    def finds(self, text: str, *, prose: bool = False) -> bool:
        """Tell whether one of this patient's own identifiers stands in a text."""
        if self.done.get((text, prose)) == text:
            return False
        if not prose and NUMERIC.fullmatch(text) and not self._may_be_own(text):
            return False
        known = self.known.get((text, prose))
        if known is None:
            known = any(start < end for start, end in self._own(fold(text), prose=prose))
            if self.may_remember(text):
                self.known[text, prose] = known
        return known

    def _may_be_own(self, number: str) -> bool:
        """Tell a number that may be the patient's from those that cannot, which are nearly all."""
        digits = NO_DIGIT.sub("", number)
        return (
            any(True for _ in self.numbers.standing(digits))
            or number.count(".") >= FEWEST_DOTS
            or any(day in self.dates for _, day in written_dates.dates(number))
        )

    def is_number(self, text: str) -> bool:
        """Tell whether a value of IS or DS is no count or measure but an identifying number."""
        return len(text) >= LONG_NUMBER and NO_DIGIT.sub("", text) in self.counts

    def is_day(self, seconds: float) -> bool:
        """Tell whether a number is one of the instance's days, in seconds since 1970."""
        if not 0 < seconds < END_OF_TIMES:
            return False
        day = datetime.fromtimestamp(seconds, UTC).toordinal()
        return not _ordinals(self.dates).isdisjoint((day - 1, day, day + 1))

    def _cut(self, text: str, *, prose: bool) -> str:
        known = self.done.get((text, prose))
        if known is None:
            moved = self._with_moved_dates(text) if prose and self.moving else None
            known = self._without(text, prose=prose, strangers=prose) if moved is None else moved
            if self.may_remember(text):
                self.done[text, prose] = known
        return known

    def may_remember(self, text: str) -> bool:
        """Tell a text without a UID, of which every file has others; make room for it."""
        if len(text) > LONGEST_REMEMBERED or has_uid(text):
            return False
        if len(self.done) + len(self.known) >= MOST_REMEMBERED:
            self.done.clear()
            self.known.clear()
        return True

    def _with_moved_dates(self, text: str) -> str | None:
        """Clean a text around its dates, and move them; None where none of them can move."""
        dates = () if self.moving is None else self.moving.of(text)
        if dates:
            form = fold(text)
            own = [form.span(*span) for span in self._own(form, prose=True, dated=False)]
            others = [*_anybodys(text, dated=False), *_strangers(text)]
            dates = moved_dates.free_of(dates, own, others)
        while dates:
            clean = self._without(moved_dates.signed(text, dates), prose=True, strangers=True)
            stay = self.moving is not None and not self.moving.days
            kept = moved_dates.telling_nothing(text, clean, dates, stay=stay)
            if len(kept) == len(dates):
                whole = moved_dates.written(clean, dates)
                return None if any(self._own(fold(whole), prose=True)) else whole
            dates = kept
        return None

    def _without(self, text: str, *, prose: bool, strangers: bool) -> str:
        if not any(map(str.isalnum, text)):
            return text
        form = fold(text)
        spans = [form.span(*span) for span in self._own(form, prose=prose)]
        if prose:
            spans += _anybodys(text)
        if strangers:
            spans += _strangers(text)
        cut = {at for start, end in spans for at in range(start, end)}
        for start, _ in spans if prose else ():
            cut.update(range(_cue_before(text, start), start))
        if not cut:
            return text
        kept = "".join(" " if at in cut else char for at, char in enumerate(text))
        # Once more: what stood apart may have come together. Not the people, whose cues are left
        # and would name the next word.
        rest = re.sub(r" {2,}", " ", kept).strip(" ^,;:/-=_")
        return self._without(rest, prose=prose, strangers=False)

    def _own(self, form: Folded, *, prose: bool, dated: bool = True) -> Iterator[Span]:
        squeezed = Squeezed.of(form.text)
        yield from self.names.spans(form.text, squeezed, prose=prose)
        yield from self.numbers.spans(form.text, squeezed)
        if prose:
            yield from self.places.spans(form.text, squeezed)
        if "." in form.text:
            for match in UID.finditer(form.text):
                if match.group() in self.uids:
                    yield match.span()
        if dated and any(map(str.isdigit, form.text)):
            yield from (span for span, day in written_dates.dates(form.text) if day in self.dates)
        if dated and prose and any(map(str.isdigit, form.text)):
            days = written_dates.yearless(form.text)
            yield from (span for span, day in days if day in self.days_of_years)

    @staticmethod
    def is_sure(name: str) -> bool:
        """Tell whether a name stands for nothing but a person, wherever it turns up."""
        return not may_be_finding(name)


@lru_cache(maxsize=8)
def _prepared(found: Identifiers, days: int | None) -> Cleaner:
    return Cleaner.prepared(found, days)


@lru_cache(maxsize=16)
def _ordinals(dates: frozenset[str]) -> frozenset[int]:
    """Give dates as days since the year 1."""
    found = set()
    for day in dates:
        with suppress(ValueError):
            found.add(date(int(day[:4]), int(day[4:6]), int(day[6:])).toordinal())
    return frozenset(found)


@lru_cache(maxsize=MOST_TEXTS)
def _strangers(text: str) -> tuple[Span, ...]:
    """Give names of people, whoever the patient is."""
    return tuple(people.spans(text))


@lru_cache(maxsize=MOST_TEXTS)
def _anybodys(text: str, *, dated: bool = True) -> tuple[Span, ...]:
    """Give what looks like anybody's identifier but for names of people, by its place in a text."""
    form = fold(text)
    found = [*patterns.spans(form.text, dated=dated), *institutions.spans(form, text)]
    return tuple(form.span(*span) for span in found)


def _cue_before(text: str, at: int) -> int:
    """Give where the words begin that only lead to what is cut: `seen by Dr.`, `for`."""
    while (cue := CUE.search(text, max(0, at - LONGEST_CUE), at)) is not None:
        word = cue[1]
        if folded(word) not in INTRODUCING or (len(word) <= SHORT_TITLE and word.isupper()):
            break
        at = cue.start()
    return at
