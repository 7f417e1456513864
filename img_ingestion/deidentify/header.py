"""
The header: one pass over every element of every level, into a new data set.

Only what this pass puts into the new data set can leave (PS3.15 E.1.1). A rule of the compiled
recipe decides by tag; what no rule names is kept only if the standard's dictionary knows it, and
then by its value representation, in `values`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from img_ingestion.attribute import first_known, known
from img_ingestion.deidentify import content_items, private, profile
from img_ingestion.deidentify.action import Action
from img_ingestion.deidentify.blocks import Blocks
from img_ingestion.deidentify.dummies import DUMMIES
from img_ingestion.deidentify.memory import LONGEST, Memory, repeats
from img_ingestion.deidentify.pseudonyms import names_a_class
from img_ingestion.deidentify.representation import is_private
from img_ingestion.deidentify.serialised import as_raw, encoded
from img_ingestion.deidentify.tables import PRIVATE
from img_ingestion.deidentify.written_form import valid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydicom.tag import BaseTag

    from img_ingestion.deidentify.memory import Answers
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


class Level(NamedTuple):
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
    memory: Memory = field(default_factory=Memory)

    def cleaned(self, source: Dataset, level: Level = TOP) -> Dataset:
        """Give a data set or an item without its patient; `source` is read only."""
        elements = self._elements(source, level)
        # At once, because pydicom decodes a private element that is added to its creator.
        out = Dataset(elements)
        implicit, little = source.original_encoding
        out.set_original_encoding(implicit, little, source.original_character_set)
        for element in [each for each in elements.values() if each.VR == "SQ"]:
            out[element.tag] = element
        if content_items.CONCEPT_NAME in out and out[content_items.CONCEPT_NAME].VR == "SQ":
            content_items.settle(out, source, self.table, self.values.patient)
        return out

    def _elements(self, source: Dataset, level: Level) -> dict[BaseTag, Element]:
        """Give what leaves of a data set or an item, and the creators of its private blocks."""
        elements: dict[BaseTag, Element] = {}
        blocks = Blocks(source)
        known = self.memory.at(level, source)
        for number, raw, block, owner in blocks.elements(private=self._private_may_stay(level)):
            if not isinstance(raw, RawDataElement) or raw.length > LONGEST:
                element = self._made(source, raw, level, owner)
            elif (key := (number, raw.VR, raw.value, owner)) in known:
                element = known[key]
                if type(element) is RawDataElement:
                    # It stands in several files.
                    element = known[key] = encoded(element)
            else:
                element = self._learned(source, raw, level, owner, known)
            if element is not None:
                elements[raw.tag] = element
                if block:
                    blocks.kept.add(block)
        return elements | blocks.creators()

    def _learned(
        self, source: Dataset, raw: RawDataElement, level: Level, owner: str, known: Answers
    ) -> Element | None:
        """Make what leaves of an element, and know it where it is the same in other files."""
        told = len(self.values.patient.told)
        element = self._made(source, raw, level, owner)
        # What the vault has to hear of is done for each file.
        if len(self.values.patient.told) == told and repeats(raw):
            encoding = raw.is_implicit_VR, raw.is_little_endian
            written = None if element is None else as_raw(element, *encoding)
            if element is None or written is not None:
                known[int(raw.tag), raw.VR, raw.value, owner] = element = written
        return element

    def _made(self, source: Dataset, raw: Element, level: Level, owner: str) -> Element | None:
        if is_private(int(raw.tag)):
            group, number = divmod(int(raw.tag), 1 << 16)
            element = self.values.private(source, raw, private.kind(group, number, owner))
        else:
            element = self._public(source, raw, level)
        return None if element is None else valid(element)

    def _public(self, source: Dataset, raw: Element, level: Level) -> Element | None:
        tag = int(raw.tag)
        group = tag >> 16
        if not tag & 0xFFFF or group & 0xFF00 in (CURVES, OVERLAYS) or tag in NO_READER:
            return None
        if group == PIXELS and level.parent is not None:
            # A picture in an item, as an icon is one: nobody looked at it.
            return None
        rule = self.table.get(tag)
        if rule is None:
            return self._unnamed(source, raw, level)
        action = profile.resolved(rule.action, tag, level.parent, self.sop_class)
        mapped = rule.action is REFERENCES.get(tag) and _only_refers(source, raw)
        if mapped or rule.action is Action.X_Z_U:
            # A reference that is dropped in one file and kept in its brother is inconsistent, and
            # mapped it tells nothing: of the three that the table permits, U for every IOD.
            action = Action.U
        elif tag == PERFORMED_STEP:
            action = Action.D if rule.action is Action.X_Z_D else action
        if action is Action.LITERAL:
            return DataElement(raw.tag, _vr(raw), rule.value)
        return self._done(action, source, raw, level)

    def _unnamed(self, source: Dataset, raw: Element, level: Level) -> Element | None:
        tag = int(raw.tag)
        unknown = tag >> 16 <= DIRECTORY or not known(tag)
        if unknown or tag in OTHER_CALENDAR:
            return None
        if level.unnamed is not Action.D:
            text = Action.C if profile.describes(tag) else level.unnamed
            return self._kept(source, raw, text)
        if tag in CODE_TRIPLE:
            return DataElement(raw.tag, known(tag), DUMMIES["LO"])
        return self.values.kept(source, raw, Action.K) if names_a_class(tag) else None

    def _done(self, action: Action, source: Dataset, raw: Element, level: Level) -> Element | None:
        """Do what the rule asks of one element."""
        match action:
            case Action.X:
                return None
            case Action.Z:
                return _empty(raw)
            case Action.D:
                return self._dummy(source, raw)
            case Action.K:
                return self._kept(source, raw, level.unnamed, listed=True)
        if _vr(raw) == "SQ":
            within = Action.C if action in (Action.C, Action.U) else level.unnamed
            return self._descended(source, raw, within)
        return self.values.changed(action, source, raw) or self._fallback(source, raw)

    def _fallback(self, source: Dataset, raw: Element) -> Element | None:
        """Do what the Basic Profile asks of a value that could be neither shifted nor cleaned."""
        tag = int(raw.tag)
        basic = profile.basic(tag)
        action = profile.resolved(basic or Action.X, tag, None, self.sop_class)
        if action is Action.D:
            return self._dummy(source, raw)
        return _empty(raw) if action is Action.Z else None

    def _kept(
        self, source: Dataset, raw: Element, unnamed: Action, *, listed: bool = False
    ) -> Element | None:
        if _vr(raw) == "SQ":
            return self._descended(source, raw, unnamed)
        return self.values.kept(source, raw, unnamed, listed=listed)

    def _descended(self, source: Dataset, raw: Element, unnamed: Action) -> DataElement | None:
        element = source[raw.tag]
        if element.VR != "SQ":
            return None
        level = Level(int(raw.tag), unnamed)
        return DataElement(
            raw.tag, "SQ", Sequence([self.cleaned(item, level) for item in element.value])
        )

    def _dummy(self, source: Dataset, raw: Element) -> Element | None:
        vr = _vr(raw)
        if vr == "UI":
            return self.values.mapped(source, raw)
        if vr == "PN":
            return self.values.person(source, raw)
        if vr != "SQ":
            return DataElement(raw.tag, vr, DUMMIES[vr])
        dummy = self._descended(source, raw, Action.D)
        return dummy or DataElement(raw.tag, "SQ", Sequence([Dataset()]))

    def _private_may_stay(self, level: Level) -> bool:
        """Tell whether a private element of a place may stay (PS3.15 E.3.10)."""
        rule = self.table.get(PRIVATE)
        return rule is not None and rule.action is not Action.X and level.unnamed is not Action.D


def _only_refers(source: Dataset, raw: Element) -> bool:
    """Tell whether the items of a sequence say no more than which instance is meant, and when."""
    items = source[raw.tag].value if _vr(raw) == "SQ" else None
    public = [(item, each) for item in items or () for each in list(item.keys())]
    silent = {each for _, each in public if each.is_private or each == CHARACTER_SET}
    kinds = {_vr(item.get_item(each)) for item, each in public if each not in silent}
    return bool(kinds) and kinds <= REFERENCE


def _empty(raw: Element) -> DataElement:
    vr = _vr(raw)
    return DataElement(raw.tag, vr, Sequence() if vr == "SQ" else None)


def _vr(raw: Element) -> str:
    """Give the VR to write: the file's where it names one, else the dictionary's first."""
    vr = raw.VR
    if vr is None or vr == "UN":
        vr = first_known(int(raw.tag)) or "UN"
    return str(vr)
