"""
Content items that repeat an attribute of the header (PS3.16 TID 1002 to 1009, TID 1020).

A report says in a text item "Device Observer Serial Number" what Device Serial Number says in the
header. Its concept name tells what it is, so what the recipe does with the attribute is done here
too: whatever the text looks like, no pattern has to find it.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from img_ingestion.deidentify.action import Action
from img_ingestion.deidentify.dummies import DUMMIES
from img_ingestion.deidentify.patient import OLDEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydicom.dataset import Dataset

    from img_ingestion.deidentify.patient import Patient
    from img_ingestion.deidentify.recipe import HeaderRule

CONCEPT_NAME = 0x0040A043
_INSTITUTION, _STATION, _SERIAL, _PLACE = 0x00080080, 0x00081010, 0x00181000, 0x00081040
_OPERATOR = 0x00081072
ATTRIBUTES: Mapping[str, int] = MappingProxyType(
    {
        "121029": 0x00100010,  # Subject Name
        "121030": 0x00100020,  # Subject ID
        "121031": 0x00100030,  # Subject Birth Date
        "121022": 0x00080050,  # Accession Number
        "121020": 0x00402016,  # Placer Number
        "121021": 0x00402017,  # Filler Number
        "121009": _INSTITUTION,  # Person Observer's Organization Name
        "113873": _INSTITUTION,  # Organization Name
        "128774": _OPERATOR,  # Person Observer's Login Name
        "128775": _OPERATOR,  # Identifier within Person Observer's Role
        "113871": _OPERATOR,  # Person ID
        "113872": _OPERATOR,  # Person ID Issuer
        "121013": _STATION,  # Device Observer Name
        "113877": _STATION,  # Device Name
        "110119": _STATION,  # Station AE Title
        "121016": _SERIAL,  # Device Observer Serial Number
        "113880": _SERIAL,  # Device Serial Number
        "121017": _PLACE,  # Device Observer Physical Location During Observation
    }
)
"""Code of the concept in DCM -> the attribute that it repeats."""
SUBJECT_AGE = "121033"
VALUES = {"TextValue": "UT", "PersonName": "PN", "Date": "DA", "DateTime": "DT"}
"""Where an item has what identifies."""
KEPT = frozenset({Action.K, Action.LITERAL})


def settle(
    item: Dataset, source: Dataset, table: Mapping[int, HeaderRule], patient: Patient
) -> None:
    """
    Do with the value of a content item what is done with the attribute that it repeats.

    Parameters
    ----------
    item : Dataset
        Cleaned as any other; changed in place.
    source : Dataset
        The same item as it was.
    table : mapping
        Tag -> rule.
    patient : Patient
        Whose it is.

    """
    concept = _concept(source)
    if concept == SUBJECT_AGE:
        _of_all_who_are_old(item)
    attribute = ATTRIBUTES.get(concept)
    if attribute is None:
        return
    rule = table.get(attribute)
    if rule is not None and rule.action in KEPT:
        return
    pseudonymous = rule is not None and rule.action is Action.PSEUDONYM
    for keyword, vr in VALUES.items():
        if keyword not in item:
            continue
        if pseudonymous and vr in {"UT", "PN"}:
            setattr(item, keyword, patient.code(attribute, str(source[keyword].value).strip()))
        else:
            setattr(item, keyword, DUMMIES[vr])


def _concept(source: Dataset) -> str:
    """Give the concept's code, of DCM only."""
    for name in source[CONCEPT_NAME].value or ():
        if str(name.get("CodingSchemeDesignator") or "").strip() == "DCM":
            return str(name.get("CodeValue") or "").strip()
    return ""


def _of_all_who_are_old(item: Dataset) -> None:
    """Give one age to all who are over 89 (45 CFR 164.514(b)(2)(i)(C)); UCUM's `a` is a year."""
    for measured in item.get("MeasuredValueSequence") or ():
        units = [str(unit.get("CodeValue")) for unit in measured.MeasurementUnitsCodeSequence]
        if "a" in units and float(measured.get("NumericValue") or 0) > OLDEST:
            measured.NumericValue = str(OLDEST + 1)
