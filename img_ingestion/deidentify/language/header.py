"""The %header section: one statement, one element, one action."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from img_ingestion.deidentify.action import Action
from img_ingestion.deidentify.language import elements
from img_ingestion.deidentify.language.text import Fault
from img_ingestion.deidentify.tables import PRIVATE, rows
from img_ingestion.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from img_ingestion.deidentify.language.text import Statement


class HeaderRule(NamedTuple):
    """What the recipe says about one element."""

    tag: int
    """Of the element, or of a repeating row of Table E.1-1 (`profile.row_of`)."""
    action: Action
    value: str = ""
    """The text of LITERAL."""
    line: int = 0
    """Of the recipe; 0 when the profile speaks because the recipe does not."""


FUNCTIONS: Mapping[str, Action] = MappingProxyType(
    {
        "func:dummy": Action.D,
        "func:uid": Action.U,
        "func:clean": Action.C,
        "func:pseudonym": Action.PSEUDONYM,
        "func:X/Z": Action.X_Z,
        "func:X/D": Action.X_D,
        "func:Z/D": Action.Z_D,
        "func:X/Z/D": Action.X_Z_D,
        "func:X/Z/U*": Action.X_Z_U,
    }
)
COMPOSITES = frozenset({Action.X_Z, Action.X_D, Action.Z_D, Action.X_Z_D, Action.X_Z_U})
BARE: Mapping[str, Action] = MappingProxyType(
    {"REMOVE": Action.X, "BLANK": Action.Z, "KEEP": Action.K}
)
SHIFT = "var:date_shift"


def _tags(keywords: str) -> frozenset[int]:
    return frozenset(map(elements.keyword_tag, keywords.split()))


# An image without these is none (PS3.3 C.7.6.3, C.12.1); no rule may touch them.
STRUCTURE = _tags(
    """
    SpecificCharacterSet SOPClassUID SamplesPerPixel PhotometricInterpretation PlanarConfiguration
    NumberOfFrames Rows Columns BitsAllocated BitsStored HighBit PixelRepresentation
    RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor
    BluePaletteColorLookupTableDescriptor RedPaletteColorLookupTableData
    GreenPaletteColorLookupTableData BluePaletteColorLookupTableData
    FloatPixelData DoubleFloatPixelData PixelData
    """
)
INSTANCE = _tags("SOPInstanceUID StudyInstanceUID SeriesInstanceUID")
# What really ran is written by the stamp, whatever a recipe would like to claim.
STAMP = _tags(
    """
    PatientIdentityRemoved DeidentificationMethod DeidentificationMethodCodeSequence
    BurnedInAnnotation LongitudinalTemporalInformationModified
    """
)


def header_rule(said: Statement) -> HeaderRule:
    """
    Read one statement of the %header section.

    Raises
    ------
    Fault
        deid would drop or misread it, or it cannot be done to that element.

    """
    words = said.text.split()
    if words[0] == "ADD":
        raise Fault(said.line, "nothing is added to an instance; REPLACE changes what is there")
    if words[0] not in {*BARE, "REPLACE", "JITTER"}:
        raise Fault(said.line, "actions are REMOVE, BLANK, KEEP, REPLACE, JITTER, in capitals")
    if len(words) == 1:
        raise Fault(said.line, f"{words[0]} needs an element")
    try:
        tag = elements.tag_of(words[1])
        action, value = _action(words[0], " ".join(words[2:]))
        _check_place(tag, action)
        _check_vr(tag, action, value)
    except SettingsError as error:
        raise Fault(said.line, str(error)) from error
    return HeaderRule(tag, action, value, said.line)


def _action(verb: str, value: str) -> tuple[Action, str]:
    """Give the action of a statement and its literal text."""
    if verb in BARE:
        if value:
            raise SettingsError(f"{verb} takes an element and nothing else")
        return BARE[verb], ""
    if not value:
        raise SettingsError(f"{verb} needs a value")
    if verb == "JITTER":
        if value != SHIFT:
            raise SettingsError(f"JITTER takes {SHIFT}: one number of days for all would be known")
        return Action.SHIFT, ""
    if value in FUNCTIONS:
        return FUNCTIONS[value], ""
    if re.match(r"(deid_)?(func|var):", value):
        raise SettingsError(f"REPLACE takes {', '.join(FUNCTIONS)}, or a text")
    return Action.LITERAL, value


def _check_place(tag: int, action: Action) -> None:
    """Refuse what would break the instance, the stamp or the safe list."""
    if tag >> 16 in {0x0000, elements.FILE_META}:
        raise SettingsError("file meta information is not copied but made anew; no rule needed")
    if not tag & 0xFFFF and tag not in rows():
        raise SettingsError("group lengths are never written")
    if tag in STAMP:
        raise SettingsError("the stamp writes this element from what really ran")
    if tag in STRUCTURE and action is not Action.K:
        raise SettingsError("an image needs this element as it is")
    if tag in INSTANCE and action not in {Action.U, Action.K}:
        raise SettingsError("an instance needs this UID: func:uid or KEEP")
    if tag == PRIVATE and action not in {Action.X, Action.C}:
        raise SettingsError("private elements: REMOVE, or func:clean for what the safe list has")


def _check_vr(tag: int, action: Action, value: str) -> None:
    """Refuse an action that the element's VR cannot take."""
    vr = elements.vr_of(tag)
    if action is Action.LITERAL:
        elements.check_literal(value, vr)
    cleanable = elements.WORDS | {"SQ", ""}
    fits = {
        Action.SHIFT: vr in elements.TIMES,
        Action.U: vr == "UI",
        Action.PSEUDONYM: vr in elements.WORDS,
        Action.C: vr in cleanable or (tag in rows() and "C" in rows()[tag].options.values()),
    }
    if not fits.get(action, True):
        raise SettingsError(f"this cannot be done to an element of VR {vr or 'unknown'}")
    if action in COMPOSITES and tag not in rows():
        raise SettingsError(
            "only elements of Table E.1-1 have a Type to settle a composite code by"
        )


def conflicts(rules: Iterable[HeaderRule]) -> Iterator[Fault]:
    """Find elements that are named twice: deid would do both, in an order of its own."""
    lines: dict[int, int] = {}
    for rule in rules:
        if rule.tag in lines:
            yield Fault(rule.line, f"the element of line {lines[rule.tag]} again")
        lines.setdefault(rule.tag, rule.line)
