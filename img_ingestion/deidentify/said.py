"""What a header says in words, dates and UIDs, at every level: one walk, for all who look there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pydicom.datadict import tag_for_keyword

from img_ingestion.attribute import first_known
from img_ingestion.deidentify import representation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataelem import DataElement, RawDataElement
    from pydicom.dataset import Dataset


def tags(*keywords: str) -> frozenset[int]:
    """Give the tags of keywords, as far as the dictionary has them."""
    return frozenset(tag for keyword in keywords if (tag := tag_for_keyword(keyword)) is not None)


NUMBERS = tags(
    "PatientID",
    "OtherPatientIDs",
    "AccessionNumber",
    "AdmissionID",
    "ServiceEpisodeID",
    "StudyID",
    "MedicalRecordLocator",
    "MilitaryRank",
    "PlacerOrderNumberImagingServiceRequest",
    "FillerOrderNumberImagingServiceRequest",
    "RequestedProcedureID",
    "ScheduledProcedureStepID",
    "PerformedProcedureStepID",
    "ClinicalTrialSubjectID",
    "ClinicalTrialSubjectReadingID",
    "DeviceSerialNumber",
    "PatientTelephoneNumbers",
    "ReferringPhysicianTelephoneNumbers",
    "PatientBirthDateInAlternativeCalendar",
    "PatientDeathDateInAlternativeCalendar",
)
BIRTH_DATE = 0x00100030
TELLING = NUMBERS | {BIRTH_DATE}
SILENT = representation.BINARY_NUMBERS | representation.BYTES - {"UN"} | {"AT", "CS", "DS", "TM"}
"""Numbers, bytes, codes and times of day tell of nobody, but where a number or a birth belongs."""


class Said(NamedTuple):
    """One element, and what it is."""

    source: Dataset
    """Which has it."""
    raw: DataElement | RawDataElement
    tag: int
    vr: str
    """The file's, else the dictionary's; UN for what only the bytes tell."""


def said(dataset: Dataset) -> Iterator[Said]:
    """Give what may tell of somebody, not decoded where the file or the dictionary says its VR."""
    for raw in list(dataset.values()):
        vr = raw.VR
        if vr in SILENT and raw.tag not in TELLING:
            continue
        tag = int(raw.tag)
        if vr is None or vr == "UN":
            first = first_known(tag)
            vr = first or (str(dataset[raw.tag].VR) if vr is None else "UN")
        if vr != "SQ":
            yield Said(dataset, raw, tag, vr)
            continue
        for item in dataset[raw.tag].value or ():
            yield from said(item)
