"""
Write img_ingestion/deidentify/vocabulary/sources.json: which words are clinical, which are names.

Usage: python3 tools/make_vocabulary.py ICD NAMES, where ICD is the tabular list of ICD-10-CM as
XML (the package simple-icd-10-cm carries it) and NAMES a folder with the name files of the US
Census of 1990 (the package names carries them). Both are in the public domain. The codes of PS3.16
and the dictionary of PS3.6 are pydicom's. The JSON ships with the project.
"""

from __future__ import annotations

import json
import re
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom._dicom_dict import DicomDictionary
from pydicom.sr._concepts_dict import concepts as _concepts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

TARGET = Path(__file__).parents[1] / "img_ingestion" / "deidentify" / "vocabulary"
TABULAR = re.compile(r"<(?:desc|note)>([^<]*)<")
SHORTEST = 3
EPONYM = re.compile(r"\b([A-Z][a-z]{2,})(?:'s|\u2019s)\b|\[([A-Z][a-z]{2,})\]")
"""In ICD-10-CM: the possessive of a name, or a name in brackets, is whom a disease is called by."""
SURNAMES, GIVEN = 15000, 2500
"""How many of the most frequent names are taken: the rarer ones are seldom seen and often words."""
FUNCTION = (
    "a an and are as at be by due during except for from in into is it no not of on one or other"
    " out per the their there this to type unspecified was were when which while with without"
)


def texts(tabular: Path) -> Iterator[str]:
    """Give every clinical and technical phrase of the sources."""
    yield from TABULAR.findall(tabular.read_text(encoding="utf-8"))
    schemes: dict[str, dict[str, dict[str, tuple[str, list[int]]]]] = dict(_concepts)  # type: ignore[arg-type]
    for scheme in schemes.values():
        for codes in scheme.values():
            yield from (meaning for meaning, *_ in codes.values())
    yield from (name for _, _, name, *_ in DicomDictionary.values())


def split(text: str) -> list[str]:
    """Split a phrase into words of letters; a possessive's s goes."""
    return re.findall(r"[a-z]+", text.lower().replace("'s ", " ").replace("\u2019s ", " "))


def census(path: Path, most: int) -> list[str]:
    """Give the most frequent names of a file of the census, which is sorted by frequency."""
    return [line.split()[0].lower() for line in path.read_text().splitlines()[:most]]


def table(tabular: Path, folder: Path) -> dict[str, object]:
    """Make the whole table."""
    phrases = [split(text) for text in texts(tabular)]
    words = {word for phrase in phrases for word in phrase if len(word) >= SHORTEST}
    last = census(folder / "dist.all.last", SURNAMES)
    first = [
        name for sex in ("female", "male") for name in census(folder / f"dist.{sex}.first", GIVEN)
    ]
    every = {*census(folder / "dist.all.last", -1), *first}
    eponyms = {
        part.lower()
        for found in EPONYM.findall(tabular.read_text(encoding="utf-8"))
        for part in found
    }
    pairs = {
        pair
        for phrase in phrases
        for pair in pairwise(phrase)
        if any(word in every for word in pair) and not set(FUNCTION.split()).intersection(pair)
    }
    return {
        "source": "ICD-10-CM, PS3.16 and PS3.6 (words, pairs); US Census 1990 (names)",
        "words": _joined(words),
        "eponyms": _joined(eponyms - {""}),
        "surnames": _joined(name for name in last if len(name) >= SHORTEST and name not in words),
        "given": _joined(name for name in first if len(name) >= SHORTEST and name not in words),
        "pairs": _joined("_".join(pair) for pair in pairs if min(map(len, pair)) >= SHORTEST),
    }


def _joined(words: Iterable[str]) -> str:
    return " ".join(sorted(set(words)))


def main(arguments: Sequence[str]) -> None:
    """Write the table into the project."""
    content = table(Path(arguments[0]), Path(arguments[1]))
    (TARGET / "sources.json").write_text(json.dumps(content, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
