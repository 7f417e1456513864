"""RLE frames: the header has room for fifteen offsets, and most frames use one to three."""

from __future__ import annotations

import struct

from img_ingestion.errors import NotDecoded

HEADER = struct.Struct("<16L")
MOST_SEGMENTS = 15


def bare(frame: bytes) -> bytes:
    """
    Give one frame with the unused offsets of its header set to zero (PS3.5 G.5).

    Raises
    ------
    NotDecoded
        The header is cut or counts more segments than there can be.

    """
    if len(frame) < HEADER.size:
        raise NotDecoded("an RLE frame is shorter than its header")
    count, *offsets = HEADER.unpack_from(frame)
    if not 1 <= count <= MOST_SEGMENTS:
        raise NotDecoded("an RLE header counts more segments than there can be")
    if not any(offsets[count:]):
        return frame
    used = [*offsets[:count], *([0] * (MOST_SEGMENTS - count))]
    return HEADER.pack(count, *used) + frame[HEADER.size :]
