"""
Recall and over-removal of the free-text cleaner: `python bench/prose.py [N [SEED]] [--list]`.

Makes N texts of each kind from words, names and forms of its own (prose.json): people of many
cultures, phones of many countries, dates in several languages. The vocabulary has two halves.
`tuned` is what the authors of the rules may read failures of (`--list` shows them); `held out` is
only ever counted. A text counts as cleaned if no word of the identifier is left in it, and as kept
if every clinical word is. Prints both for each kind, each half and each way of cleaning, with the
processor time.
"""

from __future__ import annotations

import json
import random
import re
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from img_ingestion.deidentify import identifiers, patterns, people
from img_ingestion.deidentify.free_text import Cleaner
from img_ingestion.deidentify.text_forms import folded

if TYPE_CHECKING:
    from collections.abc import Iterator

WORD = re.compile(r"\w+")
VOCABULARY = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
FORMS = ["{k} {p}", "{p} {k}", "{k}, {p}", "{k} - {p}", "{k} ({p})", "{k}; {p}."]
KINDS = [kind for kind in VOCABULARY if kind not in {"own names", "clinical"}]
LABELS = frozenset(  # as a text: words of a form, not of an identifier
    """
    mrn id acc no ssn pat nr nhs case dob acct tel ext dr dra prof mrs ms mr herr frau nurse sra
    signed per by discussed with called md de du des rue po box http ftp www st a s n general
    hospital clinic community infirmary klinikum medical health center saint apt ave rd via calle
    t k p blvd dept department radiology cardiology neurology institute university universitario
    centre imaging orthopaedic clinico di da im w de los universitats royal ziekenhuis szpital
    wojewodzki kliniczny hopital hospitalier ospedale ospedali riuniti clinique clinica sjukhus
    lasarett sykehus krankenhaus evangelisches casa cura villa san santa scanned transferred from
    of at
    больница городская центральная раионная районная
    """.split()  # noqa: SIM905 - see above
)


def words(text: str) -> list[str]:
    """Split a text as the judge does: words and decimal numbers, without labels."""
    return [word for word in WORD.findall(text) if word.lower() not in LABELS]


def texts(
    half: str, number: int, rng: random.Random
) -> Iterator[tuple[str, Dataset, str, str, str]]:
    """Give (kind, header, text, what has to go, what has to stay)."""
    for _ in range(number):
        header, known = person(half, rng)
        keep = rng.choice(VOCABULARY["clinical"][half])
        for kind in ("own names", "own numbers", *KINDS, "nothing"):
            if kind == "own names":
                gone = rng.choice(known.split("|"))
            elif kind == "own numbers":
                gone = rng.choice(
                    [str(header.PatientID), str(header.AccessionNumber), str(header.StudyID)]
                )
            else:
                gone = rng.choice(VOCABULARY[kind][half]) if kind in KINDS else ""
            if {folded(word) for word in words(gone)} & {folded(word) for word in words(keep)}:
                continue
            text = rng.choice(FORMS).format(k=keep, p=gone) if gone else keep
            yield kind, header, text, gone, keep


def person(half: str, rng: random.Random) -> tuple[Dataset, str]:
    """Give a header and how texts call its patient."""
    name, known = rng.choice(VOCABULARY["own names"][half]).split(" = ")
    header = Dataset()
    header.SpecificCharacterSet = "ISO_IR 192"
    header.PatientName = name
    header.PatientID = rng.choice(
        [
            f"{rng.randrange(10**3, 10**4)}",
            f"{rng.randrange(10**6, 10**8)}",
            f"ZX{rng.randrange(10**4)}-{rng.randrange(9)}",
        ]
    )
    header.AccessionNumber = f"{rng.choice('ABQ')}{rng.randrange(10**5, 10**6)}"
    header.StudyID = f"{rng.randrange(10**4, 10**5)}"
    header.StudyDate = "20170314" if half == "tuned" else "20091127"
    return header, known


def left(clean: str, gone: str) -> bool:
    """Tell whether a word of an identifier is still in a text."""
    there = {folded(word) for word in WORD.findall(clean)}
    return bool(there & {folded(word) for word in words(gone)})


def measured(half: str, number: int, seed: int) -> tuple[dict[str, list[int]], float, list[str]]:
    """Clean texts of one half; give (made, cleaned, kept) by kind, the time, and the failures."""
    score: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    taken, failures = 0.0, []
    for kind, header, text, gone, keep in texts(half, number, random.Random(seed)):  # noqa: S311
        cleaner = Cleaner.of(identifiers.collect(header))
        start = time.process_time()
        result = cleaner.cleaned(text)
        taken += time.process_time() - start
        leaks, lost = left(result, gone), set(WORD.findall(keep)) - set(WORD.findall(result))
        score[kind] = [a + b for a, b in zip(score[kind], (1, not leaks, not lost), strict=True)]
        if leaks or lost:
            failures.append(f"  {kind}, {header.PatientName}: {text!r} -> {result!r}")
    return score, taken, failures


def said(half: str, score: dict[str, list[int]], taken: float) -> str:
    """Put the figures of one half into words."""
    total, gone, kept = map(sum, zip(*score.values(), strict=True))
    parts = [f"{kind} {100 * b / a:.1f}/{100 * c / a:.1f}" for kind, (a, b, c) in score.items()]
    whole = f"recall {100 * gone / total:.2f} %, kept whole {100 * kept / total:.2f} %"
    return f"{half}: {whole}, {1e6 * taken / total:.0f} us a text\n   {'; '.join(parts)}"


def main(number: int = 200, seed: int = 1) -> None:
    """Print each way on each half."""
    every = patterns.spans, people.spans
    ways = {"own identifiers": (), "and patterns": (0,), "and people": (0, 1)}
    for name, used in ways.items():
        patterns.spans, people.spans = (
            each if at in used else lambda *_, **__: () for at, each in enumerate(every)
        )
        print(name)
        for half in ("tuned", "held out"):
            score, taken, failures = measured(half, number, seed)
            print(said(half, score, taken), flush=True)
            if "--list" in sys.argv and half == "tuned" and len(used) == len(every):
                print(*failures, sep="\n")


if __name__ == "__main__":
    main(*(int(each) for each in sys.argv[1:] if each.isdigit()))
