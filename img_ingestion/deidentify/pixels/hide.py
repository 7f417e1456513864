"""Hide regions of the picture, in every frame, and touch nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian

from img_ingestion.deidentify.pixels import native
from img_ingestion.deidentify.pixels.black import black
from img_ingestion.deidentify.pixels.lossless import encoded, little_endian
from img_ingestion.deidentify.pixels.lossy import keep_history
from img_ingestion.errors import NotDecoded, NotDeidentified, TooLarge, turned_into
from img_ingestion.pixel_data import frames, pixel_format

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from img_ingestion.instance import Region
    from img_ingestion.pixel_data import PixelFormat
    from img_ingestion.settings import Limits

PHOTOMETRIC_INTERPRETATION = 0x00280004
PLANAR_CONFIGURATION = 0x00280006
HIGH_BIT = 0x00280102
PIXEL_DATA = 0x7FE00010

NO_LONGER_TRUE = (
    "SmallestImagePixelValue",
    "LargestImagePixelValue",
    "SmallestPixelValueInSeries",
    "LargestPixelValueInSeries",
)
"""Type 3 statements about all pixels, which hiding some of them may make false."""

OF_THE_OLD_STREAM = (
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "EncapsulatedPixelDataValueTotalLength",
)

LONGEST = 2**32 - 2
"""Bytes of an element that has a length (PS3.5 7.1.1); also what a basic offset table reaches."""


def hide(dataset: Dataset, regions: Sequence[Region], limits: Limits) -> tuple[Region, ...]:
    """
    Make the regions black, in place; no other pixel changes its value.

    Native pixel data is overwritten where it stands. Compressed pixel data is decoded and
    written back without loss: in its own transfer syntax if that is lossless and what we
    wrote decodes to exactly what was meant, uncompressed otherwise. Nothing is ever
    compressed with loss a second time.

    Parameters
    ----------
    dataset : Dataset
        With its file meta information.
    regions : sequence of Region
        Inside the picture; `frames` count from 1 as Frame Number does. None: nothing happens.
    limits : Limits
        What decoding may cost.

    Returns
    -------
    tuple of Region
        What was hidden: the regions, widened where columns share their colour.

    Raises
    ------
    NotDecoded, TooLarge
        The pixels cannot be decoded.
    NotDeidentified
        They cannot be written, or it is not known what black is.

    """
    if not regions:
        return ()
    stored = pixel_format(dataset)
    if native.is_native(dataset):
        hidden = native.whole_cells(dataset, stored, regions)
        native.blank(dataset, stored, hidden)
    else:
        hidden = tuple(regions)
        _rewrite(dataset, stored, hidden, limits)
    _forget(dataset, NO_LONGER_TRUE)
    return hidden


def _rewrite(
    dataset: Dataset, stored: PixelFormat, regions: Sequence[Region], limits: Limits
) -> None:
    """Decode, hide, and put the new frames in the place of the old."""
    syntax = dataset.file_meta.TransferSyntaxUID
    new = _decoded_image(dataset, stored)
    try:
        _encapsulate(new, stored, _blanked(dataset, stored, regions, limits), limits)
    except NotDeidentified:
        syntax = ExplicitVRLittleEndian
        _unpack(new, stored, _blanked(dataset, stored, regions, limits))
    keep_history(dataset, stored)
    dataset.update(new)
    dataset.file_meta.TransferSyntaxUID = syntax
    _forget(dataset, OF_THE_OLD_STREAM)


def _decoded_image(dataset: Dataset, stored: PixelFormat) -> Dataset:
    """Describe the decoded frames: the image's elements alone, for a stream of their own."""
    if stored.photometric == "YBR_PARTIAL_422":
        raise NotDeidentified("compressed YBR_PARTIAL_422 has no uncompressed form of full size")
    image = dataset.group_dataset(0x0028)
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    # New elements: to set the value of one would set it in `dataset` too.
    image.add_new(PHOTOMETRIC_INTERPRETATION, "CS", stored.photometric)
    image.add_new(HIGH_BIT, "US", stored.bits_stored - 1)
    if stored.samples > 1:
        image.add_new(PLANAR_CONFIGURATION, "US", 0)
    return image


def _blanked(
    dataset: Dataset, stored: PixelFormat, regions: Sequence[Region], limits: Limits
) -> Iterator[NDArray[Any]]:
    """Give each frame, (rows, columns, samples), with its regions black."""
    fill = black(dataset, stored)
    with turned_into(NotDecoded, "decoding the frames"):
        for number, frame in enumerate(frames(dataset, limits), start=1):
            pixels = np.array(frame)
            for region in regions:
                if not region.frames or number in region.frames:
                    pixels[region.top : region.bottom, region.left : region.right] = fill
            yield pixels


def _encapsulate(
    image: Dataset,
    stored: PixelFormat,
    blanked: Iterable[NDArray[Any]],
    limits: Limits,
) -> None:
    """Write the frames in the image's own transfer syntax, and prove it by decoding them."""
    streams, meant = [], []
    for frame in blanked:
        streams.append(encoded(frame, stored, image.file_meta.TransferSyntaxUID))
        meant.append(_digest(frame))
    with turned_into(NotDeidentified, "encapsulating the frames"):
        # A basic offset table counts in 32 bits; without one readers walk the fragments.
        fits = sum(len(stream) + 8 for stream in streams) < LONGEST
        _set_pixels(image, "OB", encapsulate(streams, has_bot=fits), undefined_length=True)
    with turned_into(NotDeidentified, "decoding what was encoded"):
        same = pixel_format(image) == replace(stored, high_bit=stored.bits_stored - 1)
        found = [_digest(frame) for frame in frames(image, limits)]
    if found != meant or not same:
        raise NotDeidentified("what was encoded does not decode to the same")


def _digest(frame: NDArray[Any]) -> bytes:
    return hashlib.blake2b(frame.tobytes(), digest_size=16).digest()


def _unpack(image: Dataset, stored: PixelFormat, blanked: Iterable[NDArray[Any]]) -> None:
    """Write the frames uncompressed."""
    if stored.bits_allocated == 1:
        bits = np.concatenate([frame.ravel() for frame in blanked])
        data = np.packbits(bits, bitorder="little").tobytes()
    else:
        data = b"".join(little_endian(frame, stored).tobytes() for frame in blanked)
    if len(data) > LONGEST:
        raise TooLarge("the pixel data is too long to be written uncompressed")
    # PS3.5 A.2: OB or OW up to 8 bits, OW above.
    vr = "OB" if stored.bits_allocated <= 8 else "OW"  # noqa: PLR2004 - bits of a byte
    _set_pixels(image, vr, data + b"\0" * (len(data) % 2), undefined_length=False)


def _set_pixels(image: Dataset, vr: str, data: bytes, *, undefined_length: bool) -> None:
    image[PIXEL_DATA] = DataElement(PIXEL_DATA, vr, data)
    image[PIXEL_DATA].is_undefined_length = undefined_length


def _forget(dataset: Dataset, keywords: Iterable[str]) -> None:
    for keyword in keywords:
        if keyword in dataset:
            del dataset[keyword]
