"""What a recipe says and can never do, and labels that say two things of one picture."""

from __future__ import annotations

import re
from itertools import combinations
from typing import TYPE_CHECKING

from pydicom.datadict import dictionary_has_tag, dictionary_VM, tag_for_keyword

from img_ingestion.deidentify.language.elements import vr_of
from img_ingestion.deidentify.language.text import Fault
from img_ingestion.deidentify.tables import rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from img_ingestion.deidentify.language.header import HeaderRule
    from img_ingestion.deidentify.pixels.rules import Criterion, PixelRule

NOWHERE = {0x0004: "a DICOMDIR", 0xFFFE: "the marks of items"}
"""Groups that stand in no instance (PS3.5 7.5, PS3.10 8)."""
WHOLE_NUMBERS = frozenset({"US", "UL", "SS", "SL", "UV", "SV", "IS"})
ABSENT = frozenset({"missing", "empty"})
SAID = frozenset({"contains", "equals"})
OPPOSITES = {"notcontains": "contains", "notequals": "equals"}
SIZES = (("Rows", "top"), ("Columns", "left"))


def idle(header: Iterable[HeaderRule], labels: Sequence[PixelRule]) -> tuple[Fault, ...]:
    """Find the lines that can never fire, in the order of the file."""
    found = [
        Fault(rule.line, f"can never fire: its element stands in {NOWHERE[rule.tag >> 16]} only")
        for rule in header
        if rule.tag >> 16 in NOWHERE and rule.tag not in rows()
    ]
    for rule in labels:
        why = next(_never(rule), "")
        found += [Fault(rule.line, f"can never fire: {why}")] if why else _outside(rule)
    return tuple(sorted(found, key=lambda fault: fault.line))


def disputes(labels: Sequence[PixelRule]) -> tuple[Fault, ...]:
    """Find labels that say the opposite of another, or nothing that another does not say."""
    found = {
        one.line: (one, other)
        for pair in combinations(labels, 2)
        for one, other in (pair, pair[::-1])
        if _implies(one, other) and (_opposes(one, other) or _adds_nothing(one, other))
    }
    return tuple(Fault(line, _said(*found[line])) for line in sorted(found))


def _said(one: PixelRule, other: PixelRule) -> str:
    if _opposes(one, other):
        return f"conflicts with line {other.line}: what carries text is never called clean"
    return f"does nothing that line {other.line} does not do"


def _opposes(one: PixelRule, other: PixelRule) -> bool:
    return (one.verdict, other.verdict) == ("clean", "burned_in")


def _implies(narrow: PixelRule, wide: PixelRule) -> bool:
    """Tell whether each picture of the one label is one of the other as well."""
    return all(any(set(own) <= set(group) for own in narrow.where) for group in wide.where)


def _adds_nothing(narrow: PixelRule, wide: PixelRule) -> bool:
    if narrow.verdict != wide.verdict:
        return False
    if narrow.verdict == "clean" or _holds(wide):
        return True
    hidden = wide.hide_all or (not narrow.hide_all and set(narrow.hide) <= set(wide.hide))
    return hidden and not wide.keep and not _holds(narrow)


def _holds(rule: PixelRule) -> bool:
    """Tell whether a label holds its pictures: it says that there is text, and not where."""
    return rule.verdict == "burned_in" and not (rule.hide or rule.hide_all)


def _never(rule: PixelRule) -> Iterator[str]:
    """Give each reason why no picture meets all tests of a label."""
    must = [group[0] for group in rule.where if len(group) == 1]
    for group in rule.where:
        if all(_impossible(test) for test in group):
            yield "no such number is a value of that element"
    for one, other in combinations(must, 2):
        if one.tag == other.tag and (_contradict(one, other) or _contradict(other, one)):
            yield "two of its tests exclude each other"


def _impossible(test: Criterion) -> bool:
    return (
        test.test == "equals"
        and vr_of(test.tag) in WHOLE_NUMBERS
        and re.fullmatch(r"[+-]?\d+", test.value.strip()) is None
    )


def _contradict(one: Criterion, other: Criterion) -> bool:
    """Tell whether the first test, where it is true, makes the second one false."""
    if one.test == "missing":
        return other.test in {*SAID, "present", "empty"}
    if one.test == "empty":
        return other.test in SAID
    if other.test in OPPOSITES and OPPOSITES[other.test] == one.test:
        return one.value.casefold() == other.value.casefold()
    if one.test != "equals" or not _is_single(one.tag):
        return False
    asked = one.value.strip()
    if other.test == "equals":
        return asked.casefold() != other.value.strip().casefold()
    says = re.search(other.value, asked, re.IGNORECASE) is not None
    return (other.test == "contains" and not says) or (other.test == "notcontains" and says)


def _is_single(tag: int) -> bool:
    return dictionary_has_tag(tag) and dictionary_VM(tag) == "1"


def _outside(rule: PixelRule) -> list[Fault]:
    """Find boxes that lie outside every picture that the label speaks of."""
    sizes = {
        group[0].tag: int(group[0].value)
        for group in rule.where
        if len(group) == 1 and group[0].test == "equals" and group[0].value.strip().isdecimal()
    }
    outside = [
        box
        for box in rule.hide
        for keyword, side in SIZES
        if getattr(box, side) >= sizes.get(tag_for_keyword(keyword) or 0, 1 << 31)
    ]
    return [Fault(rule.line, "a box lies outside of every picture of these sizes")] * bool(outside)
