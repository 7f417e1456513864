"""
The header: one pass over every element of every level, into a new data set.

Only what this pass puts into the new data set can leave (PS3.15 E.1.1). A rule of the compiled
recipe decides by tag; what no rule names is kept only if the standard's dictionary knows it, and
then by its value representation, in `values`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from img_ingestion.deidentify import profile
from img_ingestion.deidentify.action import Action
from img_ingestion.deidentify.dummies import DUMMIES, REMOVED
from img_ingestion.deidentify.pseudonyms import names_a_class
from img_ingestion.deidentify.tables import PRIVATE
from img_ingestion.deidentify.written_form import valid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydicom.tag import BaseTag

    from img_ingestion.deidentify.recipe import HeaderRule
    from img_ingestion.deidentify.values import Element, Values

CURVES, OVERLAYS, DIRECTORY = 0x5000, 0x6000, 0x0004
COMMON_REFERENCES = 0x00081115
CODE_TRIPLE = frozenset({0x00080100, 0x00080102, 0x00080104})


@dataclass(frozen=True, slots=True)
class Header:
    """The pass: which rule for which tag, and what can be done with a value."""

    table: Mapping[int, HeaderRule]
    values: Values
    sop_class: str

    def cleaned(
        self, source: Dataset, parent: int | None = None, *, blind: bool = False
    ) -> Dataset:
        """
        Give the data set without its patient.

        Parameters
        ----------
        source : Dataset
            The original; read only.
        parent : int, optional
            Tag of the sequence that holds it; a composite code depends on it.
        blind : bool
            Inside a sequence that is to become a dummy: keep no element but those that a rule
            names, and codes as dummies.

        """
        out = Dataset()
        implicit, little = source.original_encoding
        out.set_original_encoding(implicit, little, source.original_character_set)
        creators: dict[int, str] = {}
        for tag in sorted(source.keys()):
            if tag.is_private:
                element = None if blind else self._private(source, tag, creators)
            elif blind and tag not in self.table:
                element = self._blind(source, tag)
            else:
                element = self._public(source, tag, parent)
            if element is not None:
                out[tag] = valid(element)
        # Last, because pydicom decodes a private element once its creator is there.
        for creator_tag, creator in creators.items():
            out[creator_tag] = DataElement(creator_tag, "LO", creator)
        return out

    def _public(self, source: Dataset, tag: BaseTag, parent: int | None) -> Element | None:
        rule = self.table.get(tag)
        if tag.element == 0 or tag.group & 0xFF00 in (CURVES, OVERLAYS):
            return None
        if rule is None:
            if tag.group <= DIRECTORY or not dictionary_has_tag(tag):
                return None
            return self._kept(source, tag)
        action = profile.resolved(rule.action, tag, parent, self.sop_class)
        if rule.action is Action.X_Z_U and COMMON_REFERENCES in source:
            # PS3.3 C.12.2: it lists what the instance refers to, so the references must stay.
            action = Action.U
        return self._done(action, source, tag, rule)

    def _done(
        self, action: Action, source: Dataset, tag: BaseTag, rule: HeaderRule
    ) -> Element | None:
        """Do what the rule asks of one element."""
        match action:
            case Action.X:
                return None
            case Action.K:
                return self._kept(source, tag, listed=True)
            case Action.Z:
                return _empty(source, tag)
            case Action.D:
                return self._dummy(source, tag)
            case Action.LITERAL:
                return DataElement(tag, _vr(source, tag), rule.value)
            case _:
                return self._changed(action, source, tag)

    def _changed(self, action: Action, source: Dataset, tag: BaseTag) -> Element | None:
        if _vr(source, tag) == "SQ":
            return self._descended(source, tag)
        return self.values.changed(action, source, tag) or self._fallback(source, tag)

    def _fallback(self, source: Dataset, tag: BaseTag) -> Element | None:
        """Do what the Basic Profile asks of a value that could be neither shifted nor cleaned."""
        basic = profile.basic(tag)
        action = profile.resolved(basic or Action.X, tag, None, self.sop_class)
        if action is Action.D:
            return self._dummy(source, tag)
        return _empty(source, tag) if action is Action.Z else None

    def _kept(self, source: Dataset, tag: BaseTag, *, listed: bool = False) -> Element | None:
        if _vr(source, tag) == "SQ":
            return self._descended(source, tag)
        return self.values.kept(source, tag, listed=listed)

    def _descended(
        self, source: Dataset, tag: BaseTag, *, blind: bool = False
    ) -> DataElement | None:
        element = source[tag]
        if element.VR != "SQ":
            return None
        items = [self.cleaned(item, tag, blind=blind) for item in element.value]
        return DataElement(tag, "SQ", Sequence(items))

    def _dummy(self, source: Dataset, tag: BaseTag) -> Element | None:
        vr = _vr(source, tag)
        if vr == "UI":
            return self.values.mapped(source, tag)
        if vr != "SQ":
            return DataElement(tag, vr, DUMMIES[vr])
        dummy = self._descended(source, tag, blind=True)
        if dummy is None or not dummy.value:
            dummy = DataElement(tag, "SQ", Sequence([Dataset()]))
        return dummy

    def _blind(self, source: Dataset, tag: BaseTag) -> Element | None:
        """Keep an item of a dummy sequence valid (PS3.3 8.8, 10.11) without its meaning."""
        if tag in CODE_TRIPLE:
            return DataElement(tag, dictionary_VR(tag), REMOVED)
        return self.values.kept(source, tag, listed=False) if names_a_class(tag) else None

    def _private(self, source: Dataset, tag: BaseTag, creators: dict[int, str]) -> Element | None:
        """Keep a private element only if its creator says that it is safe (PS3.15 E.3.10)."""
        rule = self.table.get(PRIVATE)
        block = tag.element >> 8
        if rule is None or rule.action is Action.X or not block:
            return None
        creator_tag = tag.group << 16 | block
        creator = source.get(creator_tag)
        name = "" if creator is None else str(creator.value).strip(" \0")
        if not profile.safe_private(tag.group, tag.element, name):
            return None
        element = self.values.kept(source, tag, listed=False)
        if element is not None:
            creators[creator_tag] = name
        return element


def _empty(source: Dataset, tag: BaseTag) -> DataElement:
    vr = _vr(source, tag)
    return DataElement(tag, vr, Sequence() if vr == "SQ" else None)


def _vr(source: Dataset, tag: BaseTag) -> str:
    """Give the VR to write: the file's where it names one, else the dictionary's first."""
    vr = source.get_item(tag).VR
    if vr is None or vr == "UN":
        known = dictionary_VR(tag) if dictionary_has_tag(tag) else ""
        vr = known.split(" ")[0] or "UN"
    return str(vr)
