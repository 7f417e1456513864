"""
One way to de-identify a folder of files, timed: `PYTHON bench/header_work.py WAY FOLDER`.

A program of its own, so that each way runs in the interpreter that has it. Prints the CPU
milliseconds a file (user and system, reading and writing included), the best of several passes.
"""

# ruff: noqa: PLC0415 - each way imports what it alone needs, and prints one number
from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Work = Callable[[Path, Path], object]

ROOT = Path(__file__).resolve().parents[1]
PASSES = 3


def copy() -> Work:
    """Copy the bytes."""
    return shutil.copyfile


def pydicom() -> Work:
    """Read and write with pydicom, nothing else."""
    from pydicom import dcmread

    return lambda source, target: dcmread(source).save_as(target)


def pydicom_decoded() -> Work:
    """Read and write with pydicom, each element decoded: what whoever looks at values pays."""
    from pydicom import dcmread

    def work(source: Path, target: Path) -> None:
        dataset = dcmread(source)
        for _ in dataset.iterall():
            pass
        dataset.save_as(target)

    return work


def pydicom_spliced() -> Work:
    """Read and write the header with pydicom; the pixels go from file to file."""
    from pydicom import dcmread

    def work(source: Path, target: Path) -> None:
        with source.open("rb") as stream, target.open("wb") as out:
            dataset = dcmread(stream, stop_before_pixels=True)
            start = stream.tell()
            head = BytesIO()
            dataset.save_as(head)
            out.write(head.getbuffer())
            out.flush()
            os.sendfile(out.fileno(), stream.fileno(), start, source.stat().st_size - start)

    return work


def here() -> Work:
    """Do all that this project does to a header: every default option, residue and stamp."""
    sys.path.insert(0, str(ROOT))
    from img_ingestion.deidentify import deidentify, policy, recipe
    from img_ingestion.instance import ReceivedInstance
    from img_ingestion.settings import Pixels, Settings

    settings = Settings(pixels=Pixels(policy="rules"))
    rules = policy("bench", settings, recipe.load(ROOT / "deid.dicom"), bytes(32))

    def work(source: Path, target: Path) -> None:
        # The line knows the digest from its walk; here a name stands for it.
        digest = hashlib.sha256(source.name.encode()).hexdigest()
        one = ReceivedInstance(digest[:16], "bench", source, source.read_bytes(), digest)
        with target.open("wb", buffering=0) as out:
            for part in deidentify(one, rules).parts:
                out.write(part)

    return work


def deid() -> Work:
    """Run deid's replace_identifiers with its default recipe."""
    from deid.config import DeidRecipe
    from deid.dicom import get_identifiers, replace_identifiers

    recipe = DeidRecipe()

    def work(source: Path, target: Path) -> None:
        files = [str(source)]
        found = get_identifiers(files)
        cleaned = replace_identifiers(files, deid=recipe, ids=found, save=False)
        cleaned[0].save_as(target)

    return work


def dicom_cleaner() -> Work:
    """Run deid's DicomCleaner, pixels to PNG, as its examples have it; nothing is sent."""
    from deid.dicom import DicomCleaner

    def work(source: Path, target: Path) -> None:
        cleaner = DicomCleaner(output_folder=str(target.parent))
        cleaner.detect(str(source))
        cleaner.clean()
        cleaner.save_png()

    return work


def dicognito() -> Work:
    """Run dicognito's Anonymizer."""
    from dicognito.anonymizer import Anonymizer
    from pydicom import dcmread

    anonymizer = Anonymizer()

    def work(source: Path, target: Path) -> None:
        dataset = dcmread(source)
        anonymizer.anonymize(dataset)
        dataset.save_as(target)

    return work


def dicom_anonymizer() -> Work:
    """Run Kitware's dicom-anonymizer."""
    from dicomanonymizer import anonymize_dataset
    from pydicom import dcmread

    def work(source: Path, target: Path) -> None:
        dataset = dcmread(source)
        anonymize_dataset(dataset)
        dataset.save_as(target)

    return work


WAYS = {
    work.__name__: work
    for work in (
        copy,
        pydicom_spliced,
        pydicom,
        pydicom_decoded,
        here,
        dicognito,
        dicom_anonymizer,
        deid,
        dicom_cleaner,
    )
}


def timed(way: str, folder: Path) -> float:
    """Give the CPU milliseconds a file, of the best pass."""
    work, files, taken = WAYS[way](), sorted(folder.iterdir()), []
    with tempfile.TemporaryDirectory() as place:
        for _ in range(PASSES):
            start = time.process_time()
            for number, source in enumerate(files):
                work(source, Path(place) / f"{number}.dcm")
            taken.append((time.process_time() - start) / len(files))
    return min(taken) * 1000


if __name__ == "__main__":
    print(f"{timed(sys.argv[1], Path(sys.argv[2])):.2f}")
