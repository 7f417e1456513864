"""What a file says of the lossy compression that its pixels once went through."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from img_ingestion.deidentify.pixels.lossless import DEFLATED_FRAMES
from img_ingestion.errors import NotDeidentified

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydicom.dataset import Dataset

    from img_ingestion.pixel_data import PixelFormat

# Lossy Image Compression Method (0028,2114), PS3.3 C.7.6.1.1.5.1, 2026d.
METHODS: Mapping[UID, str] = MappingProxyType(
    {
        JPEGBaseline8Bit: "ISO_10918_1",
        JPEGExtended12Bit: "ISO_10918_1",
        UID("1.2.840.10008.1.2.4.53"): "ISO_10918_1",
        UID("1.2.840.10008.1.2.4.55"): "ISO_10918_1",
        JPEGLSNearLossless: "ISO_14495_1",
        JPEG2000: "ISO_15444_1",
        HTJ2K: "ISO_15444_15",
    }
)

LOSSLESS = frozenset(
    {
        RLELossless,
        JPEGLossless,
        JPEGLosslessSV1,
        JPEGLSLossless,
        JPEG2000Lossless,
        HTJ2KLossless,
        HTJ2KLosslessRPCL,
        DEFLATED_FRAMES,
    }
)


def keep_history(dataset: Dataset, stored: PixelFormat) -> None:
    """
    Say that the pixels were once lossy, before they are written uncompressed.

    What the file already says of method and ratio stays, one value for each step it went
    through (PS3.3 C.7.6.1.1.5); what it does not say is told by its transfer syntax and size.
    A lossless syntax changes nothing.

    Raises
    ------
    NotDeidentified
        A transfer syntax that this file does not know.

    """
    method = METHODS.get(dataset.file_meta.TransferSyntaxUID)
    if method is None:
        if dataset.file_meta.TransferSyntaxUID not in LOSSLESS:
            raise NotDeidentified("not known whether this transfer syntax has lost anything")
        return
    dataset.LossyImageCompression = "01"
    if not dataset.get("LossyImageCompressionRatio"):
        bits = stored.frames * stored.values * stored.bits_allocated
        dataset.LossyImageCompressionRatio = round(bits / 8 / len(dataset.PixelData), 2)
    if not dataset.get("LossyImageCompressionMethod"):
        dataset.LossyImageCompressionMethod = method
