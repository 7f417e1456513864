"""Hospitals and practices that the header does not name, in folded text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from img_ingestion.deidentify.vocabulary import is_clinical, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from img_ingestion.deidentify.patterns import Span

GENERIC, OTHERS = listed("generic_places"), listed("places_of_nobody")
LINKS, COUNTED = listed("links"), listed("counted")
KIND = re.compile(
    r"(?<![^\W_])(?P<kind>hospitals?|clinic|infirmary|hospice|sanatorium|polyclinic"
    r"|(?:medical|health|imaging|cancer|heart|diagnostic|radiology)"
    r" (?:center|centre|group|associates|partners|institute)|healthcare"
    r"|krankenhaus|klinik|klinikum|spital|hopital|clinique|ospedale|policlinico|clinica|szpital"
    r"|ziekenhuis|sygehus|sykehus|sjukhus|hastanesi)(?![^\W_])"
)
BEFORE = re.compile(r"(?<![^\W_])[^\W\d_]+(?:['\u2019-][^\W\d_]+)*\.?[ ]$")
AFTER = re.compile(
    r"(?: (?:de|du|des|del|della|di|da|do|la|le|der|am|im|zum|of))*"
    r" (?P<name>[^\W\d_]+(?:['\u2019-][^\W\d_]+)*)"
)
NAMED_AFTER = frozenset(
    {"hopital", "clinique", "ospedale", "policlinico", "clinica", "klinik", "klinikum"}
    | {"krankenhaus", "szpital", "hospital"}
)
LONGEST = 4


def spans(text: str) -> Iterator[Span]:
    """Give names of institutions: the word for one, with the words that are no common ones."""
    for match in KIND.finditer(text):
        start, named = _before(text, match.start())
        end = match.end()
        if not named and match["kind"] in NAMED_AFTER:
            after = AFTER.match(text, end)
            named = after is not None and _is_name(after["name"])
            end = after.end() if named and after else end
        if named:
            yield start, end


def _before(text: str, at: int) -> tuple[int, bool]:
    """Go back over the words of a name; tell where it starts and whether there is one."""
    start, named = at, False
    for _ in range(LONGEST):
        word = BEFORE.search(text, max(0, at - 40), at)
        if word is None:
            break
        plain = word.group().rstrip(" .")
        is_name = _is_name(plain)
        if plain in LINKS - {"and", "of"} or not (is_name or plain in GENERIC or plain == "st"):
            break
        at = word.start()
        if is_name:
            start, named = at, True
        elif named or plain in {"st", "saint"}:
            start = at
    return start, named


def _is_name(word: str) -> bool:
    parts = re.findall(r"[^\W\d_]{2,}", word)
    common = GENERIC | OTHERS | LINKS | COUNTED
    if parts[:1] == ["saint"] and len(parts) > 1:
        return True
    return not all(is_clinical(part) or part in common for part in parts)
