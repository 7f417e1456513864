"""
What the search for text costs: `python bench/text_cost.py`.

The networks are loaded first. Prints processor seconds, seconds a megapixel and peak memory of
finding, hiding and proving under the policy `all`, each picture in a process of its own: a
synthetic picture of tissue-like noise with four lines of print, at three sizes, and two cines of 65
frames, one whose sector changes while its margins stand still, one in which every pixel changes.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from img_ingestion.deidentify.pixels import clean
from img_ingestion.deidentify.pixels.text import models
from img_ingestion.settings import Limits

PICTURES = {
    "512 x 512": (512, 512, 1, 1.0),
    "1024 x 1024": (1024, 1024, 1, 1.0),
    "3000 x 2500": (3000, 2500, 1, 1.0),
    "600 x 800, 65 frames, margins still": (600, 800, 65, 0.35),
    "600 x 800, 65 frames, all changes": (600, 800, 65, 1.0),
}
"""Rows, columns, frames, and the share of the picture, around its middle, that is tissue."""
PRINT = ("QUILLFEATHER ZEBEDEE", "1951-07-23", "ID 4471823", "MI 0.8 TIS 0.4")


def picture(name: str) -> Dataset:
    """Make a picture of PICTURES as a native 8-bit image."""
    rows, columns, frames, share = PICTURES[name]
    random = np.random.default_rng(7)
    high, wide = (round(side * share**0.5) for side in (rows, columns))
    top, left = (rows - high) // 2, (columns - wide) // 2
    data = np.zeros((frames, rows, columns), np.uint8)
    for frame in data:
        tissue = cv2.GaussianBlur(random.normal(0, 1, (high, wide)), (0, 0), 3)
        frame[top : top + high, left : left + wide] = 100 + 100 * tissue / np.abs(tissue).max()
        for number, line in enumerate(PRINT):
            where = (8, 24 + 24 * number)
            cv2.putText(frame, line, where, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1, cv2.LINE_AA)
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.Modality = UltrasoundMultiFrameImageStorage, "US"
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = rows, columns, frames
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.add_new("PixelData", "OB", data.tobytes())
    return dataset


def one(name: str) -> str:
    """Clean one picture, and say what that cost, as a row of a table."""
    dataset = picture(name)
    models.text_likelihood(np.zeros((32, 32, 3), np.uint8))
    models.reading(np.zeros((48, 48, 3), np.uint8))
    before = resource.getrusage(resource.RUSAGE_SELF)
    regions = clean(dataset, (), "all", Limits()).regions
    after = resource.getrusage(resource.RUSAGE_SELF)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    megapixels = dataset.Rows * dataset.Columns * dataset.NumberOfFrames / 1e6
    peak = after.ru_maxrss / 1024
    return f"| {name} | {seconds:.1f} | {seconds / megapixels:.2f} | {peak:.0f} | {len(regions)} |"


def main() -> None:
    """Print the table."""
    print("| picture | CPU s | CPU s a megapixel | peak MB | regions |\n|---|---|---|---|---|")
    for name in PICTURES:
        command = [sys.executable, __file__, name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        print(done.stdout.strip(), flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(one(sys.argv[1]))
    else:
        main()
