"""
What PS3.15 Annex E asks for each attribute: Table E.1-1 with the options in force.

`action` gives the code, `resolved` settles a composite one for an IOD.
"""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from pydicom.datadict import keyword_for_tag

from img_ingestion.deidentify.action import EXPOSURE, Action
from img_ingestion.deidentify.tables import Row, row_of, rows, safe_private, type_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from img_ingestion.settings import Profile

__all__ = ["Action", "action", "actions", "basic", "resolved", "row_of", "safe_private"]

OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "RetainSafePrivate": "retain_safe_private",
        "RetainUIDs": "retain_uids",
        "RetainDeviceIdentity": "retain_device_identity",
        "RetainInstitutionIdentity": "retain_institution_identity",
        "RetainPatientCharacteristics": "retain_patient_characteristics",
        "RetainLongFullDates": "retain_longitudinal_full_dates",
        "RetainLongModifiedDates": "retain_longitudinal_modified_dates",
        "CleanDescriptors": "clean_descriptors",
        "CleanStructuredContent": "clean_structured_content",
        "CleanGraphics": "clean_graphics",
    }
)
"""Column of the table -> switch of the settings."""

# The backend needs these three filled (its contract requires them) and results must find their
# way back; a code is a valid "zero length or dummy value", which is what Z asks for.
PSEUDONYMOUS = frozenset({0x00100010, 0x00100020, 0x00080050})

DATES = frozenset({"DA", "DT", "TM"})
BYTES = frozenset({"OB"})


def _of_option(row: Row, column: str) -> Action:
    """Say what one column's letter means for one row."""
    if row.options[column] == "K":
        return Action.K
    if row.vr in BYTES:
        # Frame Origin Timestamp and Certified Timestamp: nobody can clean a cipher's bytes.
        return Action(row.basic)
    if column == "RetainLongModifiedDates" and row.vr in DATES:
        return Action.SHIFT
    return Action.C


def _action(row: Row, options: Profile) -> Action:
    """Let the options in force speak over the Basic Profile, the most protective of them first."""
    if row.tag in PSEUDONYMOUS:
        return Action.PSEUDONYM
    asked = [_of_option(row, name) for name in row.options if getattr(options, OPTIONS[name])]
    # A date that one option cleans is shifted, whatever the others say of free text.
    asked.sort(key=lambda action: (EXPOSURE.get(action, 0), action is not Action.SHIFT))
    return asked[0] if asked else Action(row.basic)


@lru_cache(maxsize=64)
def actions(options: Profile) -> Mapping[int, Action]:
    """Give the action of every row for these options; keys as in `rows()`."""
    return MappingProxyType({tag: _action(row, options) for tag, row in rows().items()})


def action(tag: int, options: Profile) -> Action | None:
    """
    Say what the profile with these options does with an element; None when no row speaks.

    An option that retains overrides the Basic Profile; where several speak the more protective
    wins, so cleaning wins over keeping and modified dates over full dates (PS3.15 E.3).
    """
    row = row_of(tag)
    return None if row is None else actions(options)[row]


def basic(tag: int) -> Action | None:
    """Say what the Basic Profile alone does: what is left when an option's action cannot."""
    row = row_of(tag)
    return None if row is None else Action(rows()[row].basic)


@lru_cache(maxsize=4096)
def describes(tag: int) -> bool:
    """
    Tell the descriptors that no row names: descriptions, comments and labels are somebody's prose.

    The table has the commonest of them; of segments, surfaces, beams and graphics it has few.
    """
    return keyword_for_tag(tag).endswith(("Description", "Comment", "Comments", "Label", "Notes"))


_WEAK, _EMPTY, _STRONG = "3", "2", "1"

_BY_TYPE: Mapping[Action, Mapping[str, Action]] = MappingProxyType(
    {
        Action.X_Z: {_WEAK: Action.X, _EMPTY: Action.Z, _STRONG: Action.D},
        Action.X_D: {_WEAK: Action.X, _EMPTY: Action.D, _STRONG: Action.D},
        Action.Z_D: {_WEAK: Action.Z, _EMPTY: Action.Z, _STRONG: Action.D},
        Action.X_Z_D: {_WEAK: Action.X, _EMPTY: Action.Z, _STRONG: Action.D},
        # An empty reference would be legal too, but a segmentation without its images is no use.
        Action.X_Z_U: {_WEAK: Action.X, _EMPTY: Action.U, _STRONG: Action.U},
    }
)
"""Composite code -> first digit of the attribute's Type -> what keeps the instance valid."""


def resolved(action: Action, tag: int, parent: int | None, sop_class_uid: str) -> Action:
    """
    Settle a composite code by the attribute's Type in its IOD (PS3.15 Table E.1-1a).

    Type 3, and no Type at all, take the code's weakest footprint; simple codes stay.
    """
    by_type = _BY_TYPE.get(action)
    if by_type is None:
        return action
    kind = type_of(tag, parent, sop_class_uid) or _WEAK
    return by_type[kind[0]]
