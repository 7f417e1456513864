"""Device rules of the recipe: which pictures of which device carry text, and where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydicom.datadict import dictionary_has_tag, dictionary_VR

from img_ingestion.errors import NotDeidentified, turned_into
from img_ingestion.instance import Region

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pydicom.dataset import Dataset

Test = Literal["contains", "notcontains", "equals", "notequals", "missing", "present", "empty"]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One test of one element, e.g. `contains Manufacturer GE`."""

    tag: int
    test: Test
    value: str = ""
    """A case-blind regular expression for (not)contains, a case-blind text for (not)equals."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels: left and top inside, right and bottom just outside."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True)
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

    deid looks at the top level only, and so do we for a `clean` rule, which lets a picture go.
    A `burned_in` rule may also find its word in an item of a sequence when the top level has
    no such element (Code Meaning (0008,0104) never stands at the top level): it hides more.

    Raises
    ------
    NotDeidentified
        An element that the rule asks for cannot be read.

    """
    nested = rule.verdict == "burned_in"
    return all(any(_holds(test, dataset, nested=nested) for test in group) for group in rule.where)


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


def _holds(criterion: Criterion, dataset: Dataset, *, nested: bool) -> bool:
    texts = _texts(dataset, criterion.tag)
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
            if texts is None and nested:
                return any(_says(criterion, found) for found in _below(dataset, criterion.tag))
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
    if level is None or tag not in level:
        return None
    with turned_into(NotDeidentified, "reading an element that a device rule asks for"):
        element = level[tag]
        if element.VR == "SQ":
            return ("",) * len(element.value)
        values = element.value if element.VM > 1 else [element.value]
        texts = tuple(text for value in values if (text := _text(value)))
    return (*texts, "\\".join(texts)) if len(texts) > 1 else texts


def _text(value: object) -> str:
    if value is None:
        return ""
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return text.strip(" \0")


def _below(dataset: Dataset, tag: int) -> Iterator[tuple[str, ...]]:
    """Find the element in the items of every sequence, at any depth."""
    for sequence in _sequences(dataset):
        with turned_into(NotDeidentified, "reading a sequence that a device rule looks into"):
            items = list(dataset[sequence].value)
        for item in items:
            yield _texts(item, tag) or ()
            yield from _below(item, tag)


def _sequences(dataset: Dataset) -> Iterator[int]:
    # Asks for no value: reading all elements to find the few sequences would parse them all.
    for tag in dataset.keys():  # noqa: SIM118 - iterating a Dataset gives elements, not tags
        vr = dataset.get_item(tag).VR
        if vr in {None, "UN"}:
            vr = dictionary_VR(tag) if dictionary_has_tag(tag) else vr
        if vr == "SQ":
            yield tag


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
