"""
What is remembered of one file changes nothing in the next: `python bench/sameness.py [FILE ...]`.

Makes rows of files of a few patients, each an alteration of the one before (another patient, text
of one element in another, names and numbers of anybody in any text, UIDs, private creators,
character sets, encodings, items), de-identifies each with all that the row left behind, and again
with nothing. Both must give the same bytes, pseudonyms and reasons. Prints how many did, by what
became of them. `--rounds N` rows of `--row N` files, `--seed S`.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import warnings
from collections import Counter
from contextlib import suppress
from copy import deepcopy
from functools import _lru_cache_wrapper
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
import sets
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.uid import CTImageStorage, MRImageStorage, SecondaryCaptureImageStorage

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from img_ingestion.deidentify import deidentify, policy, recipe
from img_ingestion.errors import InstanceError
from img_ingestion.instance import ReceivedInstance
from img_ingestion.settings import Pixels, Profile, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydicom.dataelem import DataElement

    from img_ingestion.deidentify import Policy

PROFILES = (
    Profile(),
    Profile(retain_uids=True),
    Profile(
        retain_longitudinal_modified_dates=False,
        retain_patient_characteristics=False,
        retain_safe_private=False,
    ),
)
PEOPLE = (
    ("Nemo^Ada", "471177", "19600102"),
    ("Stone^Graves", "7", "19310905"),
    ("Lee^Ann", "ZQ-88 12", "20010911"),
    ("M\u00fcller^J\u00fcrgen", "A.1", "19871231"),
)
TEXTS = frozenset({"LO", "SH", "ST", "LT", "UT", "PN", "DA", "IS", "DS", "AS", "CS", "UI", "TM"})
CREATORS = (
    "SIEMENS MR HEADER",
    "SIEMENS CSA HEADER",
    "GEMS_PARM_01",
    "NOBODY",
    "Philips PET Private",
)
CLASSES = (CTImageStorage, MRImageStorage, SecondaryCaptureImageStorage)
CHARACTERS = ("", "ISO_IR 100", "ISO_IR 192", "ISO 2022 IR 100")
FILE_META = 0x0002FFFF
SIDE = 8
"""Of a picture, in pixels: what is remembered is of the header."""


class Row:
    """Files one after the other, each made of the one before."""

    def __init__(self, first: Dataset, chance: random.Random) -> None:
        self.dataset, self.chance, self.number = first, chance, 0
        self.ways: tuple[Callable[[], None], ...] = (
            self.another_patient, self.moved_text, self.said_of_somebody, self.said_of_somebody,
            self.another_uid, self.private, self.private, self.characters, self.nested, self.less,
            self.another_study, self.another_class, lambda: None,
        )  # fmt: skip

    def files(self, count: int) -> Iterator[bytes]:
        """Give so many files."""
        for _ in range(count):
            self.number += 1
            for _ in range(self.chance.randint(0, 3)):
                with suppress(IndexError, ValueError):  # nothing there to be changed so
                    self.chance.choice(self.ways)()
            self.dataset.SOPInstanceUID = f"1.2.3.4.{self.chance.randint(1, 9)}.{self.number}"
            if (written := self.written()) is not None:
                yield written

    def written(self) -> bytes | None:
        """Give the file; nothing where pydicom cannot write what was made."""
        out, copy = BytesIO(), deepcopy(self.dataset)
        copy.file_meta.MediaStorageSOPInstanceUID = copy.SOPInstanceUID
        try:
            copy.save_as(out)
        except Exception:  # noqa: BLE001 - whatever it is, it is no file
            return None
        return out.getvalue()

    def put(self, level: Dataset, tag: int, vr: str, said: str) -> None:
        """Let an element say something, as its bytes, whatever its VR."""
        value = said.encode("latin-1", "replace")
        value += b" " * (len(value) % 2)
        syntax = self.dataset.file_meta.TransferSyntaxUID
        forms = syntax.is_implicit_VR, syntax.is_little_endian
        level[tag] = RawDataElement(BaseTag(tag), vr, len(value), value, 0, *forms)

    def texts(self) -> list[tuple[Dataset, int, str, str]]:
        """Give the texts, at every level: where, tag, VR and what it says."""
        return [
            (level, int(element.tag), element.VR, said(element))
            for level in self.levels()
            for element in level.values()
            if element.VR in TEXTS and element.tag > FILE_META
        ]

    def levels(self) -> list[Dataset]:
        """Give the data set and its items."""
        found = [self.dataset]
        for level in found:
            sequences = [element.tag for element in level.values() if element.VR == "SQ"]
            found += [item for tag in sequences for item in level[tag].value]
        return found

    def another_patient(self) -> None:
        """Say that the file is somebody else's."""
        name, number, born = self.chance.choice(PEOPLE)
        for tag, vr, said in ((0x10, "PN", name), (0x20, "LO", number), (0x30, "DA", born)):
            self.put(self.dataset, 0x00100000 + tag, vr, said)

    def another_study(self) -> None:
        """Say that it is of another study."""
        self.dataset.StudyInstanceUID = f"1.2.3.{self.chance.randint(1, 5)}"
        self.dataset.StudyDate = f"20{self.chance.randint(10, 20)}0{self.chance.randint(1, 9)}11"

    def another_class(self) -> None:
        """Say that it is an object of another kind."""
        self.dataset.SOPClassUID = self.chance.choice(CLASSES)

    def moved_text(self) -> None:
        """Say in one element what another says."""
        (one, tag, vr, _), (*_, there) = (self.chance.choice(self.texts()) for _ in range(2))
        self.put(one, tag, vr, there)

    def said_of_somebody(self) -> None:
        """Name anybody of the people, or his number, in any text."""
        name, number, born = self.chance.choice(PEOPLE)
        family, _, given = name.partition("^")
        level, tag, vr, _ = self.chance.choice(self.texts())
        said = self.chance.choice(
            (family, given, number, born, f"for {family}", f"id {number}", f"{family} {given}",
             "normal", self.dataset.get("StudyInstanceUID", "1.2"), f"of {born}", family.upper())
        )  # fmt: skip
        self.put(level, tag, vr, str(said))

    def another_uid(self) -> None:
        """Say a UID that may be anybody's."""
        level = self.chance.choice(self.levels())
        said = self.chance.choice(("1.2.3.4.5", "1.2.840.10008.1.2", self.dataset.SOPInstanceUID))
        level.FrameOfReferenceUID = said

    def private(self) -> None:
        """Say something in a private element, of whomever."""
        block = self.chance.choice(self.levels()).private_block(
            self.chance.choice((0x19, 0x29, 0x43)), self.chance.choice(CREATORS), create=True
        )
        vr, value = self.chance.choice((("IS", "1000"), ("LO", "Nemo"), ("SH", "7"), ("DS", "1.5")))
        block.add_new(self.chance.choice((0x0C, 0x0E, 0x10, 0x2F)), vr, value)

    def characters(self) -> None:
        """Change the character set that a level is read in."""
        level = self.chance.choice(self.levels())
        level.SpecificCharacterSet = self.chance.choice(CHARACTERS)

    def nested(self) -> None:
        """Put two elements into an item."""
        item = Dataset()
        for _, tag, vr, said in self.chance.sample(self.texts(), 2):
            self.put(item, tag, vr, said)
        self.dataset.RequestAttributesSequence = [item]

    def less(self) -> None:
        """Leave an element out."""
        level, tag, *_ = self.chance.choice(self.texts())
        if tag not in {0x00080016, 0x00080018}:
            del level[tag]


def said(element: RawDataElement | DataElement) -> str:
    """Give what an element says, a few characters of it."""
    value = element.value
    return (value.decode("latin-1") if isinstance(value, bytes) else str(value or ""))[:24]


def forget() -> None:
    """Empty whatever remembers something of files."""
    for name, module in list(sys.modules.items()):
        if name.startswith(("img_ingestion.as_found", "img_ingestion.deidentify")):
            for one in vars(module).values():
                # Without a bound are those that remember what ships.
                if isinstance(one, _lru_cache_wrapper) and one.cache_info().maxsize:
                    one.cache_clear()


def outcome(content: bytes, rules: Policy) -> tuple[object, ...]:
    """Give what becomes of a file."""
    digest = hashlib.sha256(content).hexdigest()
    received = ReceivedInstance(digest[:16], "bench", Path("IM0001.dcm"), content, digest)
    try:
        clean = deidentify(received, rules)
    except InstanceError as error:
        return ("held", type(error).__name__, str(error))
    return ("cleaned", clean.content, dict(clean.replaced), clean.name)


def bases(files: list[Path]) -> list[bytes]:
    """Give what rows begin with."""
    if not files:
        return [sets.small(), *sets.sets().values()]
    return [file.read_bytes() for file in files]


def first(content: bytes) -> Dataset | None:
    """Give the first of a row, of a large picture that is not compressed only a corner."""
    try:
        dataset = pydicom.dcmread(BytesIO(content))
        if not dataset.file_meta.TransferSyntaxUID.is_compressed and "PixelData" in dataset:
            dataset.Rows = dataset.Columns = SIDE
            dataset.NumberOfFrames = 1
            bits = dataset.get("SamplesPerPixel", 1) * dataset.BitsAllocated
            dataset.PixelData = bytes(SIDE * SIDE * bits // 8)
    except Exception:  # noqa: BLE001 - not a file that pydicom reads
        return None
    return dataset if "SOPClassUID" in dataset else None


def main() -> None:
    """Print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="what rows begin with")
    parser.add_argument("--rounds", type=int, default=50, metavar="N")
    parser.add_argument("--row", type=int, default=12, metavar="N")
    warnings.simplefilter("ignore")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    chosen = parser.parse_args()
    chance, seen, differ = random.Random(chosen.seed), Counter[str](), 0  # noqa: S311 - no secret
    site, started = recipe.load(ROOT / "deid.dicom"), bases(chosen.files)
    policies = [
        policy("bench", Settings(profile=each, pixels=Pixels(policy="rules")), site, bytes(32))
        for each in PROFILES
    ]
    for number in range(chosen.rounds):
        dataset = first(chance.choice(started))
        if dataset is None:
            continue
        files = list(Row(dataset, chance).files(chosen.row))
        rules = [chance.choice(policies[: 1 + number % 3]) for _ in files]
        forget()
        after = [outcome(*each) for each in zip(files, rules, strict=True)]
        for content, each, there in zip(files, rules, after, strict=True):
            forget()
            alone = outcome(content, each)
            seen[str(there[0])] += 1
            if alone != there:
                differ += 1
                print(f"row {number}: {there[0]} after others, {alone[0]} alone, and not the same")
    print(f"{sum(seen.values())} files, {dict(seen)}: {differ} differ")
    raise SystemExit(differ > 0)


if __name__ == "__main__":
    main()
