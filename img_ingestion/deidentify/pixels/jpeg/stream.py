"""A JPEG code stream taken apart: one sequential scan of all components (ITU-T T.81 Annex B)."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

from img_ingestion.deidentify.pixels.jpeg.huffman import Huffman
from img_ingestion.errors import NotDeidentified

START, SEQUENTIAL, HUFFMAN, QUANTISATION = b"\xff\xd8", (0xC0, 0xC1), 0xC4, 0xDB
RESTART_INTERVAL, SCAN, END = 0xDD, 0xDA, b"\xff\xd9"
AFTER_SCAN = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL)
"""The next marker, with the fill bytes before it (T.81 B.1.1.2)."""
BLOCK = 8
"""Rows and columns of a block."""


@dataclass(frozen=True, slots=True)
class Component:
    """One component of the frame header (ITU-T T.81 B.2.2)."""

    name: int
    columns: int
    rows: int
    """Blocks of this component in a unit."""
    quantisation: int


@dataclass(slots=True)
class JpegPicture:
    """A code stream taken apart: one sequential scan of all components (T.81 B.2)."""

    head: bytearray = field(default_factory=lambda: bytearray(START))
    """All segments before the scan but the Huffman tables."""
    rows: int = 0
    columns: int = 0
    precision: int = 0
    components: tuple[Component, ...] = ()
    dc_steps: dict[int, int] = field(default_factory=dict)
    tables: dict[int, Huffman] = field(default_factory=dict)
    """By class and number, as their segment has them in one byte."""
    interval: int = 0
    scan: bytes = b""
    coded: bytes = b""
    tail: bytes = b""

    @classmethod
    def of(cls, stream: bytes) -> JpegPicture:
        """
        Take a code stream apart.

        Raises
        ------
        NotDeidentified
            It is progressive, arithmetic, lossless, or of several scans.
        struct.error, IndexError
            It is cut.

        """
        found, at = cls(), 2
        while not found.scan:
            marker, code, length = struct.unpack_from(">BBH", stream, at)
            if marker != END[0]:
                raise NotDeidentified("a JPEG code stream has no marker where one must be")
            content = stream[at + 4 : at + 2 + length]
            found._take(code, content)
            if code not in {HUFFMAN, SCAN}:
                found.head += stream[at : at + 2 + length]
            at += 2 + length
        end = AFTER_SCAN.search(stream, at)
        if end is None or end[1] != END[1:]:
            raise NotDeidentified("a JPEG code stream of more than one scan")
        found.coded, found.tail = stream[at : end.start()], stream[end.start() :]
        return found

    def _take(self, code: int, content: bytes) -> None:
        if code in SEQUENTIAL:
            self.precision, self.rows, self.columns, count = struct.unpack_from(">BHHB", content)
            parts = struct.iter_unpack("3B", content[6 : 6 + 3 * count])
            self.components = tuple(Component(n, s >> 4, s & 15, q) for n, s, q in parts)
        elif code == HUFFMAN:
            self.tables.update(_huffman(content))
        elif code == QUANTISATION:
            self.dc_steps.update(_dc_steps(content))
        elif code == RESTART_INTERVAL:
            (self.interval,) = struct.unpack(">H", content)
        elif code == SCAN:
            if not self.rows or content[0] != len(self.components):
                raise NotDeidentified("a JPEG code stream that is not one sequential scan")
            self.scan = content

    @property
    def unit(self) -> tuple[int, int]:
        """Rows and columns of the smallest part that can be replaced alone."""
        if len(self.components) == 1:
            return BLOCK, BLOCK
        most = max(one.rows for one in self.components), max(c.columns for c in self.components)
        return BLOCK * most[0], BLOCK * most[1]

    @property
    def rim(self) -> tuple[int, int]:
        """
        Rows and columns around a unit whose colour decoders mix with that of the unit.

        They interpolate chrominance that is stored for two rows or columns together.
        """
        rows, columns = self.unit
        parts = [(BLOCK * one.rows, BLOCK * one.columns) for one in self.components]
        if len(parts) == 1:
            return 0, 0
        return int(any(r < rows for r, _ in parts)), int(any(c < columns for _, c in parts))


def segment(code: int, content: bytes) -> bytes:
    """Write a marker segment (T.81 B.1.1.4)."""
    return struct.pack(">BBH", 0xFF, code, len(content) + 2) + content


def _huffman(content: bytes) -> dict[int, Huffman]:
    found = {}
    while content:
        counts = content[1:17]
        end = 17 + sum(counts)
        found[content[0]] = Huffman(counts, content[17:end])
        content = content[end:]
    return found


def _dc_steps(content: bytes) -> dict[int, int]:
    found = {}
    while content:
        wide = content[0] >> 4
        (found[content[0] & 15],) = struct.unpack_from(">H" if wide else ">B", content, 1)
        content = content[1 + 64 * (1 + wide) :]
    return found
