"""
JPEG and JPEG-LS code streams without remarks (ITU-T T.81 Annex B, T.87 Annex C).

Kept: what a decoder reads, the JFIF header without its thumbnail, Adobe's and HP's colour
transform. Cut: comments that are no encoder's own, every other application segment (EXIF, ICC
profiles, makers' notes), and the rest of a word behind the end.
"""

from __future__ import annotations

import re
from functools import lru_cache

from img_ingestion.deidentify.code_streams.remarks import is_encoders_own, is_padding
from img_ingestion.errors import NotDecoded
from img_ingestion.pixel_data.codestream import BEHIND_END, END_OF_IMAGE

MARKER, START, SCAN, END, COMMENT = 0xFF, 0xD8, 0xDA, 0xD9, 0xFE
FIRST_SCAN, LONGEST_TABLES = bytes((MARKER, SCAN)), 4096
APPLICATION = range(0xE0, 0xF0)
ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
HEADERS = {
    0xE0: re.compile(rb"(?:JFIF|LJIF)\0.{6,8}\0\0?", re.DOTALL),
    # A SPIFF header and the end of its directory (T.84 F.2), without the entries between them.
    0xE8: re.compile(rb"mrfx.|SPIFF\0.{20,24}|\0\0\0\x01(?:\xff\xd8)?", re.DOTALL),
    0xEE: re.compile(rb"Adobe.{7}", re.DOTALL),
}
# In coded data 0xFF is followed by a byte below 0x80 (T.87), by 0x00 (T.81) or by a restart marker.
AFTER_SCAN = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")


def bare(frame: bytes) -> bytes:
    """
    Give one frame without what no decoder needs.

    Raises
    ------
    NotDecoded
        A segment overruns the frame, or something stands behind the end of the image.

    """
    if frame[:2] != bytes((0xFF, START)):
        raise NotDecoded("the code stream does not start as JPEG does")
    scan = frame.find(FIRST_SCAN, 2, LONGEST_TABLES)
    tables = _bare_tables(frame[2:scan]) if scan > 0 else None
    parts, position = ([frame[:2]], 2) if tables is None else ([frame[:2], tables], scan)
    start, whole, code = position, tables is None or len(tables) == scan - 2, 0
    while code != END:
        marker = _skip_fill(frame, position)
        code = frame[marker + 1]
        end = marker if code == END else _segment_end(frame, marker, code)
        goes_on = marker if _is_needed(code, frame, marker + 4, end) else end
        if goes_on != position:
            parts.append(frame[start:position])
            start, whole = goes_on, False
        position = end
    rest = frame[position + 2 :]
    if is_padding(rest):
        return frame if whole else b"".join((*parts, frame[start:]))
    if len(rest.rstrip(b"\0")) > BEHIND_END:
        raise NotDecoded("something stands behind the end of a frame's code stream")
    return b"".join((*parts, frame[start:position], END_OF_IMAGE))


@lru_cache(maxsize=16)
def _bare_tables(segments: bytes) -> bytes | None:
    """
    Give the segments before the first scan without what no decoder needs.

    The frames of a loop have the same. None where they do not end where they should: what was
    taken for the scan's marker stands within one of them.
    """
    parts, position = [], 0
    while position < len(segments):
        if position + 4 > len(segments):
            return None
        code = segments[position + 1]
        end = position + 2 + int.from_bytes(segments[position + 2 : position + 4], "big")
        marked = segments[position] == MARKER and code not in ALONE | {MARKER, END, SCAN}
        if not marked or not position + 4 <= end <= len(segments):
            return None
        if _is_needed(code, segments, position + 4, end):
            parts.append(segments[position:end])
        position = end
    return b"".join(parts)


def _skip_fill(frame: bytes, position: int) -> int:
    """Go over fill bytes (T.81 B.1.1.2) to the next marker."""
    if frame[position : position + 1] != b"\xff":
        raise NotDecoded("a JPEG code stream has no marker where one must be")
    while frame[position + 1 : position + 2] == b"\xff":
        position += 1
    if position + 1 >= len(frame):
        raise NotDecoded("a JPEG code stream has no end of image")
    return position


def _segment_end(frame: bytes, position: int, code: int) -> int:
    if code in ALONE:
        return position + 2
    end = position + 2 + int.from_bytes(frame[position + 2 : position + 4], "big")
    if end > len(frame) or end < position + 4:
        raise NotDecoded("a segment of a JPEG code stream overruns its frame")
    if code != SCAN:
        return end
    marker = AFTER_SCAN.search(frame, end)
    if marker is None:
        raise NotDecoded("a JPEG code stream has no end of image")
    return marker.start()


def _is_needed(code: int, frame: bytes, start: int, end: int) -> bool:
    if code == COMMENT:
        return is_encoders_own(frame[start:end])
    if code not in APPLICATION:
        return True
    form = HEADERS.get(code)
    return form is not None and form.fullmatch(frame, start, end) is not None
