"""JPEG 2000 and HTJ2K code streams without remarks (ITU-T T.800 Annex A)."""

from __future__ import annotations

import re

from img_ingestion.deidentify.code_streams.remarks import is_encoders_own, is_padding
from img_ingestion.errors import NotDecoded

START, TILE_PART, DATA, END = b"\xff\x4f", b"\xff\x90", b"\xff\x93", b"\xff\xd9"
COMMENT = b"\xff\x64"
SIGNATURE_BOX, CODE_STREAM_BOX = b"jP  ", b"jp2c"
BOX_HEADER = 8
PLAIN_BOXES = {SIGNATURE_BOX: 12, b"ftyp": 32, CODE_STREAM_BOX: 2**32}
"""Box -> its length at most: signature, file type, the pixels."""
HEADER_BOX = re.compile(
    rb"\0\0\0\x16ihdr.{14}(?:\0\0\0.bpcc.{1,4}|\0\0\0\x0fcolr\x01.{6}|\0\0\0.cdef.{2,26}"
    rb"|\0\0\0[\x1a\x2c]res (?:\0\0\0\x12res[cd].{10}){1,2})*",
    re.DOTALL,
)
"""Sizes, bits, an enumerated colour space, the meaning of channels, the resolution: `jp2h`."""
PEGASUS = re.compile(
    rb"ap\x00\xde\xec\x87\xd5\x11\xb2\xed\x00P\x04q\xfd\xdc"
    rb".\0{3}..\0\0\0{8}(?P<length>.{4})\0{8}.\0{3}",
    re.DOTALL,
)
"""One encoder's box of a UUID, with the size of the pixels among its counts."""
TILE_PART_HEADER = 12
BINARY_OR_TEXT = 2
"""Bytes of Rcom, which says whether the remark is text (A.9.2)."""


def bare(frame: bytes) -> bytes:
    """
    Give one frame without comments that are no encoder's own.

    Raises
    ------
    NotDecoded
        A segment overruns the frame, a tile-part carries a comment, or something stands behind
        the end of the code stream.

    """
    if frame[4:8] == SIGNATURE_BOX:
        return _in_boxes(frame)
    if frame[:2] != START:
        raise NotDecoded("the code stream does not start as JPEG 2000 does")
    parts, position = [START], 2
    while frame[position : position + 2] != TILE_PART:
        end = _segment_end(frame, position)
        if not _is_remark(frame, position, end):
            parts.append(frame[position:end])
        position = end
    end = _tile_parts_end(frame, position)
    if not is_padding(frame[end:]):
        raise NotDecoded("something stands behind the end of a frame's code stream")
    return b"".join((*parts, frame[position:]))


def _in_boxes(frame: bytes) -> bytes:
    """
    Look into a JP2 file (Annex I), which PS3.5 A.4.4 does not allow and some devices write.

    With nothing in it but what describes the picture it stays; else its code stream alone does.
    """
    position, plain, stream = 0, True, b""
    while position + BOX_HEADER <= len(frame):
        length = int.from_bytes(frame[position : position + 4], "big") or len(frame) - position
        kind, content = frame[position + 4 : position + BOX_HEADER], position + BOX_HEADER
        if length < BOX_HEADER:
            break
        if kind == CODE_STREAM_BOX:
            stream = frame[content : position + length]
        body = frame[content : position + length]
        plain = plain and (length <= PLAIN_BOXES.get(kind, 0) or _is_counts(kind, body, frame))
        position += length
    bared = bare(stream)
    return frame if plain and bared == stream and is_padding(frame[position:]) else bared


def _is_counts(kind: bytes, body: bytes, frame: bytes) -> bool:
    """Tell a box that holds nothing but sizes and the like, where no text has room."""
    if kind == b"jp2h":
        return HEADER_BOX.fullmatch(body) is not None
    box = PEGASUS.fullmatch(body) if kind == b"uuid" else None
    return box is not None and int.from_bytes(box["length"], "little") <= len(frame)


def _segment_end(frame: bytes, position: int) -> int:
    length = int.from_bytes(frame[position + 2 : position + 4], "big")
    end = position + 2 + length
    if frame[position : position + 1] != b"\xff" or length < BINARY_OR_TEXT or end > len(frame):
        raise NotDecoded("a segment of a JPEG 2000 code stream overruns its frame")
    return end


def _is_remark(frame: bytes, position: int, end: int) -> bool:
    remark = frame[position + 4 + BINARY_OR_TEXT : end]
    return frame[position : position + 2] == COMMENT and not is_encoders_own(remark)


def _tile_parts_end(frame: bytes, position: int) -> int:
    """Walk the tile-parts (A.4.2) to behind the end of the code stream."""
    while frame[position : position + 2] == TILE_PART:
        length = int.from_bytes(frame[position + 6 : position + 10], "big")
        if not length:
            # The last tile-part may leave its length open: it goes up to the end marker.
            return _last_end(frame)
        if length < TILE_PART_HEADER or position + length > len(frame):
            raise NotDecoded("a tile-part of a JPEG 2000 code stream overruns its frame")
        _check_tile_header(frame, position + TILE_PART_HEADER)
        position += length
    if frame[position : position + 2] != END:
        return _last_end(frame)
    return position + len(END)


def _check_tile_header(frame: bytes, position: int) -> None:
    while frame[position : position + 2] != DATA:
        end = _segment_end(frame, position)
        if _is_remark(frame, position, end):
            raise NotDecoded("a tile-part of a JPEG 2000 code stream carries a comment")
        position = end


def _last_end(frame: bytes) -> int:
    """Find the end marker from behind; encoders with faulty lengths leave no other way."""
    found = frame.rfind(END)
    if found < 0:
        raise NotDecoded("a JPEG 2000 code stream has no end")
    return found + len(END)
