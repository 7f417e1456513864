"""Device rules of the recipe: which pictures of which device carry text, and where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from img_ingestion.attribute import tag_of
from img_ingestion.deidentify.representation import BYTES, texts_of
from img_ingestion.errors import NotDeidentified, turned_into
from img_ingestion.instance import Region

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydicom.dataset import Dataset

NOT_SAID = BYTES | {None, "SQ"}
"""Representations of which only pydicom makes texts."""
Read = tuple[str, ...] | NotDeidentified | None
"""An element's values as text, None where it is absent, or why it cannot be read."""
Test = Literal["contains", "notcontains", "equals", "notequals", "missing", "present", "empty"]


class Criterion(NamedTuple):
    """One test of one element, e.g. `contains Manufacturer GE`."""

    tag: int
    test: Test
    value: str = ""
    """A case-blind regular expression for (not)contains, a case-blind text for (not)equals."""


class Box(NamedTuple):
    """A rectangle in pixels: left and top inside, right and bottom just outside."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True, eq=False)
class PixelRule:
    """
    One LABEL of the recipe's %filter section.

    It matches when every group of `where` has at least one criterion that is true (a
    conjunction of disjunctions, which is what `+` and `||` say).
    """

    label: str
    line: int
    verdict: Literal["clean", "burned_in"]
    """`clean` for %filter whitelist, `burned_in` for graylist and blacklist."""
    where: tuple[tuple[Criterion, ...], ...]
    hide: tuple[Box, ...] = ()
    keep: tuple[Box, ...] = ()
    hide_all: bool = False
    """`coordinates all`: the whole frame, less `keep`."""


def matching(rule: PixelRule, dataset: Dataset) -> bool:
    """
    Tell whether the rule speaks of this instance.

    Only the top level of the data set is asked, as deid does: Code Meaning (0008,0104) of a
    dosimetry phantom stands in a sequence of every slice of some scanners, so that a rule
    which looked there would blacken all of their pictures.

    Raises
    ------
    NotDeidentified
        An element that the rule asks for cannot be read.

    """
    return bool(matched((rule,), dataset))


def matched(rules: Iterable[PixelRule], dataset: Dataset) -> tuple[PixelRule, ...]:
    """Give the rules that match; pictures with the same values are asked about once."""
    every = tuple(rules)
    return _matched(every, tuple(_read(dataset, tag) for tag in _asked(every)))


@lru_cache(maxsize=64)
def _asked(rules: tuple[PixelRule, ...]) -> tuple[int, ...]:
    """Give the elements that rules ask for."""
    criteria = (each for rule in rules for group in rule.where for each in group)
    return tuple(dict.fromkeys(criterion.tag for criterion in criteria))


@lru_cache(maxsize=256)
def _matched(rules: tuple[PixelRule, ...], read: tuple[Read, ...]) -> tuple[PixelRule, ...]:
    said = dict(zip(_asked(rules), read, strict=True))
    return tuple(
        rule
        for rule in rules
        if all(any(_holds(each, said[each.tag]) for each in group) for group in rule.where)
    )


def covered(rules: Iterable[PixelRule], rows: int, columns: int) -> tuple[Region, ...]:
    """
    Lay the boxes of these rules over a picture: each rule's `hide` less its own `keep`.

    Boxes are cut at the edges of the picture; what lies wholly outside is left out.
    """
    picture = Box(0, 0, columns, rows)
    regions = [
        Region(box.left, box.top, box.right, box.bottom, rule.label)
        for rule in rules
        for hidden in ((picture,) if rule.hide_all else rule.hide)
        for box in _without(_common(hidden, picture), rule.keep)
    ]
    return tuple(dict.fromkeys(regions))


def _read(dataset: Dataset, tag: int) -> Read:
    try:
        return _texts(dataset, tag)
    except NotDeidentified as error:
        return error


def _holds(criterion: Criterion, texts: Read) -> bool:
    if isinstance(texts, NotDeidentified):
        raise texts
    match criterion.test:
        case "missing":
            return texts is None
        case "present":
            return texts is not None
        case "empty":
            return texts == ()
        case "notcontains" | "notequals":
            return not _says(criterion, texts or ())
        case "contains" | "equals":
            return _says(criterion, texts or ())


def _says(criterion: Criterion, texts: Sequence[str]) -> bool:
    if criterion.test in {"contains", "notcontains"}:
        return any(re.search(criterion.value, text, re.IGNORECASE) for text in texts)
    asked = criterion.value.strip().casefold()
    return any(text.casefold() == asked for text in texts)


def _texts(dataset: Dataset, tag: int) -> tuple[str, ...] | None:
    """Give an element's values as text, and all of them joined; None when it is absent."""
    # MINDRAY's rule asks for Implementation Version Name (0002,0013).
    level = getattr(dataset, "file_meta", None) if tag >> 16 == 0x0002 else dataset  # noqa: PLR2004 - the group of the file meta information
    raw = None if level is None else level.get_item(tag_of(tag))
    if level is None or raw is None:
        return None
    with turned_into(NotDeidentified, "reading an element that a device rule asks for"):
        if raw.VR in NOT_SAID:
            element = level[tag]
            if element.VR == "SQ":
                return ("",) * len(element.value)
            values = element.value if element.VM > 1 else [element.value]
            texts = tuple(text for value in values if (text := _text(value)))
        else:
            texts = tuple(filter(None, texts_of(level, raw)))
    return (*texts, "\\".join(texts)) if len(texts) > 1 else texts


def _text(value: object) -> str:
    if value is None:
        return ""
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return text.strip(" \0")


def _common(one: Box, other: Box) -> Box:
    return Box(
        max(one.left, other.left),
        max(one.top, other.top),
        min(one.right, other.right),
        min(one.bottom, other.bottom),
    )


def _is_area(box: Box) -> bool:
    return box.left < box.right and box.top < box.bottom


def _without(box: Box, keep: Sequence[Box]) -> list[Box]:
    """Cut the kept boxes out of a box; what is left as boxes that do not overlap."""
    pieces = [box]
    for hole in keep:
        pieces = [part for piece in pieces for part in _around(piece, _common(piece, hole))]
    return [piece for piece in pieces if _is_area(piece)]


def _around(box: Box, hole: Box) -> tuple[Box, ...]:
    if not _is_area(hole):
        return (box,)
    return (
        Box(box.left, box.top, box.right, hole.top),
        Box(box.left, hole.bottom, box.right, box.bottom),
        Box(box.left, hole.top, hole.left, hole.bottom),
        Box(hole.right, hole.top, box.right, hole.bottom),
    )
