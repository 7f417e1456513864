"""What a codestream says of itself, read before it is decoded."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from img_ingestion.errors import NotDecoded, turned_into

START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
"""Second bytes of the markers that carry the size (ISO 10918-1 table B.1, 14495-1 annex C)."""
LOSSLESS = frozenset({0xC3, 0xC7, 0xCB, 0xCF, 0xF7})
"""Of these, the ones whose components are never transformed, whatever other markers say."""
END_OF_IMAGE = b"\xff\xd9"
CODESTREAM = b"\xff\x4f\xff\x51"
"""Start of a JPEG 2000 codestream and of its size segment (ISO 15444-1 annex A.4, A.5)."""


@dataclass(frozen=True, slots=True)
class CodestreamHeader:
    """Size and kind of the picture inside a codestream."""

    rows: int
    columns: int
    samples: int
    precision: int
    is_ybr: bool = False
    """Its markers say that the three components are luminance and chrominance."""


def jpeg_header(codestream: bytes) -> CodestreamHeader:
    """
    Read the frame header of a JPEG or JPEG-LS codestream.

    JFIF files are YBR, and Adobe's marker says what a codestream is: encoders write both
    whatever Photometric Interpretation (0028,0004) they put in the header.
    """
    with turned_into(NotDecoded, "reading the JPEG frame header"):
        jfif, adobe, at = False, None, 2
        if codestream[:2] != b"\xff\xd8":
            raise NotDecoded("the codestream does not start as JPEG does")
        while True:
            while codestream[at + 1] == 0xFF:  # noqa: PLR2004 - fill bytes before a marker
                at += 1
            lead, marker, length = struct.unpack_from(">BBH", codestream, at)
            if lead != 0xFF:  # noqa: PLR2004 - every marker starts with it
                raise NotDecoded("the codestream has no JPEG frame header")
            if marker in START_OF_FRAME:
                precision, rows, columns, samples = struct.unpack_from(">BHHB", codestream, at + 4)
                break
            jfif |= marker == 0xE0 and codestream[at + 4 : at + 9] == b"JFIF\0"  # noqa: PLR2004
            if marker == 0xEE and codestream[at + 4 : at + 9] == b"Adobe":  # noqa: PLR2004
                adobe = codestream[at + 15]
            at += 2 + length
    is_ybr = adobe == 1 if adobe is not None else jfif
    is_ybr &= samples > 1 and marker not in LOSSLESS
    return CodestreamHeader(rows, columns, samples, precision, is_ybr)


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
