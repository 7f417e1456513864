"""What identifies the patient: collected from the original data set, at every nesting level."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom._uid_dict import UID_dictionary
from pydicom.datadict import tag_for_keyword

from img_ingestion.deidentify.dates import DA
from img_ingestion.deidentify.dicom_words import DICOM_WORDS
from img_ingestion.deidentify.free_text import folded, words
from img_ingestion.deidentify.pseudonyms import names_a_class
from img_ingestion.instance import Identifiers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset


def _tags(*keywords: str) -> frozenset[int]:
    return frozenset(tag for keyword in keywords if (tag := tag_for_keyword(keyword)) is not None)


NUMBERS = _tags(
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
)
PHRASES = _tags(
    "InstitutionName",
    "InstitutionAddress",
    "PatientAddress",
    "ReferringPhysicianAddress",
    "RequestingService",
    "RegionOfResidence",
    "PatientTelecomInformation",
)
BIRTH_DATES = _tags("PatientBirthDate", "PatientBirthDateInAlternativeCalendar")

BULK = frozenset({"OB", "OD", "OF", "OL", "OV", "OW"})
PIXEL_GROUP = 0x7FE0
SHORTEST_NAME = 2
SHORTEST_NUMBER = 4
SHORTEST_PHRASE = 5


def collect(dataset: Dataset) -> Identifiers:
    """
    Collect names, numbers, phrases, birth dates and instance UIDs, folded for comparison.

    Words that DICOM itself uses (HEAD, CT, PHANTOM ...) are left out of the names: cutting
    them would hurt the text and they tell nothing; the name's element itself is replaced anyway.
    """
    names: set[str] = set()
    numbers: set[str] = set()
    phrases: set[str] = set()
    dates: set[str] = set()
    uids: set[str] = set()
    for element in elements(dataset):
        texts = [str(value) for value in _values(element)]
        if element.VR == "PN":
            names.update(word for text in texts for word in _name_words(text))
        elif element.tag in NUMBERS:
            numbers.update(filter(_is_number, map(_number, texts)))
        elif element.tag in PHRASES:
            phrases.update(folded(text) for text in texts if len(text.strip()) >= SHORTEST_PHRASE)
        elif element.tag in BIRTH_DATES:
            dates.update(
                "".join(match[p] for p in "ymd") for match in map(DA.fullmatch, texts) if match
            )
        elif element.VR == "UI" and not names_a_class(element.tag):
            uids.update(text for text in texts if "." in text and text not in UID_dictionary)
    return Identifiers(*map(frozenset, (names, numbers, phrases, dates, uids)))


def elements(dataset: Dataset) -> Iterator[DataElement]:
    """Give every element of every level that may identify, and no bulk data."""
    for tag in list(dataset.keys()):
        raw = dataset.get_item(tag)
        if raw.VR in BULK or tag.group == PIXEL_GROUP:
            continue
        element = dataset[tag]
        if element.VR == "SQ":
            for item in element.value:
                yield from elements(item)
        else:
            yield element


def _values(element: DataElement) -> list[object]:
    value = element.value
    if value is None:
        return []
    return list(value) if element.VM > 1 else [value]


def _name_words(name: str) -> Iterator[str]:
    for word in words(folded(name)):
        if len(word) >= SHORTEST_NAME and not word.isdigit() and word not in DICOM_WORDS:
            yield word


def _number(text: str) -> str:
    return " ".join(words(folded(text)))


def _is_number(number: str) -> bool:
    """Tell a number that identifies from a short counter (Study ID `1`) or a plain word."""
    joined = number.replace(" ", "")
    return len(joined) >= SHORTEST_NUMBER and number not in DICOM_WORDS and len(set(joined)) > 1
