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
from pydicom.tag import Tag

from img_ingestion.deidentify import content_items, private, profile
from img_ingestion.deidentify.action import Action
from img_ingestion.deidentify.dummies import DUMMIES
from img_ingestion.deidentify.pseudonyms import names_a_class
from img_ingestion.deidentify.representation import texts_of
from img_ingestion.deidentify.tables import PRIVATE
from img_ingestion.deidentify.written_form import valid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydicom.tag import BaseTag

    from img_ingestion.deidentify.recipe import HeaderRule
    from img_ingestion.deidentify.values import Element, Values

CHARACTER_SET, PERFORMED_STEP = 0x00080005, 0x00081111
REFERENCES = {0x00081110: Action.X_Z, PERFORMED_STEP: Action.X_Z_D}
"""To the study and to the procedure step, under the profile: mapped where nothing else is there."""
REFERENCE = frozenset({"DA", "DT", "IS", "TM", "UI"})
CURVES, OVERLAYS, DIRECTORY = 0x5000, 0x6000, 0x0004
NO_READER = frozenset(
    {0x00080001, 0x04000500, 0x4FFE0001, 0x7FE00020, 0x7FE00030, 0x7FE00040}  # in order of tags
)
"""
Length to End and the coefficients beside Pixel Data: retired, and nobody would look there. The
originals of what was replaced before, encrypted, and the description of signatures that go.
"""
OTHER_CALENDAR = frozenset({0x00100033, 0x00100034})
"""The patient's dates of birth and death as LO, without a row in the table: nobody shifts them."""
PIXELS = 0x7FE0
CODE_TRIPLE = frozenset({0x00080100, 0x00080102, 0x00080104})


@dataclass(frozen=True, slots=True)
class Level:
    """A place in the nesting, and what becomes there of elements that no rule names."""

    parent: int | None = None
    """Tag of the sequence; a composite code depends on it."""
    unnamed: Action = Action.K
    """K: kept by representation. C: their texts are descriptors. D: dropped, codes made dummies."""


TOP = Level()


@dataclass(frozen=True, slots=True)
class Header:
    """The pass: which rule for which tag, and what can be done with a value."""

    table: Mapping[int, HeaderRule]
    values: Values
    sop_class: str

    def cleaned(self, source: Dataset, level: Level = TOP) -> Dataset:
        """Give a data set or an item without its patient; `source` is read only."""
        elements: dict[BaseTag, Element] = {}
        creators: dict[BaseTag, str] = {}
        for tag in sorted(source.keys(), key=int):
            if tag.is_private:
                element = self._private(source, tag, level, creators)
            else:
                element = self._public(source, tag, level)
            if element is not None:
                elements[tag] = valid(element)
        for creator_tag, creator in creators.items():
            elements[creator_tag] = DataElement(creator_tag, "LO", creator)
        # At once, because pydicom decodes a private element that is added to its creator.
        out = Dataset(elements)
        implicit, little = source.original_encoding
        out.set_original_encoding(implicit, little, source.original_character_set)
        for tag in [tag for tag, element in elements.items() if element.VR == "SQ"]:
            out[tag] = elements[tag]
        if content_items.CONCEPT_NAME in out and out[content_items.CONCEPT_NAME].VR == "SQ":
            content_items.settle(out, source, self.table, self.values.patient)
        return out

    def _public(self, source: Dataset, tag: BaseTag, level: Level) -> Element | None:
        if tag.element == 0 or tag.group & 0xFF00 in (CURVES, OVERLAYS) or tag in NO_READER:
            return None
        if tag.group == PIXELS and level.parent is not None:
            # A picture in an item, as an icon is one: nobody looked at it.
            return None
        rule = self.table.get(tag)
        if rule is None:
            return self._unnamed(source, tag, level)
        action = profile.resolved(rule.action, tag, level.parent, self.sop_class)
        mapped = rule.action is REFERENCES.get(tag) and _only_refers(source, tag)
        if mapped or rule.action is Action.X_Z_U:
            # A reference that is dropped in one file and kept in its brother is inconsistent, and
            # mapped it tells nothing: of the three that the table permits, U for every IOD.
            action = Action.U
        elif tag == PERFORMED_STEP:
            action = Action.D if rule.action is Action.X_Z_D else action
        if action is Action.LITERAL:
            return DataElement(tag, _vr(source, tag), rule.value)
        return self._done(action, source, tag, level)

    def _unnamed(self, source: Dataset, tag: BaseTag, level: Level) -> Element | None:
        unknown = tag.group <= DIRECTORY or not dictionary_has_tag(tag)
        if unknown or tag in OTHER_CALENDAR:
            return None
        if level.unnamed is not Action.D:
            text = Action.C if profile.describes(tag) else level.unnamed
            return self._kept(source, tag, text)
        if tag in CODE_TRIPLE:
            return DataElement(tag, dictionary_VR(tag), DUMMIES["LO"])
        return self.values.kept(source, tag, Action.K) if names_a_class(tag) else None

    def _done(self, action: Action, source: Dataset, tag: BaseTag, level: Level) -> Element | None:
        """Do what the rule asks of one element."""
        match action:
            case Action.X:
                return None
            case Action.Z:
                return _empty(source, tag)
            case Action.D:
                return self._dummy(source, tag)
            case Action.K:
                return self._kept(source, tag, level.unnamed, listed=True)
        if _vr(source, tag) == "SQ":
            within = Action.C if action in (Action.C, Action.U) else level.unnamed
            return self._descended(source, tag, within)
        return self.values.changed(action, source, tag) or self._fallback(source, tag)

    def _fallback(self, source: Dataset, tag: BaseTag) -> Element | None:
        """Do what the Basic Profile asks of a value that could be neither shifted nor cleaned."""
        basic = profile.basic(tag)
        action = profile.resolved(basic or Action.X, tag, None, self.sop_class)
        if action is Action.D:
            return self._dummy(source, tag)
        return _empty(source, tag) if action is Action.Z else None

    def _kept(
        self, source: Dataset, tag: BaseTag, unnamed: Action, *, listed: bool = False
    ) -> Element | None:
        if _vr(source, tag) == "SQ":
            return self._descended(source, tag, unnamed)
        return self.values.kept(source, tag, unnamed, listed=listed)

    def _descended(self, source: Dataset, tag: BaseTag, unnamed: Action) -> DataElement | None:
        element = source[tag]
        if element.VR != "SQ":
            return None
        level = Level(tag, unnamed)
        return DataElement(
            tag, "SQ", Sequence([self.cleaned(item, level) for item in element.value])
        )

    def _dummy(self, source: Dataset, tag: BaseTag) -> Element | None:
        vr = _vr(source, tag)
        if vr == "UI":
            return self.values.mapped(source, tag)
        if vr == "PN":
            return self.values.person(source, tag)
        if vr != "SQ":
            return DataElement(tag, vr, DUMMIES[vr])
        dummy = self._descended(source, tag, Action.D)
        return dummy or DataElement(tag, "SQ", Sequence([Dataset()]))

    def _private(
        self, source: Dataset, tag: BaseTag, level: Level, creators: dict[BaseTag, str]
    ) -> Element | None:
        """Keep a private element only if it is known to be safe (PS3.15 E.3.10)."""
        rule = self.table.get(PRIVATE)
        block = tag.element >> 8
        if rule is None or rule.action is Action.X or not block or level.unnamed is Action.D:
            return None
        creator_tag = Tag(tag.group, block)
        name = creators.get(creator_tag)
        if name is None:
            name = _creator(source, creator_tag)
        element = self.values.private(source, tag, private.kind(tag.group, tag.element, name))
        if element is not None:
            creators[creator_tag] = name
        return element


def _creator(source: Dataset, tag: BaseTag) -> str:
    """Give the owner of a private block, or nothing (PS3.5 7.8.1)."""
    return texts_of(source, tag)[0] if tag in source else ""


def _only_refers(source: Dataset, tag: BaseTag) -> bool:
    """Tell whether the items of a sequence say no more than which instance is meant, and when."""
    items = source[tag].value if _vr(source, tag) == "SQ" else None
    public = [(item, each) for item in items or () for each in list(item.keys())]
    silent = {each for _, each in public if each.is_private or each == CHARACTER_SET}
    kinds = {_vr(item, each) for item, each in public if each not in silent}
    return bool(kinds) and kinds <= REFERENCE


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
