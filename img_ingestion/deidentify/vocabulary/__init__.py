"""
Which words are clinical, which are names, and which names are findings.

`sources.json` (written by `tools/make_vocabulary.py`) knows the words and pairs of words
of ICD-10-CM, of PS3.16 and of the data dictionary, and the names of a census. What radiologists
say and no code system prints stands in `own.json`.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from img_ingestion.deidentify.dicom_words import DICOM_WORDS

FOLDER = Path(__file__).parent


@cache
def _texts() -> dict[str, str]:
    content: dict[str, str] = json.loads((FOLDER / "sources.json").read_text(encoding="utf-8"))
    return content


@cache
def _table(kind: str) -> frozenset[str]:
    return frozenset(_texts()[kind].split())


@cache
def _own() -> dict[str, dict[str, list[str]]]:
    lists: dict[str, dict[str, list[str]]]
    lists = json.loads((FOLDER / "own.json").read_text(encoding="utf-8"))
    return lists


@cache
def listed(kind: str) -> frozenset[str]:
    """Give one of the word lists of our own, `own.json`."""
    return frozenset(" ".join(_own()[kind]["words"]).split())


EPONYMS, NOUNS, HEADS = listed("eponyms"), listed("nouns"), listed("heads")
SITES, SELDOM = listed("sites_of_eponyms"), listed("seldom_findings")
SPOKEN, ORGANS = listed("spoken"), listed("organs")
PHRASES = listed("phrases")
APPEARANCES, EXAMINATIONS = listed("appearances"), listed("examinations")


def is_clinical(word: str) -> bool:
    """Tell whether a folded word is one of medicine's, imaging's or DICOM's."""
    return word in _table("words") or word in DICOM_WORDS or word in SPOKEN or word in HEADS


def is_surname(word: str) -> bool:
    """Tell whether a folded word is a frequent surname and no clinical word."""
    return word in _table("surnames") and not is_clinical(word)


def is_given_name(word: str) -> bool:
    """Tell whether a folded word is a frequent given name and no clinical word."""
    return word in _table("given") and not is_clinical(word)


def is_full_name(given: str, surname: str) -> bool:
    """Tell a given name and a surname, which may be an eponym too: John Smith."""
    return is_given_name(given) and (is_surname(surname) or is_eponym(surname))


def is_eponym(word: str) -> bool:
    """Tell a name that findings have (Smith, Baker) from a word that is also a name (Wall)."""
    names = word in EPONYMS or word in _table("eponyms")
    return names and not (word in NOUNS or word in SELDOM or word in DICOM_WORDS)


def is_phrase(before: str, word: str, after: str) -> bool:
    """Tell two words that stand for something together, even where both are names."""
    return f"{word}_{after}" in PHRASES or f"{before}_{word}" in PHRASES


def is_finding(before: str, word: str, after: str) -> bool:
    """
    Tell whether a word that is somebody's name is a finding or a device here.

    Parameters
    ----------
    before, word, after : str
        Folded; empty where the text begins or ends, or something other than a space separates.

    """
    if is_phrase(before, word, after):
        return True
    if word in SELDOM:
        return f"{before}_{word}" == "x_ray"
    head = after in HEADS and not (word in APPEARANCES and after in EXAMINATIONS)
    if head and (word in EPONYMS or word in NOUNS or word in _table("eponyms")):
        return True
    if after and f"{word}_{after}" in _table("pairs"):
        return True
    if not before:
        return False
    pair = f"{before}_{word}"
    of_organ = word in NOUNS and word not in APPEARANCES and before in ORGANS
    return of_organ or pair in _table("pairs") or pair in SITES


def may_be_finding(word: str) -> bool:
    """Tell whether a name is also a word of medicine, so that alone it says nothing of a person."""
    every = is_clinical(word) or word in EPONYMS or word in NOUNS or word in _table("eponyms")
    return every or word in _in_pairs()


@cache
def _in_pairs() -> frozenset[str]:
    return frozenset(_texts()["pairs"].replace("_", " ").split())
