"""One frame into a lossless code stream, for the transfer syntaxes that we can write back."""

from __future__ import annotations

import struct
import zlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
from pydicom.uid import (
    UID,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from img_ingestion.errors import NotDeidentified, turned_into

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from img_ingestion.pixel_data import PixelFormat

    Encoder = Callable[[NDArray[Any], PixelFormat], bytes]

DEFLATED_FRAMES = UID("1.2.840.10008.1.2.8.1")
"""Deflated Image Frame Compression, younger than pydicom's dictionary."""


def encoded(frame: NDArray[Any], stored: PixelFormat, syntax: str) -> bytes:
    """
    Encode one frame in the transfer syntax it came in.

    Parameters
    ----------
    frame : ndarray
        (rows, columns, samples), stored values.
    stored : PixelFormat
        What the values are.
    syntax : str
        Transfer Syntax UID (0002,0010).

    Raises
    ------
    NotDeidentified
        Our encoder cannot say these values in this syntax without loss or without saying
        something else than the header; they can still be written uncompressed.

    """
    encoder = ENCODERS.get(UID(syntax))
    if encoder is None or stored.is_float:
        raise NotDeidentified("no encoder of ours for this transfer syntax")
    with turned_into(NotDeidentified, "encoding a frame"):
        return encoder(frame, stored)


def said_photometric(stored: PixelFormat, syntax: str) -> str:
    """
    Give the Photometric Interpretation (0028,0004) that goes with what `encoded` writes.

    Both kinds of JPEG 2000 say RGB by the reversible transformation (PS3.5 8.2.4, 8.2.14).
    """
    transformed = UID(syntax) in {JPEG2000Lossless, HTJ2KLossless}
    return "YBR_RCT" if transformed and stored.photometric == "RGB" else stored.photometric


def little_endian(frame: NDArray[Any], stored: PixelFormat) -> NDArray[Any]:
    """Give stored values the width of Bits Allocated; signed ones fill it with their sign."""
    kind = "f" if stored.is_float else ("i" if stored.signed else "u")
    return np.ascontiguousarray(frame, f"<{kind}{stored.bits_allocated // 8}")


def _only(*, when: bool) -> None:
    if not when:
        raise NotDeidentified("not a picture that this encoder says exactly")


def _unsigned(frame: NDArray[Any], stored: PixelFormat) -> NDArray[Any]:
    """Give the bits that are stored, signed or not: JPEG's code streams know no sign."""
    size = 1 if stored.bits_stored <= 8 else 2  # noqa: PLR2004 - bits of a byte
    mask = (1 << stored.bits_stored) - 1
    bits = frame.astype(np.int64) & mask
    return np.ascontiguousarray(np.squeeze(bits, axis=2) if stored.samples == 1 else bits).astype(
        f"u{size}"
    )


def _rle(frame: NDArray[Any], stored: PixelFormat) -> bytes:
    """Write PS3.5 Annex G: a header of offsets, and a run-length segment for each byte plane."""
    octets = little_endian(frame, stored).view(np.uint8).reshape(*frame.shape, -1)
    samples, size = octets.shape[2:]
    planes = [
        octets[:, :, sample, byte] for sample in range(samples) for byte in reversed(range(size))
    ]
    _only(when=len(planes) <= 15)  # noqa: PLR2004 - PS3.5 G.5, the header has room for 15
    segments = [imagecodecs.packbits_encode(np.ascontiguousarray(plane)) for plane in planes]
    segments = [segment + b"\0" * (len(segment) % 2) for segment in segments]
    offsets = np.cumsum([64, *(len(segment) for segment in segments[:-1])])
    return struct.pack("<16L", len(segments), *offsets, *[0] * (15 - len(segments))) + b"".join(
        segments
    )


def _jpeg(frame: NDArray[Any], stored: PixelFormat) -> bytes:
    _only(when=2 <= stored.bits_stored <= 16)  # noqa: PLR2004 - precision of ISO/IEC 10918-1 H
    # Called RGB whatever they are: then the code stream says that nothing was transformed.
    colours = "RGB" if stored.samples > 1 else None
    # First-order prediction, which is all that the SV1 syntax allows.
    return bytes(
        imagecodecs.jpeg8_encode(
            _unsigned(frame, stored),
            lossless=True,
            predictor=1,
            bitspersample=stored.bits_stored,
            colorspace=colours,
            outcolorspace=colours,
        )
    )


def _jpeg_ls(frame: NDArray[Any], stored: PixelFormat) -> bytes:
    # This encoder takes its precision from the array, and 12 bits in 16 would be said wrong.
    _only(when=stored.bits_stored in {8, 16})
    return bytes(imagecodecs.jpegls_encode(_unsigned(frame, stored)))


def _jpeg_2000(frame: NDArray[Any], stored: PixelFormat) -> bytes:
    _only(when=stored.bits_stored <= 16)  # noqa: PLR2004 - beyond it this encoder loses bits
    size = 1 if stored.bits_stored <= 8 else 2  # noqa: PLR2004 - bits of a byte
    picture = np.ascontiguousarray(frame, f"{'i' if stored.signed else 'u'}{size}")
    return bytes(
        imagecodecs.jpeg2k_encode(
            picture[:, :, 0] if stored.samples == 1 else picture,
            level=0,
            codecformat="j2k",
            reversible=True,
            mct=stored.photometric == "RGB",
            bitspersample=stored.bits_stored,
        )
    )


def _htj2k(frame: NDArray[Any], stored: PixelFormat) -> bytes:
    # This encoder takes its precision from the array, and three samples for colours.
    _only(when=stored.bits_stored in {8, 16} and stored.photometric != "YBR_FULL")
    kind = "i" if stored.signed else "u"
    picture = np.ascontiguousarray(frame, f"{kind}{stored.bits_stored // 8}")
    colours = stored.photometric == "RGB"
    return bytes(
        imagecodecs.htj2k_encode(
            picture if colours else picture[:, :, 0], reversible=True, rgb=colours
        )
    )


def _deflated(frame: NDArray[Any], stored: PixelFormat) -> bytes:
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflate.compress(little_endian(frame, stored).tobytes()) + deflate.flush()


ENCODERS: Mapping[UID, Encoder] = MappingProxyType(
    {
        RLELossless: _rle,
        JPEGLossless: _jpeg,
        JPEGLosslessSV1: _jpeg,
        JPEGLSLossless: _jpeg_ls,
        JPEG2000Lossless: _jpeg_2000,
        HTJ2KLossless: _htj2k,
        DEFLATED_FRAMES: _deflated,
    }
)
