"""The doors of this folder: the format of an instance's pixels, and its frames."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from img_ingestion.errors import NotDecoded, TooLarge, turned_into
from img_ingestion.pixel_data.codecs import CODECS, Codec, decoded
from img_ingestion.pixel_data.encapsulated import codestreams
from img_ingestion.pixel_data.format import (
    PixelFormat,
    declared_format,
    pixel_element,
    stored_values,
)
from img_ingestion.pixel_data.native import SUBSAMPLED, NativePixels

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from img_ingestion.settings import Limits

NATIVE = frozenset(
    {
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        DeflatedExplicitVRLittleEndian,
        ExplicitVRBigEndian,
    }
)
EVERY_FRAME = range(1, 2**31)
"""Number of Frames (0028,0008) is an integer string: it has 31 bits."""


def pixel_format(dataset: Dataset) -> PixelFormat:
    """
    Say what `frames` will give.

    `photometric` is that of the decoded values: the colour transformation of JPEG 2000 is
    undone by its decoder, subsampled chrominance is spread to all pixels, and a JPEG that its
    own markers call YBR is YBR whatever the header says.

    Raises
    ------
    NotDecoded
        Needed elements are absent or contradict each other, or nothing here can decode the
        transfer syntax.

    """
    declared = declared_format(dataset)
    syntax = _transfer_syntax(dataset)
    if syntax in NATIVE:
        checked = _native(dataset, syntax).length_checked(declared)
        return checked._replace(photometric=_upsampled(checked.photometric), planar=False)
    photometric = _decoded_photometric(dataset, _codec(syntax), declared)
    return declared._replace(photometric=photometric, planar=False)


def frames(
    dataset: Dataset, limits: Limits, numbers: Container[int] = EVERY_FRAME
) -> Iterator[NDArray[Any]]:
    """
    Give the stored values of each frame, one frame in memory at a time.

    Parameters
    ----------
    dataset : Dataset
        With its file meta information; never changed.
    limits : Limits
        `max_unpacked_bytes` is held against the header before anything is decoded.
    numbers : Container of int, optional
        Frame numbers, from 1, that are wanted; the others are not decoded.

    Yields
    ------
    ndarray
        (rows, columns, samples), read-only where it is a view of the data set's bytes.

    Raises
    ------
    NotDecoded
        As `pixel_format`, or a frame is damaged, missing or one too many.
    TooLarge
        The frames would unpack to more than the limit.

    """
    declared = declared_format(dataset)
    if declared.unpacked_bytes > limits.max_unpacked_bytes:
        raise TooLarge("the pixel data would unpack to more than the limit")
    syntax = _transfer_syntax(dataset)
    if syntax in NATIVE:
        yield from _native_frames(_native(dataset, syntax), declared, numbers)
        return
    codec = _codec(syntax)
    colours: set[str] = set()
    for number, codestream in enumerate(codestreams(dataset, declared.frames), start=1):
        if codec.header and declared.samples > 1:
            colours.add(codec.header(codestream).colours)
            if len(colours) > 1:
                raise NotDecoded("one frame has other colours than another")
        if number in numbers:
            cells = decoded(codec, codestream, declared)
            yield stored_values(cells, declared, _shift(codec, codestream, declared))


def _native_frames(
    native: NativePixels, declared: PixelFormat, numbers: Container[int]
) -> Iterator[NDArray[Any]]:
    checked = native.length_checked(declared)
    for number in range(1, checked.frames + 1):
        if number in numbers:
            cells = native.cells(checked, number - 1)
            yield stored_values(cells, checked, checked.high_bit + 1 - checked.bits_stored)


def _shift(codec: Codec, codestream: bytes, declared: PixelFormat) -> int:
    """Give the bits below the stored ones: none where the encoder has dropped them."""
    if codec.header and codec.header(codestream).precision <= declared.bits_stored:
        return 0
    return declared.high_bit + 1 - declared.bits_stored


def _native(dataset: Dataset, syntax: str) -> NativePixels:
    element = pixel_element(dataset)
    # Deflated and implicit data sets are little endian too (PS3.5 annex A).
    return NativePixels(element.value, syntax == ExplicitVRBigEndian, element.VR == "OW")


def _codec(syntax: str) -> Codec:
    if syntax not in CODECS:
        raise NotDecoded("no decoder for this transfer syntax")
    return CODECS[syntax]


def _transfer_syntax(dataset: Dataset) -> str:
    with turned_into(NotDecoded, "reading TransferSyntaxUID"):
        return str(dataset.file_meta.TransferSyntaxUID)


def _decoded_photometric(dataset: Dataset, codec: Codec, declared: PixelFormat) -> str:
    """Say what the codec makes of the declared photometric interpretation (PS3.5 8.2)."""
    if declared.photometric in ("YBR_ICT", "YBR_RCT"):
        return "RGB"
    if declared.samples > 1 and codec.header:
        with closing(codestreams(dataset, declared.frames)) as streams:
            colours = codec.header(next(streams)).colours
        # YBR_PARTIAL_422 is a YBR too, of which no marker tells.
        if colours and declared.photometric != "YBR_PARTIAL_422":
            return colours
    return _upsampled(declared.photometric)


def _upsampled(photometric: str) -> str:
    return "YBR_FULL" if photometric in SUBSAMPLED - {"YBR_PARTIAL_422"} else photometric
