"""
What other readers show of a frame with the same window, and how far our picture is from it.

dcmtk is asked first; where it shows nothing, or what is known to be wrong, pydicom and Pillow.

`differences(folder)` gives the table; `python -m tests.reference_viewer FOLDER` prints it.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from img_ingestion.errors import InstanceError
from img_ingestion.pixel_data import frames, pixel_format
from img_ingestion.render import pictures
from img_ingestion.render.greyscale import full_range, greyscale, supplemental_first
from img_ingestion.render.voi import Window
from img_ingestion.settings import Limits, Rendering
from tests import second_reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


def read(path: Path) -> Dataset:
    """Read a file, also one without file meta information."""
    dataset = dcmread(path, force=True)
    if not hasattr(dataset, "file_meta") or "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    return dataset


def levels(png: bytes) -> NDArray[np.int16]:
    """Decode a PNG to (rows, columns) or (rows, columns, 3) RGB."""
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return (picture if picture.ndim == 2 else picture[:, :, ::-1]).astype(np.int16)


def window(dataset: Dataset, number: int) -> list[str]:
    """Give the options that make dcmtk apply the window that we have chosen."""
    shape = pixel_format(dataset)
    if shape.samples > 1 or shape.photometric == "PALETTE COLOR":
        return []
    chosen = greyscale(dataset, number, shape)
    if chosen.voi is None:
        whole = full_range(dataset, shape, frames(dataset, Limits()))
        low, high = whole.low, whole.high
        return ["+Ww", repr((low + high + 1) / 2), repr(high - low + 1), "+Wfl"]
    if not isinstance(chosen.voi, Window):
        return ["+Wl", "1"]
    center, width = chosen.voi.center, chosen.voi.width
    if chosen.voi.function == "LINEAR_EXACT":  # which dcmtk says as LINEAR, half a step further
        center, width = center + 0.5, width + 1
    function = "+Wfs" if chosen.voi.function == "SIGMOID" else "+Wfl"
    return ["+Ww", repr(center), repr(width), function]


def dcmtk_shows(path: Path, number: int, options: list[str]) -> NDArray[np.int16] | None:
    """Give dcmtk's picture of a frame, none where it has none."""
    with tempfile.TemporaryDirectory() as folder:
        plain, shown = Path(folder, "plain.dcm"), Path(folder, "shown.png")
        for decoded in (_as_it_is, _by_dcmtk, _by_pydicom):
            source = decoded(path, plain)
            command = [
                "dcmj2pnm",
                "-q",
                "-O",
                "+on",
                "-mf",
                "+F",
                str(number),
                *options,
                source,
                shown,
            ]
            subprocess.run([str(word) for word in command], check=False, capture_output=True)
            if shown.exists() and shown.stat().st_size:
                return levels(shown.read_bytes())
    return None


def _as_it_is(path: Path, _: Path) -> Path:
    return path


def _by_dcmtk(path: Path, plain: Path) -> Path:
    """Have dcmtk join the fragments of JPEG frames, which its viewer does not."""
    subprocess.run(["dcmdjpeg", "-q", str(path), str(plain)], check=False, capture_output=True)
    return plain


def _by_pydicom(path: Path, plain: Path) -> Path:
    """Have a second reader decode what dcmtk cannot."""
    dataset = read(path)
    with contextlib.suppress(Exception):
        dataset.PixelData = dataset.pixel_array.tobytes()
        dataset.BitsAllocated = max(8, dataset.BitsAllocated)
        dataset.PlanarConfiguration = 0
        if dataset.SamplesPerPixel == 3:
            dataset.PhotometricInterpretation = "RGB"
        dataset["PixelData"].is_undefined_length = False
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.save_as(plain)
    return plain


DCMTK_IS_WRONG = {
    "SC_ybr_full_uncompressed.dcm": "it cuts where it should round: two levels from the formula",
    "SC_ybr_full_422_uncompressed.dcm": "as above",
    "rtdose_expb.dcm": "it swaps 32-bit words as pairs of 16 bits",
    "rtdose_expb_1frame.dcm": "as above",
    "example.dcm": "a JFIF file that the header calls RGB: it shows pink for white",
    "example-mg.dcm": "as above",
    "SC_rgb_jpeg_lossy_gdcm.dcm": "subsampled chrominance that the header calls RGB: blue for red",
}
"""Files, by the end of their name, that another reader judges, and why."""


def difference(path: Path) -> tuple[str, int | None]:
    """Compare the first and the middle frame: with what, and the largest difference in levels."""
    try:
        dataset = read(path)
        if not {"PixelData", "FloatPixelData", "DoubleFloatPixelData"} & set(dataset.dir()):
            return "no pixels", None
        worst, by = -1, "dcmtk"
        for choice in ("first", "middle") if pixel_format(dataset).frames > 1 else ("first",):
            (picture,) = pictures(dataset, Rendering(frames=choice), Limits())
            theirs, wrong = None, path.name.endswith(tuple(DCMTK_IS_WRONG))
            if not wrong:
                theirs = dcmtk_shows(path, picture.frame, window(dataset, picture.frame))
            if theirs is None:
                by = "second reader"
                theirs = second_reader.shows(dataset, picture.frame, as_a_file=wrong)
            if theirs is None:
                return "nobody else shows it", None
            ours = levels(picture.png)
            ours, theirs = np.atleast_3d(ours), np.atleast_3d(theirs)
            first = supplemental_first(dataset, pixel_format(dataset))
            if first is not None:
                # dcmtk shows no supplemental palette: compare what it leaves grey.
                (stored,) = frames(dataset, Limits(), [picture.frame])
                ours = np.where(stored < first, ours, theirs)
            worst = max(worst, int(np.abs(ours - theirs).max()))
    except InstanceError as error:
        return f"{error.code}: {error}", None
    return by, worst


def differences(folder: Path) -> Iterator[tuple[Path, str, int | None]]:
    """Give each file of a folder, what it was compared with, and the largest difference."""
    for path in sorted(folder.iterdir()):
        yield path, *difference(path)


if __name__ == "__main__":
    for path, what, worst in differences(Path(sys.argv[1])):
        sys.stdout.write(f"{path.name}\t{what}\t{'' if worst is None else worst}\n")
