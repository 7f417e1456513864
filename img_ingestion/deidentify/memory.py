"""
What became of elements, for the next instance of the same patient: in a series nearly all repeat.

A memory belongs to one policy, one patient with one study, the same identifiers and one SOP class;
under any other nothing of it is known. Only raw elements are remembered, which nobody can change.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from img_ingestion.deidentify.representation import BINARY_NUMBERS, CODED, TEXT, is_plain
from img_ingestion.deidentify.text_forms import has_uid
from img_ingestion.deidentify.values import CODE

if TYPE_CHECKING:
    from collections.abc import Hashable

    from pydicom.dataelem import RawDataElement
    from pydicom.dataset import Dataset

    from img_ingestion.deidentify.patient import Patient
    from img_ingestion.instance import Identifiers

    Key = tuple[int, str | None, bytes | None, str]
    """Tag, VR and bytes, and who owns the private block."""
    Answers = dict[Key, RawDataElement | None]

MOST, MOST_PATIENTS = 10_000, 8
"""Elements of one patient: a few megabytes."""
LONGEST = 256
"""Bytes of a value: longer ones are rare, and their own."""
REPEATED = TEXT | CODED - {"UI"}
"""Each file has UIDs of its own; names and sequences stand for more than their bytes."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What is known, by the place that elements stand in and the encoding they stand in it."""

    places: dict[Hashable, Answers] = field(default_factory=dict, repr=False)

    def at(self, level: Hashable, source: Dataset) -> Answers:
        """Give what is known of the elements of a data set or item; make room for more."""
        if sum(map(len, self.places.values())) >= MOST:
            self.places.clear()
        sets = tuple(source.original_character_set)
        return self.places.setdefault((level, source.original_encoding, sets), {})


def repeats(raw: RawDataElement) -> bool:
    """Tell an element of which the same bytes always say the same: no UID, no code is in it."""
    if raw.VR in BINARY_NUMBERS:
        return True
    # What is done with a code depends on who has printed it, which is another element.
    if raw.VR not in REPEATED or int(raw.tag) in CODE:
        return False
    value = raw.value or b""
    return is_plain(value) and not has_uid(value.decode("ascii"))


@lru_cache(maxsize=MOST_PATIENTS)
def memory_of(policy: str, patient: Patient, found: Identifiers, sop_class: str) -> Memory:  # noqa: ARG001 - what makes it another
    """
    Give the memory of one patient's instances.

    Parameters
    ----------
    policy : str
        Its version, which no other policy has.
    patient : Patient
        Whose instances, of which study.
    found : Identifiers
        What is cut from texts, without UIDs.
    sop_class : str
        It settles composite codes.

    """
    return Memory()
