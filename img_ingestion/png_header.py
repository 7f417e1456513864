"""What a PNG says of itself in its first 33 bytes and its last 12 (W3C PNG 11.2.1, 11.2.4)."""

from __future__ import annotations

import struct
from typing import NamedTuple

LENGTH = 33
END = b"\0\0\0\0IEND\xaeB`\x82"
"""The last chunk, which is the same in every PNG: without it the file was cut."""

_START = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_SAMPLES = {0: 1, 2: 3}
"""Colour type -> samples per pixel. A palette or alpha has no words in the contract."""


class PngHeader(NamedTuple):
    """The shape of a PNG's samples."""

    rows: int
    columns: int
    samples_per_pixel: int
    bits: int


def png_header(start: bytes) -> PngHeader | None:
    """Read the header from a PNG's first bytes; None when it is no PNG of grey or RGB."""
    if len(start) < LENGTH or not start.startswith(_START):
        return None
    columns, rows, bits, colour = struct.unpack_from(">IIBB", start, len(_START))
    if colour not in _SAMPLES:
        return None
    return PngHeader(rows, columns, _SAMPLES[colour], bits)
