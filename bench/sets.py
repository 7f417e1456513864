"""
The sets of files that costs are measured on, made here: nothing has to be fetched.

Headers are those of the files that pydicom ships, where it ships one of the kind; pixel data are
made at the sizes that the sets have. A 1024 x 1024 8-bit film of few elements, B a CT slice with
260 elements, C a 2500 x 2048 16-bit radiograph, D and D2 colour ultrasound as JPEG multi-frame,
E1 a JPEG 2000, U an uncompressed colour ultrasound, N an enhanced CT of 12,000 elements.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pydicom
from imagecodecs import jpeg2k_encode, jpeg8_encode
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    SecondaryCaptureImageStorage,
    UltrasoundMultiFrameImageStorage,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

ROOT = "1.2.826.0.1.3680043.9.9999.7"
INSTANCE = f"{ROOT}.1.1.1000".encode()
"""The SOP Instance UID of each set; a series has it counted up."""
FRAMES_OF_N = 800
"""Each with a functional group of 15 elements."""


def sets() -> Mapping[str, bytes]:
    """Give each set's file by the set's name."""
    return {
        "A": _film(),
        "B": _slice(),
        "C": _radiograph(),
        "D": _cine(3, 480, 640),
        "D2": _cine(30, 480, 640),
        "E1": _slice(compressed=True),
        "U": _ultrasound(),
        "N": _enhanced(FRAMES_OF_N),
    }


def small() -> bytes:
    """Give a film of few pixels, for what is done many times."""
    film = _of_a_patient()
    film.Modality, film.ViewPosition, film.StudyDescription = "CR", "PA", "Chest, follow-up"
    _described(film, _grey(64, 64, 8), 8)
    return _written(film, SecondaryCaptureImageStorage)


def of_pixels(side: int) -> bytes:
    """Give a square film of 8 bits."""
    film = _of_a_patient()
    film.Modality = "CR"
    _described(film, _grey(side, side, 8), 8)
    return _written(film, SecondaryCaptureImageStorage)


def of_frames(frames: int) -> bytes:
    """Give an enhanced CT of 256 x 256."""
    return _enhanced(frames, 256)


def of_elements(elements: int) -> bytes:
    """Give a small film with so many elements, most of them in items of a sequence."""
    film = _of_a_patient()
    film.Modality = "CR"
    film.ExposureDoseSequence = [_exposure(number) for number in range(elements // 5)]
    _described(film, _grey(64, 64, 8), 8)
    return _written(film, SecondaryCaptureImageStorage)


def of_numbers(numbers: int) -> bytes:
    """Give a small film that names so many identifying numbers, and its patient's in texts."""
    film = _of_a_patient()
    film.Modality = "CR"
    film.RequestAttributesSequence = [_request(number) for number in range(numbers)]
    _described(film, _grey(64, 64, 8), 8)
    return _written(film, SecondaryCaptureImageStorage)


def _request(number: int) -> Dataset:
    item = Dataset()
    item.RequestedProcedureID = f"RP{number * 7919 % 10**9:09}"
    item.RequestedProcedureDescription = f"chest, two views, {number}"
    return item


def _exposure(number: int) -> Dataset:
    item = Dataset()
    item.KVP, item.ExposureTime, item.FilterMaterial = "81", number, "ALUMINUM"
    item.CommentsOnRadiationDose = f"exposure {number % 100} of the chest"
    return item


def _grey(rows: int, columns: int, bits: int) -> NDArray[np.uint16]:
    """Make a picture with the grain of a real one, the same each time."""
    y, x = np.mgrid[0:rows, 0:columns]
    grain = np.random.default_rng(7).integers(0, max(2, 1 << (bits - 7)), (rows, columns))
    slope = (y + x) * ((1 << bits) - (1 << (bits - 6))) // (rows + columns)
    return np.asarray(slope + grain, dtype=np.uint16)


def _described(dataset: Dataset, picture: NDArray[np.uint16], bits: int) -> None:
    dataset.Rows, dataset.Columns = picture.shape
    dataset.BitsAllocated = 8 if bits == 8 else 16  # noqa: PLR2004 - bits of a byte
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = bits, bits - 1, 0
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.PixelData = picture.astype("u1" if bits == 8 else "<u2").tobytes()  # noqa: PLR2004


def _written(dataset: Dataset, sop_class: str, syntax: str = ExplicitVRLittleEndian) -> bytes:
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, INSTANCE.decode()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{ROOT}.1", f"{ROOT}.1.1"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    out = BytesIO()
    pydicom.dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()


def _of_a_patient() -> Dataset:
    dataset = Dataset()
    dataset.PatientName, dataset.PatientID = "Quillfeather^Zebedee", "77.1234"
    dataset.PatientBirthDate, dataset.PatientSex = "19610213", "F"
    dataset.StudyDate, dataset.StudyTime, dataset.AccessionNumber = "20240501", "101500", "A771234"
    return dataset


def _film() -> bytes:
    film = _of_a_patient()
    film.Modality, film.ViewPosition, film.PatientAge = "CR", "PA", "063Y"
    _described(film, _grey(1024, 1024, 8), 8)
    return _written(film, SecondaryCaptureImageStorage)


def _slice(*, compressed: bool = False) -> bytes:
    dataset = _shipped("CT_small.dcm")
    picture = _grey(512, 512, 12)
    _described(dataset, picture, 12)
    if not compressed:
        return _written(dataset, CTImageStorage)
    dataset.PixelData = encapsulate(
        [jpeg2k_encode(picture, level=0, reversible=True, bitspersample=12)]
    )
    return _written(dataset, CTImageStorage, JPEG2000Lossless)


def _radiograph() -> bytes:
    dataset = _of_a_patient()
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "DX", "CHEST", "PA"
    dataset.Manufacturer, dataset.InstitutionName = "Maker", "Saint Elsewhere Hospital"
    dataset.StudyDescription = "Chest PA and lateral, follow-up of nodule"
    dataset.ReferringPhysicianName, dataset.KVP = "Doe^Jane", "120"
    dataset.ImagerPixelSpacing, dataset.Exposure = ["0.139", "0.139"], "4"
    dataset.WindowCenter, dataset.WindowWidth = "2048", "4096"
    dataset.PresentationIntentType, dataset.ImageType = "FOR PRESENTATION", ["ORIGINAL", "PRIMARY"]
    _described(dataset, _grey(2500, 2048, 12), 12)
    return _written(dataset, DigitalXRayImageStorageForPresentation)


def _colour(rows: int, columns: int) -> NDArray[np.uint8]:
    grey = (_grey(rows, columns, 12) >> 4).astype("u1")
    return np.stack([grey, grey, np.roll(grey, 40, axis=1)], axis=-1)


def _cine(frames: int, rows: int, columns: int) -> bytes:
    dataset = _shipped("examples_ybr_color.dcm")
    picture = _colour(rows, columns)
    _described(dataset, picture[..., 0].astype("u2"), 8)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "YBR_FULL_422"
    dataset.PlanarConfiguration, dataset.NumberOfFrames = 0, frames
    shown = (jpeg8_encode(np.roll(picture, 5 * each, axis=0), level=80) for each in range(frames))
    dataset.PixelData = encapsulate(list(shown))
    return _written(dataset, UltrasoundMultiFrameImageStorage, JPEGBaseline8Bit)


def _ultrasound() -> bytes:
    dataset = _shipped("examples_ybr_color.dcm")
    picture = _colour(768, 1024)
    _described(dataset, picture[..., 0].astype("u2"), 8)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
    dataset.PlanarConfiguration, dataset.NumberOfFrames = 0, 1
    dataset.PixelData = picture.tobytes()
    return _written(dataset, UltrasoundMultiFrameImageStorage)


def _shipped(name: str) -> Dataset:
    """Give the header of a file of pydicom's, with a patient who is nobody."""
    dataset = pydicom.dcmread(str(get_testdata_file(name)))
    del dataset.PixelData
    dataset.update(_of_a_patient())
    plain = Dataset()
    plain.update({element.tag: element for element in dataset})
    return plain


def _enhanced(frames: int, side: int = 8) -> bytes:
    """Make an enhanced CT with a functional group for each frame."""
    dataset = _of_a_patient()
    dataset.Modality, dataset.NumberOfFrames, dataset.Manufacturer = "CT", frames, "Maker"
    _described(dataset, _grey(side, side, 12), 12)
    dataset.PixelData = dataset.PixelData * frames
    dataset.PerFrameFunctionalGroupsSequence = list(map(_group, range(frames)))
    return _written(dataset, EnhancedCTImageStorage)


def _group(number: int) -> Dataset:
    content, plane, turned, values, item = (Dataset() for _ in range(5))
    content.FrameAcquisitionDateTime = f"202405011015{number % 60:02}"
    content.FrameReferenceDateTime = content.FrameAcquisitionDateTime
    content.FrameAcquisitionNumber = content.InStackPositionNumber = number + 1
    content.StackID, content.DimensionIndexValues = "1", [1, number + 1]
    content.FrameComments = "arterial phase"
    plane.ImagePositionPatient = [0, 0, number]
    turned.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    values.RescaleIntercept, values.RescaleSlope, values.RescaleType = -1024, 1, "HU"
    item.FrameContentSequence, item.PlanePositionSequence = [content], [plane]
    item.PlaneOrientationSequence, item.PixelValueTransformationSequence = [turned], [values]
    return item
