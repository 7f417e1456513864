"""Regions -> units of blocks, and those units of a JPEG code stream made black."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

import numpy as np

from img_ingestion.deidentify.pixels.jpeg.huffman import END_OF_BLOCK
from img_ingestion.deidentify.pixels.jpeg.scan import Block, Scan
from img_ingestion.deidentify.pixels.jpeg.stream import BLOCK, HUFFMAN, SCAN, JpegPicture, segment
from img_ingestion.errors import NotDeidentified, turned_into

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from img_ingestion.instance import Region
    from img_ingestion.pixel_data import PixelFormat

RESTART = re.compile(rb"\xff+[\xd0-\xd7]")


def blackened(
    stream: bytes, stored: PixelFormat, regions: Sequence[Region], black: Sequence[int]
) -> tuple[bytes, tuple[Region, ...]]:
    """
    Make regions of one frame black.

    Parameters
    ----------
    stream : bytes
        The frame's code stream.
    stored : PixelFormat
        What it decodes to.
    regions : sequence of Region
        Of this frame.
    black : sequence of int
        Sample values of black, one for each component.

    Returns
    -------
    bytes
        The new code stream.
    tuple of Region
        The regions, widened to the units that they touch, and to the line around them whose
        colour decoders mix with theirs.

    Raises
    ------
    NotDeidentified
        It is no sequential picture of one scan, its quantisation has no black, or it is damaged.

    """
    with turned_into(NotDeidentified, "making blocks of a JPEG black"):
        picture = JpegPicture.of(stream)
        if (picture.rows, picture.columns) != (stored.rows, stored.columns):
            raise NotDeidentified("the code stream's size differs from Rows and Columns")
        if stored.signed or max(black) >= 1 << picture.precision:
            raise NotDeidentified("the code stream has not the values that the header describes")
        return _blackened(picture, regions, black), _widened(picture, regions)


def _blackened(picture: JpegPicture, regions: Iterable[Region], black: Sequence[int]) -> bytes:
    """Give the code stream with all units black that the regions touch."""
    rows, columns = picture.unit
    units = np.zeros((-(-picture.rows // rows), -(-picture.columns // columns)), bool)
    for region in regions:
        down = slice(region.top // rows, -(-region.bottom // rows))
        units[down, region.left // columns : -(-region.right // columns)] = True
    tables, scan = _prepared(picture, black)
    parts = RESTART.split(picture.coded)
    interval = picture.interval or units.size
    if len(parts) != -(-units.size // interval):
        raise NotDeidentified("restart markers do not part the picture as the header says")
    flags = units.ravel().tolist()
    coded = bytearray()
    for number, part in enumerate(parts):
        here = flags[number * interval : (number + 1) * interval]
        coded += bytes((0xFF, 0xD0 + (number - 1) % 8)) if number else b""
        coded += scan.blackened(part, here) if any(here) else part
    return bytes(picture.head + tables + segment(SCAN, picture.scan) + coded + picture.tail)


def _prepared(picture: JpegPicture, black: Sequence[int]) -> tuple[bytes, Scan]:
    """Give the Huffman tables with all that a black block needs, and the order of blocks."""
    sizes = range(12 if picture.precision == BLOCK else 16)  # T.81 tables F.1 and F.6
    tables = {
        name: table.with_symbols({END_OF_BLOCK} if name >> 4 else sizes)
        for name, table in picture.tables.items()
    }
    blocks: list[Block] = []
    for name, chosen in struct.iter_unpack("2B", picture.scan[1:-3]):
        ((index, one),) = [pair for pair in enumerate(picture.components) if pair[1].name == name]
        mean = _quantised(black[index], picture.precision, picture.dc_steps[one.quantisation])
        block = Block(index, mean, tables[chosen >> 4], tables[0x10 | chosen & 15])
        blocks += [block] * (one.rows * one.columns if len(picture.components) > 1 else 1)
    written = b"".join(
        segment(HUFFMAN, bytes([name]) + table.counts + table.symbols)
        for name, table in tables.items()
    )
    return written, Scan(blocks)


def _widened(picture: JpegPicture, regions: Iterable[Region]) -> tuple[Region, ...]:
    """Widen regions to the units that they touch, and the rim whose colour changes with them."""
    (rows, columns), (above, beside) = picture.unit, picture.rim
    return tuple(
        region._replace(
            left=max(0, region.left // columns * columns - beside),
            top=max(0, region.top // rows * rows - above),
            right=min(picture.columns, -(-region.right // columns) * columns + beside),
            bottom=min(picture.rows, -(-region.bottom // rows) * rows + above),
        )
        for region in regions
    )


def _quantised(sample: int, precision: int, step: int) -> int:
    """Give the DC coefficient of a block whose samples are all the same (T.81 A.3.3)."""
    level = (sample - (1 << precision - 1)) * BLOCK
    if sample == 0 or level % step == 0:
        return level // step
    if sample == (1 << precision) - 1:
        return -(-level // step)
    raise NotDeidentified("this quantisation has no black")
