"""All frames of a JPEG picture with regions made black, and the proof that nothing else changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataset import FileMetaDataset
from pydicom.uid import JPEGBaseline8Bit, JPEGExtended12Bit

from img_ingestion.deidentify.pixels.black import black
from img_ingestion.deidentify.pixels.jpeg.blocks import blackened
from img_ingestion.deidentify.pixels.written import set_streams
from img_ingestion.errors import NotDeidentified
from img_ingestion.pixel_data import frames
from img_ingestion.pixel_data.encapsulated import codestreams

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from img_ingestion.instance import Region
    from img_ingestion.pixel_data import PixelFormat
    from img_ingestion.settings import Limits

SYNTAXES = frozenset({JPEGBaseline8Bit, JPEGExtended12Bit})
"""Sequential JPEG (PS3.5 A.4.1)."""


def blanked(
    dataset: Dataset, stored: PixelFormat, regions: Sequence[Region], limits: Limits
) -> tuple[Dataset, tuple[Region, ...]]:
    """
    Make the regions black in every frame; no coefficient of another block changes.

    Returns
    -------
    Dataset
        The elements that describe the pixels, and the new pixels.
    tuple of Region
        What was hidden: the regions, widened to whole units of blocks.

    Raises
    ------
    NotDecoded, TooLarge
        The frames cannot be decoded.
    NotDeidentified
        It cannot be done in the coded data, or what came out is not what was meant.

    """
    fill = black(dataset, stored)
    asked = [[one for one in regions if one.is_on(n)] for n in range(1, stored.frames + 1)]
    streams, hidden = [], []
    for stream, here in zip(codestreams(dataset, stored.frames), asked, strict=True):
        new, widened = blackened(stream, stored, here, fill) if here else (stream, ())
        streams.append(new)
        hidden.append(widened)
    image = dataset.group_dataset(0x0028)
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    set_streams(image, streams)
    pairs = zip(frames(dataset, limits), frames(image, limits), strict=True)
    for pair, here, wider in zip(pairs, asked, hidden, strict=True):
        _prove(pair, here, wider, fill[0])
    return image, tuple(dict.fromkeys(region for each in hidden for region in each))


def _prove(
    pair: tuple[NDArray[Any], NDArray[Any]],
    asked: Sequence[Region],
    hidden: Sequence[Region],
    black: int,
) -> None:
    """See that a frame is dark where it was asked to be, and the same outside what was hidden."""
    before, after = pair
    others = np.ones(before.shape[:2], bool)
    for one in hidden:
        others[one.top : one.bottom, one.left : one.right] = False
    # Colour at the edge is mixed with that of the line outside; luminance never is.
    inside = [after[one.top : one.bottom, one.left : one.right, 0] for one in asked]
    if any((part != black).any() for part in inside) or (before[others] != after[others]).any():
        raise NotDeidentified("blocks that were made black do not decode to what was meant")
