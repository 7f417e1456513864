"""Compressed pixel data: changed where it is coded, or decoded, changed, and written back."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataset import FileMetaDataset
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import ExplicitVRLittleEndian

from img_ingestion.deidentify.pixels import jpeg
from img_ingestion.deidentify.pixels.black import black_beside
from img_ingestion.deidentify.pixels.lossless import encoded, little_endian, said_photometric
from img_ingestion.deidentify.pixels.lossy import METHODS, keep_history
from img_ingestion.deidentify.pixels.written import LONGEST, set_pixels, set_streams
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

OF_THE_OLD_STREAM = (
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "EncapsulatedPixelDataValueTotalLength",
)


def blank(
    dataset: Dataset, stored: PixelFormat, regions: Sequence[Region], limits: Limits
) -> tuple[Region, ...]:
    """
    Make the regions black, in place; give what was hidden.

    Sequential JPEG is changed where it is coded. Anything else, and what cannot be proved there,
    is decoded and put back without loss.

    Raises
    ------
    NotDecoded, TooLarge
        The frames cannot be decoded, or not be written.
    NotDeidentified
        It is not known what black is, or whether the transfer syntax loses anything.

    """
    if dataset.file_meta.TransferSyntaxUID in jpeg.SYNTAXES:
        with suppress(NotDeidentified):
            new, widened = jpeg.blanked(dataset, stored, regions, limits)
            _put(dataset, stored, new)
            return widened
    new = _image(dataset, stored)
    try:
        _encapsulate(new, stored, _blanked(dataset, stored, regions, limits), limits)
    except NotDeidentified:
        lost_already = new.file_meta.TransferSyntaxUID in METHODS
        new.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        _unpack(new, stored, _blanked(dataset, stored, regions, limits), lost_already=lost_already)
    _put(dataset, stored, new)
    return tuple(regions)


def _put(dataset: Dataset, stored: PixelFormat, new: Dataset) -> None:
    """Put the new pixels, and what is said of them, in the place of the old."""
    keep_history(dataset, stored)
    dataset.update(new)
    dataset.file_meta.TransferSyntaxUID = new.file_meta.TransferSyntaxUID
    for keyword in OF_THE_OLD_STREAM:
        dataset.pop(keyword, None)


def _image(dataset: Dataset, stored: PixelFormat) -> Dataset:
    """Give the elements that describe the decoded frames, for a stream of their own."""
    if stored.photometric == "YBR_PARTIAL_422":
        raise NotDeidentified("compressed YBR_PARTIAL_422 has no uncompressed form of full size")
    image = dataset.group_dataset(0x0028)
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    # New elements: to set the value of one would set it in `dataset` too.
    image.add_new(HIGH_BIT, "US", stored.bits_stored - 1)
    if stored.samples > 1:
        image.add_new(PLANAR_CONFIGURATION, "US", 0)
    return image


def _blanked(
    dataset: Dataset, stored: PixelFormat, regions: Sequence[Region], limits: Limits
) -> Iterator[NDArray[Any]]:
    """Give each frame, (rows, columns, samples), with its regions black."""
    fill = black_beside(dataset, stored, regions, limits)
    with turned_into(NotDecoded, "decoding the frames"):
        for number, frame in enumerate(frames(dataset, limits), start=1):
            pixels = np.array(frame)
            for region in (one for one in regions if one.is_on(number)):
                pixels[region.top : region.bottom, region.left : region.right] = fill
            yield pixels


def _encapsulate(
    image: Dataset, stored: PixelFormat, blanked: Iterable[NDArray[Any]], limits: Limits
) -> None:
    """Write the frames in the image's own transfer syntax, and prove it by decoding them."""
    syntax = image.file_meta.TransferSyntaxUID
    streams, meant = [], []
    for frame in blanked:
        streams.append(encoded(frame, stored, syntax))
        meant.append(_digest(frame))
    image.add_new(PHOTOMETRIC_INTERPRETATION, "CS", said_photometric(stored, syntax))
    set_streams(image, streams)
    with turned_into(NotDeidentified, "decoding what was encoded"):
        same = pixel_format(image) == stored._replace(high_bit=stored.bits_stored - 1)
        found = [_digest(frame) for frame in frames(image, limits)]
    if found != meant or not same:
        raise NotDeidentified("what was encoded does not decode to the same")


def _digest(frame: NDArray[Any]) -> bytes:
    return hashlib.blake2b(frame.tobytes(), digest_size=16).digest()


def _unpack(
    image: Dataset, stored: PixelFormat, blanked: Iterable[NDArray[Any]], *, lost_already: bool
) -> None:
    """Write the frames uncompressed."""
    photometric = stored.photometric
    if photometric == "YBR_FULL" and stored.bits_allocated == 8 and lost_already:  # noqa: PLR2004 - all that the conversion knows
        # Several IODs know YBR_FULL_422 in a code stream, but no uncompressed YBR_FULL
        # (PS3.3 C.8.5.6.1.2), and RGB is what every reader makes of it.
        photometric = "RGB"
        blanked = (convert_color_space(frame, "YBR_FULL", "RGB") for frame in blanked)
    if stored.bits_allocated == 1:
        bits = np.concatenate([frame.ravel() for frame in blanked])
        data = np.packbits(bits, bitorder="little").tobytes()
    else:
        data = b"".join(little_endian(frame, stored).tobytes() for frame in blanked)
    if len(data) > LONGEST:
        raise TooLarge("the pixel data is too long to be written uncompressed")
    image.add_new(PHOTOMETRIC_INTERPRETATION, "CS", photometric)
    # PS3.5 A.2: OB or OW up to 8 bits, OW above.
    vr = "OB" if stored.bits_allocated <= 8 else "OW"  # noqa: PLR2004 - bits of a byte
    set_pixels(image, vr, data + b"\0" * (len(data) % 2), undefined_length=False)
