"""Codestream -> cells, by transfer syntax; imagecodecs stays behind this wall."""

from __future__ import annotations

import struct
import zlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import imagecodecs

from img_ingestion.errors import NotDecoded, turned_into
from img_ingestion.pixel_data.codestream import (
    BEHIND_END,
    END_OF_IMAGE,
    CodestreamHeader,
    jpeg2000_header,
    jpeg_header,
)
from img_ingestion.pixel_data.native import NativePixels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from img_ingestion.pixel_data.format import PixelFormat


class Codec(NamedTuple):
    """How one family of codestreams is read."""

    cells: Callable[[bytes, PixelFormat], NDArray[Any]]
    header: Callable[[bytes], CodestreamHeader] | None = None
    """None: the codestream says nothing of its picture."""


def decoded(codec: Codec, codestream: bytes, pixel_format: PixelFormat) -> NDArray[Any]:
    """
    Decode one frame to (rows, columns, samples) cells.

    The codestream's own size is compared first, so that nothing is unpacked that the header,
    and with it the limit on unpacked bytes, does not know of.
    """
    if codec.header:
        _agreed(codec.header(codestream), pixel_format)
    with turned_into(NotDecoded, "decoding a frame"):
        cells = codec.cells(codestream, pixel_format)
        return cells.reshape(pixel_format.rows, pixel_format.columns, pixel_format.samples)


def _agreed(header: CodestreamHeader, pixel_format: PixelFormat) -> None:
    """Refuse a codestream that is not the picture that the header describes."""
    if (header.rows, header.columns) != (pixel_format.rows, pixel_format.columns):
        raise NotDecoded("the codestream's size differs from Rows and Columns")
    if header.samples != pixel_format.samples:
        raise NotDecoded("the codestream's components differ from Samples per Pixel")
    if header.precision > pixel_format.bits_allocated:
        raise NotDecoded("the codestream's precision is above Bits Allocated")


def _jpeg(codestream: bytes, pixel_format: PixelFormat) -> NDArray[Any]:
    """Decode ISO 10918-1, all processes, components as they are coded."""
    _ended(codestream)
    if pixel_format.samples == 1:
        return imagecodecs.jpeg8_decode(codestream)
    ybr = imagecodecs.JPEG8.CS.YCbCr
    return imagecodecs.jpeg8_decode(codestream, colorspace=ybr, outcolorspace=ybr)


def _jpeg_ls(codestream: bytes, _: PixelFormat) -> NDArray[Any]:
    """Decode ISO 14495-1."""
    _ended(codestream)
    return imagecodecs.jpegls_decode(codestream)


def _ended(codestream: bytes) -> None:
    """
    Refuse a codestream that was cut.

    libjpeg paints what is missing grey, with a warning that imagecodecs does not pass on, and
    CharLS can take seconds to find out. After the end only fill bytes (0xFF, 0) may stand and
    less than a word of any value.
    """
    body = codestream.rstrip(b"\0\xff")
    if END_OF_IMAGE not in body[-len(END_OF_IMAGE) - BEHIND_END :]:
        raise NotDecoded("the codestream does not end where its fragments do")


def _jpeg_2000(codestream: bytes, _: PixelFormat) -> NDArray[Any]:
    """
    Decode ISO 15444-1 and 15444-15, the multiple component transformation undone.

    OpenJPEG for both: imagecodecs' OpenJPH swallows the decoder's errors and hands out
    whatever was in memory.
    """
    return imagecodecs.jpeg2k_decode(codestream)


def _rle(codestream: bytes, pixel_format: PixelFormat) -> NDArray[Any]:
    """Decode PS3.5 annex G: each byte of each sample in a segment of its own."""
    cell = pixel_format.cell.newbyteorder("<")
    (segments,) = struct.unpack_from("<L", codestream)
    if segments != pixel_format.samples * cell.itemsize:
        raise NotDecoded("the number of RLE segments differs from what the header asks for")
    planes = imagecodecs.dicomrle_decode(codestream, cell, out=_frame_bytes(pixel_format))
    return _one_frame(bytes(planes), pixel_format._replace(planar=True))


def _deflated(codestream: bytes, pixel_format: PixelFormat) -> NDArray[Any]:
    """Decode PS3.5 annex A.4.13: a native frame, deflated (RFC 1951)."""
    frame = zlib.decompressobj(-zlib.MAX_WBITS)
    return _one_frame(frame.decompress(codestream, _frame_bytes(pixel_format) + 2), pixel_format)


def _frame_bytes(pixel_format: PixelFormat) -> int:
    return -(-pixel_format.values * pixel_format.bits_allocated // 8)


def _one_frame(frame: bytes, pixel_format: PixelFormat) -> NDArray[Any]:
    """Read a frame that was coded as bytes, never with subsampled chrominance."""
    native = NativePixels(frame)
    return native.cells(native.length_checked(pixel_format._replace(frames=1)), 0)


def _table() -> Mapping[str, Codec]:
    jpeg, jpeg_ls = Codec(_jpeg, jpeg_header), Codec(_jpeg_ls, jpeg_header)
    jpeg_2000 = Codec(_jpeg_2000, jpeg2000_header)
    by_syntax = {
        "1.2.840.10008.1.2.4.50": jpeg,  # JPEG Baseline (Process 1)
        "1.2.840.10008.1.2.4.51": jpeg,  # JPEG Extended (Process 2 & 4)
        "1.2.840.10008.1.2.4.53": jpeg,  # Spectral Selection (6 & 8), retired, still stored
        "1.2.840.10008.1.2.4.55": jpeg,  # Full Progression (10 & 12), retired, still stored
        "1.2.840.10008.1.2.4.57": jpeg,  # JPEG Lossless (Process 14)
        "1.2.840.10008.1.2.4.70": jpeg,  # JPEG Lossless, first-order prediction
        "1.2.840.10008.1.2.4.80": jpeg_ls,  # JPEG-LS Lossless
        "1.2.840.10008.1.2.4.81": jpeg_ls,  # JPEG-LS Near-Lossless
        "1.2.840.10008.1.2.4.90": jpeg_2000,  # JPEG 2000 Lossless Only
        "1.2.840.10008.1.2.4.91": jpeg_2000,  # JPEG 2000
        "1.2.840.10008.1.2.4.201": jpeg_2000,  # HTJ2K Lossless Only
        "1.2.840.10008.1.2.4.202": jpeg_2000,  # HTJ2K Lossless RPCL
        "1.2.840.10008.1.2.4.203": jpeg_2000,  # HTJ2K
        "1.2.840.10008.1.2.5": Codec(_rle),  # RLE Lossless
        "1.2.840.10008.1.2.8.1": Codec(_deflated),  # Deflated Image Frame Compression
    }
    return MappingProxyType(by_syntax)


CODECS = _table()
"""Transfer Syntax UID (0002,0010) -> codec (PS3.5 section 10)."""
