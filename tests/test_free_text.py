"""Text loses the patient and keeps its words."""

from __future__ import annotations

import pytest

from img_ingestion.deidentify.free_text import Cleaner
from img_ingestion.instance import Identifiers

FOUND = Identifiers(
    names=frozenset({"quillfeather", "zebedee", "muller"}),
    numbers=frozenset({"zq 4711", "20991234"}),
    phrases=frozenset({"saint nowhere hospital"}),
    dates=frozenset({"19510723"}),
    uids=frozenset({"1.2.826.0.1.3680043.9.9999.1"}),
)
CLEANER = Cleaner.of(FOUND)


@pytest.mark.parametrize(
    "text",
    [
        "QUILLFEATHER, Zebedee",
        "zebedee_quillfeather",
        "MÜLLER",
        "Mu\u0308ller",
        "ID ZQ-4711 seen",
        "ZQ4711",
        "zq 4711",
        "born 23.07.1951",
        "born 1951-07-23",
        "7/23/51",
        "Saint Nowhere  Hospital",
        "ref 1.2.826.0.1.3680043.9.9999.1",
        "20991234",
    ],
)
def test_the_patients_own_identifiers_go_in_every_form(text: str) -> None:
    cleaned = CLEANER.without_own(text)
    assert not CLEANER.finds(cleaned)
    assert cleaned != text


@pytest.mark.parametrize(
    "text",
    [
        "seen by Dr. Grey on call",
        "call 555-123-4567",
        "mail a.b@example.org",
        "see https://example.org/x",
        "12 March 2019",
        "Mar 12, 2019",
        "03/12/2019",
        "MRN: 88123",
        "SSN 123-45-6789",
        "12 Long Hill Road",
        "HN0012345",
    ],
)
def test_anybody_elses_identifiers_go_from_descriptors(text: str) -> None:
    cleaned = CLEANER.cleaned(text)
    assert cleaned != text
    assert not any(character.isdigit() for character in cleaned)


@pytest.mark.parametrize(
    "text",
    [
        "CHEST PA AND LATERAL",
        "T2W_TSE sag 3mm",
        "ep2d_diff_b1000",
        "1024x1024",
        "P4^P101^S108^I0, Gated, 0.0%",
        "right wall, short axis, rose-coloured",
        "AX 5.0 B30f",
        "MI 0.8 120 kVp",
        "Mullerian duct",
    ],
)
def test_clinical_and_technical_words_come_out_as_they_were_written(text: str) -> None:
    assert CLEANER.cleaned(text) == text


def test_nothing_is_found_where_nothing_identifies() -> None:
    cleaner = Cleaner.of(Identifiers())
    assert cleaner.without_own("Quillfeather") == "Quillfeather"
    assert not cleaner.finds("Quillfeather")
