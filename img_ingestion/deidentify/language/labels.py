"""The %filter sections: which pictures carry text, and where."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_args

from img_ingestion.deidentify.language.elements import keyword_tag
from img_ingestion.deidentify.language.text import Fault
from img_ingestion.deidentify.pixels.rules import Box, Criterion, PixelRule, Test
from img_ingestion.errors import SettingsError

if TYPE_CHECKING:
    from img_ingestion.deidentify.language.text import Label, Statement

TESTS: tuple[Test, ...] = get_args(Test)
BARE = frozenset({"missing", "present", "empty"})
PATTERNS = frozenset({"contains", "notcontains"})
BURNED_IN_ANNOTATION = 0x00280301
WHOLE = "all"

_JOINT = re.compile(rf" (\|\||\+) (?=(?:{'|'.join(TESTS)}) )")
_COORDINATES = re.compile(r"(ctp)?(keep)?coordinates +(\d+,\d+,\d+,\d+|all)")
# deid puts patterns into lower case before it uses them, which turns \D into \d.
_NEGATED_CLASS = re.compile(r"\\[A-Z]")
# `DERIVED+SECONDARY` reads like two tests and is one pattern that no device ever writes.
_PLUS = re.compile(r"[A-Za-z0-9]\+")


def pixel_rule(label: Label) -> PixelRule:
    """
    Read one LABEL with its tests and coordinates.

    Raises
    ------
    Fault
        deid would drop or misread a line of it, or it could not fire as it reads.

    """
    tests = [said for said in label.members if "coordinates" not in said.text.split()[0].lower()]
    boxes = [_box(said) for said in label.members if said not in tests]
    where = tuple(group for said in tests for group in _groups(said, first=said is tests[0]))
    clean = label.head.section == "filter whitelist"
    kept = [keep for keep, _ in boxes]
    if not label.head.text.removeprefix("LABEL").strip():
        raise Fault(label.head.line, "LABEL needs a name")
    if sorted(kept) != kept or (kept and all(kept)):
        raise Fault(label.head.line, "what is kept comes after the coordinates it is kept from")
    if not where and (clean or not boxes):
        raise Fault(label.head.line, "this LABEL has no test")
    if clean and boxes:
        raise Fault(label.head.line, "a picture of the whitelist has no coordinates to hide")
    if clean and any(test.tag == BURNED_IN_ANNOTATION for group in where for test in group):
        raise Fault(label.head.line, "BurnedInAnnotation is not believed when it says clean")
    return PixelRule(
        label=label.head.text.removeprefix("LABEL").strip(),
        line=label.head.line,
        verdict="clean" if clean else "burned_in",
        where=where,
        hide=tuple(box for keep, box in boxes if box is not None and not keep),
        keep=tuple(box for keep, box in boxes if box is not None and keep),
        hide_all=any(box is None for _, box in boxes),
    )


def _box(said: Statement) -> tuple[bool, Box | None]:
    """Read a coordinates statement: whether it keeps, and the box (None for the whole picture)."""
    found = _COORDINATES.fullmatch(said.text)
    if found is None or said.commented:
        raise Fault(
            said.line,
            "coordinates are four whole numbers with commas and no spaces, or all, "
            "and no comment beside them",
        )
    ctp, keep, text = found.groups()
    if text == WHOLE:
        if keep:
            raise Fault(said.line, "to keep the whole picture, hide nothing")
        return False, None
    left, top, right, bottom = map(int, text.split(","))
    box = Box(left, top, left + right, top + bottom) if ctp else Box(left, top, right, bottom)
    if box.right <= box.left or box.bottom <= box.top:
        raise Fault(said.line, "this box is empty")
    return bool(keep), box


def _groups(said: Statement, *, first: bool) -> tuple[tuple[Criterion, ...], ...]:
    """Read one line of tests: `a + b` makes two groups, `a || b` one."""
    if said.text.startswith("||"):
        raise Fault(said.line, "deid reads || at the start of a line as AND; write a || b on one")
    if said.text.startswith("+") is first:
        raise Fault(said.line, "the first test has no +, every further line starts with +")
    if said.commented or "  " in said.text:
        raise Fault(said.line, "deid takes a comment or a second space here for part of the value")
    # Tests at even places, what joins them at odd ones.
    parts = _JOINT.split(said.text.removeprefix("+").strip())
    joints = set(parts[1::2])
    if len(joints) > 1:
        raise Fault(said.line, "|| and + on one line have no agreed order; use two lines")
    tests = tuple(_test(said.line, part) for part in parts[::2])
    valued = [test.test not in BARE for test in tests]
    if sorted(valued, reverse=True) != valued:
        raise Fault(said.line, "deid mixes up values unless tests that have one come first")
    return (tests,) if joints == {"||"} else tuple((test,) for test in tests)


def _test(line: int, text: str) -> Criterion:
    """Read one test, e.g. `contains Manufacturer GE`."""
    word, _, rest = text.partition(" ")
    test = next((known for known in TESTS if known == word), None)
    if test is None:
        raise Fault(line, f"tests are {', '.join(TESTS)}, in small letters")
    field, _, value = rest.partition(" ")
    if bool(value) is (test in BARE) or not field:
        raise Fault(line, f"{test} takes a keyword{'' if test in BARE else ' and a value'}")
    try:
        tag = keyword_tag(field)
    except SettingsError as error:
        raise Fault(line, str(error)) from error
    if test in PATTERNS:
        _check_pattern(line, value)
    elif "|" in value:
        raise Fault(line, f"{test} compares text; for a choice write contains, or a || b")
    return Criterion(tag, test, value)


def _check_pattern(line: int, value: str) -> None:
    """Refuse a regular expression that is broken, or says something else than it seems to."""
    try:
        matches_nothing = re.search(value, "") is not None
    except re.error as error:
        raise Fault(line, "this is no regular expression") from error
    if matches_nothing:
        raise Fault(line, "this expression matches everything")
    if _NEGATED_CLASS.search(value):
        raise Fault(line, r"deid reads \D, \S and \W in small letters, which mean the opposite")
    if _PLUS.search(value):
        raise Fault(line, r"a letter and + is a repetition; write \+ for the sign, + and a test")
