"""What changes in the header: each element that does, and the line or row that asks for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydicom.datadict import dictionary_has_tag, keyword_for_tag
from pydicom.sequence import Sequence

from img_ingestion.deidentify import profile
from img_ingestion.deidentify.tables import rows
from img_ingestion.errors import NotDeidentified, turned_into

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

    from img_ingestion.deidentify import Policy

LONGEST = 200
"""Characters of a value that are worth showing."""


@dataclass(frozen=True, slots=True)
class Change:
    """One element that is not what it was."""

    place: str
    """E.g. `(0008,1140)[1].(0008,1155)`."""
    keyword: str
    before: str
    """Its class: value representation and size, no value."""
    after: str
    rule: str
    """The line of the recipe and the row of the table behind it."""
    old: str = field(default="", repr=False)
    """The value; PHI."""
    new: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The header of an instance before and after; after is None when it is held."""

    policy: Policy
    sop_class: str

    def changes(
        self, source: Dataset, clean: Dataset | None, above: tuple[int, ...] = (), at: str = ""
    ) -> Iterator[Change]:
        """Give each element that changes, in tag order, sequences item by item."""
        with turned_into(NotDeidentified, "comparing the header"):
            tags = set(source.keys()) | set(clean.keys() if clean is not None else ())
            for tag in sorted(tags):
                yield from self._of_element(tag, source, clean, above, at)

    def _of_element(
        self,
        tag: BaseTag,
        source: Dataset,
        clean: Dataset | None,
        above: tuple[int, ...],
        at: str,
    ) -> Iterator[Change]:
        old = source.get(tag)
        new = None if clean is None else clean.get(tag)
        if old is not None and new is not None and _items(old) and _items(new):
            for number, (one, other) in enumerate(zip(old.value, new.value, strict=False), 1):
                here = f"{at}{_notation(tag)}[{number}]."
                yield from self.changes(one, other, (*above, tag), here)
            return
        if old is not None and new is not None and old.value == new.value:
            return
        rule, asked = self._rule(tag, above[-1] if above else None, present=old is not None)
        if clean is None and asked == "K":
            return
        after = f"would be: {asked}" if clean is None else _class(new)
        place = f"{at}{_notation(tag)}"
        yield Change(place, _keyword(tag), _class(old), after, rule, _value(old), _value(new))

    def _rule(self, tag: BaseTag, parent: int | None, *, present: bool) -> tuple[str, str]:
        """Name what decides about an element, and say what it asks."""
        if not present:
            return "added: says what was done, or what every receiver needs", "added"
        rule, row = self.policy.table.get(tag), profile.row_of(tag)
        asked = "K" if rule is None else str(rule.action)
        if rule is not None:
            asked = str(profile.resolved(rule.action, tag, parent, self.sop_class))
        said = []
        if rule is not None and rule.line:
            said.append(f"recipe line {rule.line}: {rule.action}")
        if row is not None:
            said.append(f"Table E.1-1 {rows()[row].notation} {rows()[row].basic}, here {asked}")
        elif not dictionary_has_tag(tag):
            said.append("unknown to the dictionary: removed")
            asked = "X"
        return "; ".join(said) or "no row: by its value representation", asked


def _items(element: DataElement) -> bool:
    return isinstance(element.value, Sequence) and len(element.value) > 0


def _notation(tag: BaseTag) -> str:
    return f"({tag.group:04X},{tag.element:04X})"


def _keyword(tag: BaseTag) -> str:
    return "private" if tag.is_private else keyword_for_tag(tag)


def _class(element: DataElement | None) -> str:
    """Say what kind of value an element has, without the value."""
    if element is None:
        return "absent"
    value = element.value
    if isinstance(value, Sequence):
        return f"SQ, {len(value)} items"
    if element.is_empty:
        return f"{element.VR}, empty"
    if isinstance(value, bytes | memoryview):
        return f"{element.VR}, {len(value)} bytes"
    if element.VM > 1:
        return f"{element.VR}, {element.VM} values"
    return f"{element.VR}, {len(str(value))} characters"


def _value(element: DataElement | None) -> str:
    """Give a value as text, for the eyes of who asked for it on a terminal."""
    if element is None or isinstance(element.value, (Sequence, bytes, memoryview)):
        return ""
    return str(element.value)[:LONGEST]
