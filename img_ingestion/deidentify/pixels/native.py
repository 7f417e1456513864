"""Pixel data that is not compressed, changed where it stands (PS3.5 8.1 and 8.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.uid import ExplicitVRBigEndian

from img_ingestion.deidentify.pixels.black import black_beside
from img_ingestion.errors import NotDecoded
from img_ingestion.pixel_data.format import pixel_element
from img_ingestion.pixel_data.frames import NATIVE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from img_ingestion.instance import Region
    from img_ingestion.pixel_data import PixelFormat
    from img_ingestion.settings import Limits


def is_native(dataset: Dataset) -> bool:
    """Tell whether the pixel data stands uncompressed in the data set."""
    return dataset.file_meta.TransferSyntaxUID in NATIVE


def subsampled(dataset: Dataset, stored: PixelFormat) -> bool:
    """
    Tell whether two columns share one pair of chrominance samples (PS3.3 C.7.6.3.1.2).

    Some devices say so and store all samples; the length of the data tells.
    """
    if dataset.get("PhotometricInterpretation") not in {"YBR_FULL_422", "YBR_PARTIAL_422"}:
        return False
    full = stored.frames * stored.rows * stored.columns * 3 * stored.bits_allocated // 8
    return is_native(dataset) and len(dataset.PixelData) - full not in {0, 1}


def whole_cells(
    dataset: Dataset, stored: PixelFormat, regions: Iterable[Region]
) -> tuple[Region, ...]:
    """
    Widen regions to what can be hidden alone.

    Half of a pair of columns that share their chrominance cannot be made black without
    changing the colour of the other half.
    """
    if not subsampled(dataset, stored):
        return tuple(regions)
    return tuple(
        region._replace(left=region.left // 2 * 2, right=-(-region.right // 2) * 2)
        for region in regions
    )


def blank(dataset: Dataset, stored: PixelFormat, regions: Sequence[Region], limits: Limits) -> None:
    """
    Overwrite the regions in the pixel data, in place; no byte outside them changes.

    Raises
    ------
    NotDecoded, TooLarge
        There are fewer bytes than the header promises, or more pixels than are taken.
    NotDeidentified
        It is not known what black is.

    """
    pixels = pixel_element(dataset)
    data = np.frombuffer(pixels.value, np.uint8).copy()
    octets = _in_order(data, dataset, pixels.VR, stored)
    # One bit a pixel: pixels cross bytes and frames, so they are hidden as bytes of one bit.
    samples = np.unpackbits(octets, bitorder="little") if stored.bits_allocated == 1 else octets
    cells = _cells(samples, dataset, stored)
    if stored.is_float:
        # Nothing says where the scale of floating values begins but the values themselves.
        fill = np.asarray(np.fmin.reduce(cells, axis=None))
    else:
        fill = _as_stored(black_beside(dataset, stored, regions, limits), stored, cells)
    pixels_a_cell = stored.columns // cells.shape[2]
    for region in whole_cells(dataset, stored, regions):
        rows = slice(region.top, region.bottom)
        columns = slice(region.left // pixels_a_cell, region.right // pixels_a_cell)
        cells[_numbers(region), rows, columns] = fill
    if stored.bits_allocated == 1:
        octets[:] = np.packbits(samples, bitorder="little")
    pixels.value = _in_order(octets, dataset, pixels.VR, stored).tobytes()


def words(octets: NDArray[np.uint8], dataset: Dataset, stored: PixelFormat) -> NDArray[Any]:
    """See bytes as the unsigned or floating samples they hold; an odd rest is left out."""
    size = stored.bits_allocated // 8
    if size not in {1, 2, 4, 8}:
        raise NotDecoded("Bits Allocated is not of native pixel data")
    order = ">" if dataset.file_meta.TransferSyntaxUID == ExplicitVRBigEndian else "<"
    kind = "f" if stored.is_float else "u"
    return octets[: octets.size // size * size].view(f"{order}{kind}{size}")


def _in_order(
    data: NDArray[np.uint8], dataset: Dataset, vr: str, stored: PixelFormat
) -> NDArray[np.uint8]:
    # PS3.5 7.3: bytes that travel as OW stand swapped within their words in big endian.
    swapped = dataset.file_meta.TransferSyntaxUID == ExplicitVRBigEndian and vr == "OW"
    if swapped and stored.bits_allocated <= 8:  # noqa: PLR2004 - bits of a byte
        even = data.size // 2 * 2
        return np.concatenate([data[:even].reshape(-1, 2)[:, ::-1].ravel(), data[even:]])
    return data


def _cells(samples: NDArray[np.uint8], dataset: Dataset, stored: PixelFormat) -> NDArray[Any]:
    """
    View the samples as (frames, rows, columns, samples), however they are laid out.

    A column is a cell of four samples (Y, Y, CB, CR) for YBR_FULL_422 (PS3.3 C.7.6.3.1.2).
    """
    flat = samples if stored.bits_allocated == 1 else words(samples, dataset, stored)
    frames, rows, columns = stored.frames, stored.rows, stored.columns
    shape = (frames, rows, columns, stored.samples)
    is_subsampled = subsampled(dataset, stored)
    if is_subsampled:
        if columns % 2:
            raise NotDecoded("subsampled chrominance needs even Columns")
        shape = (frames, rows, columns // 2, 4)
    needed = int(np.prod(shape, dtype=np.int64))
    if flat.size < needed:
        raise NotDecoded("the pixel data is shorter than its header says")
    if stored.samples > 1 and dataset.get("PlanarConfiguration") == 1 and not is_subsampled:
        planes = flat[:needed].reshape(frames, stored.samples, rows, columns)
        return planes.transpose(0, 2, 3, 1)
    return flat[:needed].reshape(shape)


def _as_stored(values: tuple[int, ...], stored: PixelFormat, cells: NDArray[Any]) -> NDArray[Any]:
    """Give values as they are stored, one for each sample of a cell."""
    if cells.shape[3] > len(values):
        values = (values[0], *values)
    # Signed values stand as two's complement of all allocated bits, shifted to High Bit.
    lowest_bit = stored.high_bit - stored.bits_stored + 1
    mask = (1 << stored.bits_allocated) - 1
    return np.array([(value << lowest_bit) & mask for value in values]).astype(cells.dtype)


def _numbers(region: Region) -> slice | list[int]:
    return [number - 1 for number in sorted(region.frames)] if region.frames else slice(None)
