"""What stands behind the pseudonyms of an answer: the vault, the keys, the archived originals."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING

from pydicom import dcmread
from pydicom.dataset import Dataset

from img_ingestion import unsealing
from img_ingestion.deidentify.patient import Patient
from img_ingestion.deidentify.pseudonyms import CODE, Pseudonyms, load_key
from img_ingestion.errors import GatewayError, NotDicom, turned_into
from img_ingestion.vault import Vault

if TYPE_CHECKING:
    from img_ingestion.home import Home
    from img_ingestion.ledger import Ledger
    from img_ingestion.settings import Settings

PSEUDONYM = re.compile(
    rf"(?<![\d.])2\.25\.\d{{1,39}}(?![\d.]*\d)|(?<![A-Za-z0-9]){CODE}(?![A-Za-z0-9])"
)
"""What `deidentify.pseudonyms` makes, wherever it stands in a text."""
HEADER = ("PatientName", "PatientID", "PatientBirthDate", "StudyInstanceUID", "SOPInstanceUID")


@dataclass(slots=True)
class Originals:
    """The originals behind the pseudonyms of one answer; it notes what it was asked for."""

    home: Home
    settings: Settings
    ledger: Ledger
    customers: set[str] = field(default_factory=set)
    """Whose pseudonyms were met."""
    studies: set[str] = field(default_factory=set)
    """Pseudonyms of studies that were met."""
    patients: set[str] = field(default_factory=set)
    """Originals of Patient IDs that were met."""
    known: dict[str, str | None] = field(default_factory=dict)
    """Pseudonym -> original; None where nobody knows it."""

    def meet(self, text: str) -> None:
        """Look up every pseudonym of a text."""
        for match in PSEUDONYM.finditer(text):
            pseudonym = match.group()
            if pseudonym not in self.known:
                self.known[pseudonym] = self._found(pseudonym)

    def restored(self, text: str) -> str:
        """Give a text with the originals in the places of their pseudonyms."""
        self.meet(text)
        return PSEUDONYM.sub(lambda match: self.known[match.group()] or match.group(), text)

    def first(self) -> Dataset | None:
        """Give the header of an archived original of a study; None without one that can be read."""
        for study in sorted(self.studies):
            for one, customer in self.ledger.of_study(study):
                for path in (self.home.archive / customer).glob(f"*/*/*/{one}.*"):
                    try:
                        with turned_into(NotDicom, "reading an original"):
                            file = BytesIO(unsealing.content(self.home, path))
                            return dcmread(file, stop_before_pixels=True, specific_tags=[*HEADER])
                    except GatewayError:
                        continue
        return None

    def days(self, original: Dataset | None) -> int | None:
        """
        Give the days by which the patient's dates were moved; None where that is not known.

        Of the archived original, or of the one Patient ID that was met. With dates that were kept
        or removed there is nothing to move back.
        """
        (customer,) = self.customers or {""}
        options = self.settings.of(customer).profile
        if not (self.home.state / "keys" / f"{customer}.key").exists():
            return None
        if not options.retain_longitudinal_modified_dates:
            return 0
        if original is None and len(self.patients) == 1:
            original = Dataset()
            original.PatientID = next(iter(self.patients))
        if original is None:
            return None
        key = load_key(self.home.state, customer)
        return Patient.of(original, Pseudonyms(key), options).days

    def _found(self, pseudonym: str) -> str | None:
        rows = Vault(self.home.state / "vault.sqlite", self.ledger.shared).identify(pseudonym)
        originals = {original for _, _, original in rows}
        if len(originals) != 1:
            return None
        (original,) = originals
        for customer, kind, _ in rows:
            self.customers.add(customer)
            if kind == "study":
                self.studies.add(pseudonym)
            elif kind == "patient":
                self.patients.add(original)
        return original
