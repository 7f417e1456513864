"""What pydicom, its plug-ins and Pillow show of a frame: where dcmtk shows nothing, or is wrong."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from pydicom.encaps import generate_frames
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import JPEGBaseline8Bit

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import Dataset


def shows(dataset: Dataset, number: int, *, as_a_file: bool) -> NDArray[np.int16] | None:
    """
    Give (rows, columns) or (rows, columns, 3) levels of frame `number`, none if it cannot.

    `as_a_file` lets a JPEG say itself what its colours are, whatever the header says.
    """
    if as_a_file and dataset.file_meta.TransferSyntaxUID == JPEGBaseline8Bit:
        count = int(dataset.get("NumberOfFrames") or 1)
        *_, stream = zip(
            range(number), generate_frames(dataset.PixelData, number_of_frames=count), strict=False
        )
        return np.asarray(Image.open(io.BytesIO(stream[1])).convert("RGB"), np.int16)
    try:
        frame = pixel_array(dataset, index=number - 1)
    except (NotImplementedError, RuntimeError):
        return None
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        colours: NDArray[Any] = apply_color_lut(frame, dataset)
        return np.asarray(colours >> (8 * colours.dtype.itemsize - 8), np.int16)
    if dataset.SamplesPerPixel == 3:
        return np.asarray(frame >> (dataset.BitsStored - 8), np.int16)
    return _grey(dataset, frame)


def _grey(dataset: Dataset, frame: NDArray[Any]) -> NDArray[np.int16]:
    values = apply_modality_lut(frame, dataset)
    if frame.dtype.kind == "f":
        # pydicom knows no windows of functional groups, and no fractions of a step.
        (window,) = dataset.SharedFunctionalGroupsSequence[0].FrameVOILUTSequence
        low = window.WindowCenter - window.WindowWidth / 2
        high = low + window.WindowWidth
    elif "WindowWidth" in dataset:
        values = apply_voi_lut(values, dataset, prefer_lut=False)
        low, high = 0.0, 2.0**dataset.BitsStored - 1
        if dataset.PixelRepresentation:
            low, high = -(2.0 ** (dataset.BitsStored - 1)), 2.0 ** (dataset.BitsStored - 1) - 1
        slope, intercept = dataset.get("RescaleSlope", 1), dataset.get("RescaleIntercept", 0)
        low, high = low * slope + intercept, high * slope + intercept
    else:
        every = apply_modality_lut(pixel_array(dataset), dataset).astype(float)
        low, high = (0.0, 1.0) if dataset.get("BitsStored") == 1 else (every.min(), every.max())
    share = (values.astype(float) - low) / max(high - low, 1e-300)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        share = 1 - share
    return np.asarray(np.rint(np.clip(share, 0, 1) * 255), np.int16)
