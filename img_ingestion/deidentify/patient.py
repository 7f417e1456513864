"""One patient of one customer: who it is, and everything that stands in the patient's place."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from img_ingestion import attribute
from img_ingestion.deidentify import dates
from img_ingestion.deidentify.dummies import EMPTIED
from img_ingestion.deidentify.text_forms import LETTERS, folded

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from img_ingestion.deidentify.pseudonyms import Pseudonyms
    from img_ingestion.settings import Profile

OLDEST = 89
OVER_89 = "090Y"
BORN_SINCE = 1937
"""
Who was born before is 90 in 2026. Safe Harbor asks that no element, year included, tells an age
over 89; an age of 84 in a study of 2010 does. A fixed year, because the same input must give the
same output; each release counts it up. Where it has not been, the dates of the record still count.
"""
DATES = (0x00080020, 0x00080021, 0x00080022, 0x00080023, 0x00080012)
"""Of study, series, acquisition, content and instance creation."""
PATIENT_NAME, PATIENT_ID, ACCESSION_NUMBER = 0x00100010, 0x00100020, 0x00080050
BIRTH_DATE = 0x00100030
STUDY, SERIES, INSTANCE = 0x0020000D, 0x0020000E, 0x00080018
UID_KINDS = {STUDY: "study", SERIES: "series", INSTANCE: "instance"}


@dataclass(frozen=True, slots=True)
class Patient:
    """
    The replacements of one instance's patient.

    `told` collects what the vault is to remember, as the pass over the header finds it.
    """

    identity: str = field(repr=False)
    study: str = field(repr=False)
    days: int
    pseudonyms: Pseudonyms
    name: str = field(default="", repr=False)
    over_89: bool = False
    """The age at the time of the study, with its year, would tell that the patient now is."""
    told: list[tuple[tuple[str, str], str]] = field(default_factory=list, repr=False, compare=False)
    """(kind, original) and pseudonym, one after the other."""

    @classmethod
    def of(cls, dataset: Dataset, pseudonyms: Pseudonyms, options: Profile) -> Patient:
        """
        Say who the patient of a data set is.

        The Patient ID (0010,0020); without one the name and birth date; without those the study,
        so that two unknown patients are never merged.
        """
        study = attribute.text(dataset, STUDY) or attribute.text(dataset, INSTANCE)
        name = attribute.text(dataset, PATIENT_NAME)
        identity = attribute.text(dataset, PATIENT_ID)
        if not identity and name:
            identity = f"{name}\0{attribute.text(dataset, BIRTH_DATE)}"
        identity = identity or study
        days = pseudonyms.days(identity, options.max_date_shift_days)
        return cls(identity, study, days, pseudonyms, _words(name), _is_over_89(dataset))

    def uid(self, tag: int, original: str) -> str:
        """Give the UID that stands for `original`, which may be a registered one and stay."""
        new = self.pseudonyms.uid(original)
        if new != original:
            self.told.append(((UID_KINDS.get(tag, "uid"), original), new))
        return new

    def code(self, tag: int, original: str) -> str:
        """Give the code that stands for a patient's name or number, or for an accession number."""
        if tag == ACCESSION_NUMBER:
            kind, known = "accession", original or f"study\0{self.study}"
        else:
            kind, known = "patient", self.identity
            if tag == PATIENT_ID and original:
                known = original
        new = self.pseudonyms.code(kind, known)
        if original and tag != PATIENT_NAME:
            self.told.append(((kind, original), new))
        return new

    def person(self, name: str) -> str:
        """
        Give the code that stands for anybody's name where a name must stand; for nobody's, a sign.

        The same person has the same one in every report of the customer, however written; the
        patient has the patient's.
        """
        known = _words(name)
        if not known:
            return EMPTIED
        if known == self.name:
            return self.code(PATIENT_NAME, name)
        return self.pseudonyms.code("person", known)

    def age(self, age: str) -> str:
        """Give an age, or that of all who are over 89 (45 CFR 164.514(b)(2)(i)(C))."""
        years = int(re.sub(r"\D", "", age) or 0)
        old = years > OLDEST and age[-1:] not in "DWM"
        return OVER_89 if age and (old or self.over_89) else age

    def shifted(self, vr: str, value: str) -> str | None:
        """Give a date or time moved by the patient's days; None for what is no date or time."""
        return dates.shifted(vr, value, self.days)


def _is_over_89(dataset: Dataset) -> bool:
    """Tell whether the patient is over 89 by now, or was at a date of the record."""
    born = re.match(r"(\d{4})\D?(\d\d)?\D?(\d\d)?", attribute.text(dataset, BIRTH_DATE))
    if born is None or not int(born[1]):
        return False
    day = "".join(part or "01" for part in born.groups())
    ninety = f"{int(day[:4]) + OLDEST + 1:04}{day[4:]}"
    dates = (re.sub(r"\D", "", attribute.text(dataset, tag))[:8] for tag in DATES)
    return int(born[1]) < BORN_SINCE or any(date >= ninety for date in dates)


def _words(name: str) -> str:
    """Give the words of a name's first group in one order: who writes it, writes it differently."""
    groups = (LETTERS.findall(folded(group)) for group in name.split("="))
    return " ".join(sorted(next(filter(None, groups), ())))
