"""Sample pictures, and one encoder for each transfer syntax that carries code streams."""

from __future__ import annotations

import itertools
import zlib
from functools import partial
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

DEFLATED_FRAMES = UID("1.2.840.10008.1.2.8.1")
NOISE = np.random.default_rng(7)


def image(values: NDArray[Any], bits: int, **elements: object) -> dict[str, object]:
    """Describe (frames, rows, columns[, samples]) values as elements of a data set."""
    samples = values.shape[3] if values.ndim == 4 else 1
    allocated = values.dtype.itemsize * 8
    described: dict[str, object] = {
        "NumberOfFrames": len(values),
        "Rows": values.shape[1],
        "Columns": values.shape[2],
        "SamplesPerPixel": samples,
        "PhotometricInterpretation": "MONOCHROME2" if samples == 1 else "RGB",
        "BitsAllocated": allocated,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(values.dtype.kind == "i"),
        "PixelData": values.astype(values.dtype.newbyteorder("<")).tobytes(),
    }
    if samples > 1:
        described["PlanarConfiguration"] = 0
    return described | elements


def noise(kind: str, bits: int, shape: tuple[int, ...]) -> NDArray[Any]:
    """Give every value that `bits` bits have, at random."""
    low, high = (-(1 << bits - 1), 1 << bits - 1) if kind[0] == "i" else (0, 1 << bits)
    return NOISE.integers(low, high, shape).astype(kind)


def smooth(bits: int, shape: tuple[int, ...]) -> NDArray[Any]:
    """Give slopes, which lossy codecs keep nearly as they are."""
    steps = np.linspace(0, (1 << bits) - 1, shape[1])
    plane = np.broadcast_to(steps[None, :, None], shape[:3])
    values = np.broadcast_to(plane[..., None], shape) if len(shape) == 4 else plane
    return np.rint(values).astype(np.uint8 if bits <= 8 else np.uint16)


def rle(frame: NDArray[Any]) -> bytes:
    """Encode as PS3.5 annex G has it, one segment for each byte of each sample."""
    planes = [frame] if frame.ndim == 2 else list(np.moveaxis(frame, 2, 0))
    size = frame.dtype.itemsize
    octets = [
        p.astype(p.dtype.newbyteorder(">")).tobytes()[k::size] for p in planes for k in range(size)
    ]
    columns = frame.shape[1]
    segments = []
    for plane in octets:
        rows = (plane[at : at + columns] for at in range(0, len(plane), columns))
        coded = b"".join(bytes([columns - 1]) + row for row in rows)
        segments.append(coded + b"\0" * (len(coded) % 2))
    starts = [64, *itertools.accumulate(map(len, segments), initial=64)][1:-1]
    header = np.zeros(16, "<u4")
    header[: len(starts) + 1] = [len(segments), *starts]
    return header.tobytes() + b"".join(segments)


def deflated(frame: NDArray[Any]) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(frame.tobytes()) + packer.flush()


def jpeg(frame: NDArray[Any], bits: int | None = None, **more: Any) -> bytes:  # noqa: ANN401
    """Encode as ISO 10918-1; three components are coded as they are unless told otherwise."""
    coded = {"colorspace": "RGB", "outcolorspace": "RGB"} if frame.ndim == 3 else {}
    return bytes(imagecodecs.jpeg8_encode(frame, bitspersample=bits, **coded | more))


def lossless_jpeg(frame: NDArray[Any], bits: int | None = None) -> bytes:
    return jpeg(frame, bits, lossless=True, predictor=1)


def jpeg_ls(frame: NDArray[Any], **more: int) -> bytes:
    return bytes(imagecodecs.jpegls_encode(frame, **more))


def jpeg_2000(frame: NDArray[Any], bits: int | None = None, **more: Any) -> bytes:  # noqa: ANN401
    return bytes(imagecodecs.jpeg2k_encode(frame, codecformat="j2k", bitspersample=bits, **more))


def reversible_jpeg_2000(frame: NDArray[Any], bits: int | None = None, **more: Any) -> bytes:  # noqa: ANN401
    return jpeg_2000(frame, bits, reversible=True, level=0, **more)


def high_throughput(frame: NDArray[Any]) -> bytes:
    return bytes(imagecodecs.htj2k_encode(frame, reversible=True))


LOSSLESS: Mapping[str, Callable[[NDArray[Any]], bytes]] = {
    JPEGLossless: lossless_jpeg,
    JPEGLosslessSV1: lossless_jpeg,
    JPEGLSLossless: jpeg_ls,
    JPEG2000Lossless: reversible_jpeg_2000,
    JPEG2000: reversible_jpeg_2000,
    HTJ2KLossless: high_throughput,
    HTJ2K: high_throughput,
    RLELossless: rle,
    DEFLATED_FRAMES: deflated,
}
"""Encoders that keep every value, also where their transfer syntax would allow loss."""

LOSSY: Mapping[str, Callable[..., bytes]] = {
    JPEGBaseline8Bit: partial(jpeg, level=98),
    JPEGExtended12Bit: partial(jpeg, level=98),
    JPEGLSNearLossless: lambda frame, **_: jpeg_ls(frame, level=2),
    JPEG2000: partial(jpeg_2000, level=60),
}
