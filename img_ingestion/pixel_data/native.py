"""Native pixel data: bytes -> cells (PS3.5 section 8.1 and annex D)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from img_ingestion.errors import NotDecoded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from img_ingestion.pixel_data.format import PixelFormat

SUBSAMPLED = frozenset({"YBR_FULL_422", "YBR_PARTIAL_422"})
"""One pair of chrominance values serves two pixels of a row (PS3.3 C.7.6.3.1.2)."""


@dataclass(frozen=True, slots=True)
class NativePixels:
    """Native pixel data of all frames."""

    data: bytes | memoryview
    big_endian: bool = False
    words: bool = False
    """The value representation is OW: in big endian, bytes of less than 16 bits lie in pairs."""

    def length_checked(self, pixel_format: PixelFormat) -> PixelFormat:
        """
        Refuse pixel data that are shorter or longer than the header says.

        More than the one byte of padding that PS3.5 section 8.1.1 knows is accepted when it
        is all zero (files padded to a block size); anything else would be pixels that nobody
        looks at. Data of the full size under a subsampled photometric interpretation are
        known from real devices: the size says that they are YBR_FULL.

        Returns
        -------
        PixelFormat
            As given, or with what the size has shown to be true.

        """
        if pixel_format.planar is None:
            raise NotDecoded("PlanarConfiguration is missing")
        full = -(-pixel_format.frames * pixel_format.values * pixel_format.bits_allocated // 8)
        needed = full * 2 // 3 if pixel_format.photometric in SUBSAMPLED else full
        if needed < full <= len(self.data) <= full + 1:
            needed = full
            pixel_format = pixel_format._replace(photometric="YBR_FULL")
        extra = self.data[needed:]
        if len(self.data) < needed:
            raise NotDecoded(f"pixel data have {len(self.data)} bytes where {needed} are needed")
        if len(extra) > 1 and bytes(extra).strip(b"\0"):
            raise NotDecoded(f"pixel data have {len(extra)} bytes more than their frames need")
        return pixel_format

    def cells(self, pixel_format: PixelFormat, index: int) -> NDArray[Any]:
        """Give the cells of frame `index` (from 0) as (rows, columns, samples), maybe a view."""
        if pixel_format.photometric in SUBSAMPLED:
            return _upsampled(self._flat(pixel_format, index, 2), pixel_format)
        flat = self._flat(pixel_format, index, pixel_format.samples)
        rows, columns, samples = pixel_format.rows, pixel_format.columns, pixel_format.samples
        if pixel_format.planar:
            return flat.reshape(samples, rows, columns).transpose(1, 2, 0)
        return flat.reshape(rows, columns, samples)

    def _flat(self, pixel_format: PixelFormat, index: int, samples: int) -> NDArray[Any]:
        """Give the cells of one frame in the order in which they lie."""
        count = pixel_format.rows * pixel_format.columns * samples
        if pixel_format.bits_allocated == 1:
            first = index * count
            packed = self._octets(first // 8, -(-(first + count) // 8))
            bits = np.unpackbits(packed, bitorder="little")
            return bits[first % 8 : first % 8 + count]
        if pixel_format.bits_allocated == 8:  # noqa: PLR2004 - an octet
            return self._octets(index * count, (index + 1) * count)
        order = pixel_format.cell.newbyteorder(">" if self.big_endian else "<")
        offset = index * count * order.itemsize
        cells = np.frombuffer(self.data, order, count, offset)
        return cells.astype(pixel_format.cell, copy=False)

    def _octets(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Give the bytes from `start` to before `stop`, in little endian order."""
        if not (self.big_endian and self.words):
            return np.frombuffer(self.data, np.uint8, stop - start, start)
        first = start - start % 2
        pairs = bytes(self.data[first : stop + stop % 2])
        octets = np.frombuffer(pairs + b"\0" * (len(pairs) % 2), ">u2").astype("<u2")
        return octets.view(np.uint8)[start - first : stop - first]


def _upsampled(flat: NDArray[Any], pixel_format: PixelFormat) -> NDArray[Any]:
    """Give each pixel its chrominance: Y1 Y2 CB CR -> Y1 CB CR, Y2 CB CR."""
    if pixel_format.columns % 2 or pixel_format.planar:
        raise NotDecoded("subsampled chrominance needs even Columns and one plane")
    pairs = flat.reshape(-1, 4)
    full = np.empty((len(pairs), 2, 3), flat.dtype)
    full[:, :, 0] = pairs[:, :2]
    full[:, :, 1] = pairs[:, 2:3]
    full[:, :, 2] = pairs[:, 3:4]
    return full.reshape(pixel_format.rows, pixel_format.columns, 3)
