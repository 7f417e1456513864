"""What a codestream says of itself, read before it is decoded."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from img_ingestion.errors import NotDecoded, turned_into

if TYPE_CHECKING:
    from collections.abc import Iterator

START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
"""Second bytes of the markers that carry the size (ISO 10918-1 table B.1, 14495-1 annex C)."""
LOSSLESS = frozenset({0xC3, 0xC7, 0xCB, 0xCF, 0xF7})
"""Of these, the ones whose components are never transformed, whatever other markers say."""
MARKER, JFIF, ADOBE = 0xFF, 0xE0, 0xEE
COLOURS = 3
"""Components of a colour picture."""
END_OF_IMAGE = b"\xff\xd9"
"""Never within coded data (ISO 10918-1 B.1.1.5, 14495-1 A.1)."""
BEHIND_END = 7
"""Bytes of any value that some encoders leave behind it, to fill up whole words."""
CODESTREAM = b"\xff\x4f\xff\x51"
"""Start of a JPEG 2000 codestream and of its size segment (ISO 15444-1 annex A.4, A.5)."""


class CodestreamHeader(NamedTuple):
    """Size and kind of the picture inside a codestream."""

    rows: int
    columns: int
    samples: int
    precision: int
    colours: str = ""
    """What its markers say that the three components are: RGB, YBR_FULL, or nothing."""


def jpeg_header(codestream: bytes) -> CodestreamHeader:
    """Read the frame header of a JPEG or JPEG-LS codestream."""
    said: dict[int, bytes] = {}
    with turned_into(NotDecoded, "reading the JPEG frame header"):
        for marker, content in _segments(codestream):
            said.setdefault(marker, content)
            if marker in START_OF_FRAME:
                precision, rows, columns, samples = struct.unpack_from(">BHHB", content)
                tells = samples == COLOURS and marker not in LOSSLESS
                colours = _colours(said, content) if tells else ""
                return CodestreamHeader(rows, columns, samples, precision, colours)
    raise NotDecoded("the codestream has no JPEG frame header")


def _segments(codestream: bytes) -> Iterator[tuple[int, bytes]]:
    """Give the marker segments before the entropy-coded data (ISO 10918-1 annex B.1.1.4)."""
    if codestream[:2] != b"\xff\xd8":
        raise NotDecoded("the codestream does not start as JPEG does")
    at = 2
    while at + 4 <= len(codestream) and codestream[at] == MARKER:
        if codestream[at + 1] == MARKER:  # a fill byte
            at += 1
            continue
        _, marker, length = struct.unpack_from(">BBH", codestream, at)
        yield marker, codestream[at + 4 : at + 2 + length]
        at += 2 + length


def _colours(said: dict[int, bytes], frame_header: bytes) -> str:
    """
    Say what three lossy components are.

    Encoders leave the truth here whatever Photometric Interpretation (0028,0004) somebody put
    in the header: components can be named R, G and B, Adobe's marker says it, JFIF means it,
    and nobody subsamples green and blue.
    """
    if frame_header[6:15:3].upper() == b"RGB":
        return "RGB"
    adobe = said.get(ADOBE, b"")
    if adobe[:5] == b"Adobe":
        return "YBR_FULL" if adobe[11:12] == b"\1" else ""
    jfif = said.get(JFIF, b"")[:5] == b"JFIF\0"
    return "YBR_FULL" if jfif or frame_header[7] != frame_header[10] else ""


def jpeg2000_header(codestream: bytes) -> CodestreamHeader:
    """Read the size segment of a JPEG 2000 codestream, also inside a JP2 file."""
    with turned_into(NotDecoded, "reading the JPEG 2000 size segment"):
        start = codestream.index(CODESTREAM, 0, 4096)
        right, bottom, left, top = struct.unpack_from(">4I", codestream, start + 8)
        (samples,) = struct.unpack_from(">H", codestream, start + 40)
        components = [
            struct.unpack_from(">3B", codestream, start + 42 + 3 * index)
            for index in range(samples)
        ]
    if {component[1:] for component in components} != {(1, 1)}:
        raise NotDecoded("the components of the codestream are subsampled")
    precision = max((depth & 0x7F) + 1 for depth, _, _ in components)
    return CodestreamHeader(bottom - top, right - left, samples, precision)
