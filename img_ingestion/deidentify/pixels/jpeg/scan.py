"""The entropy-coded data of a sequential JPEG scan, with some of its units made black."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from img_ingestion.deidentify.pixels.jpeg.huffman import END_OF_BLOCK, LAST, Huffman
from img_ingestion.errors import NotDeidentified

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

COEFFICIENTS = 64


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a unit: which component it is of, and how it is coded."""

    component: int
    black: int
    """Quantised DC coefficient of a black block."""
    dc: Huffman
    ac: Huffman
    """Both with every code that a black block needs."""


@dataclass(slots=True)
class _Line:
    """What is written: bits of the source, and new ones between them."""

    source: NDArray[np.uint8]
    pieces: list[NDArray[np.uint8]] = field(default_factory=list)

    def new(self, bits: str) -> None:
        self.pieces.append(np.frombuffer(bits.encode(), np.uint8) - ord("0"))

    def copied(self, start: int, stop: int) -> None:
        self.pieces.append(self.source[start:stop])

    def octets(self) -> bytes:
        """Fill the last byte with ones (T.81 F.1.2.3), and set a zero behind each byte of ones."""
        bits = np.concatenate(self.pieces)
        bits = np.concatenate([bits, np.ones(-bits.size % 8, np.uint8)])
        return np.packbits(bits).tobytes().replace(b"\xff", b"\xff\0")


class Scan:
    """How the units of one scan are coded."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._blocks = tuple(blocks)
        self._dc = {block.dc: tuple(map(np.ndarray.tolist, block.dc.lookup())) for block in blocks}
        self._steps = {block.ac: block.ac.steps() for block in blocks}
        self._codes = {
            (table, symbol): f"{code:0{bits}b}"
            for block in blocks
            for table in (block.dc, block.ac)
            for symbol, code, bits in table.codes()
        }

    def blackened(self, coded: bytes, black: Sequence[bool]) -> bytes:
        """
        Code the units between two restart markers anew, those that `black` names black.

        Of all others every coefficient stays; the first behind a black one is told anew how far
        its mean is from that of its predecessor.

        Raises
        ------
        NotDeidentified, IndexError
            The data are not what the tables say.

        """
        octets = coded.replace(b"\xff\0", b"\xff")
        walk = _Walk(octets + b"\xff" * 8, self._dc, self._strides(octets))
        line = _Line(np.unpackbits(np.frombuffer(octets, np.uint8)))
        before = {block.component: 0 for block in self._blocks}
        written = dict(before)
        for is_black in black:
            for block in self._blocks:
                start, component = walk.at, block.component
                mean = before[component] + walk.difference(block.dc)
                behind = walk.at
                walk.over(block.ac)
                moved, before[component] = before[component] != written[component], mean
                told = block.black if is_black else mean
                if is_black or moved:
                    line.new(self._difference(block.dc, told - written[component]))
                    start = behind
                if is_black:
                    line.new(self._codes[block.ac, END_OF_BLOCK])
                else:
                    line.copied(start, walk.at)
                written[component] = told
        if walk.at > 8 * len(octets):
            raise NotDeidentified("the coded data end before their picture does")
        return line.octets()

    def _difference(self, dc: Huffman, value: int) -> str:
        """Code a DC difference (T.81 F.1.2.1.1)."""
        size = abs(value).bit_length()
        bits = value if value > 0 else value + (1 << size) - 1
        return self._codes[dc, size] + (f"{bits:0{size}b}" if size else "")

    def _strides(self, octets: bytes) -> Mapping[Huffman, tuple[bytes, bytes]]:
        """Give, for each table and from each bit on, what the AC code there goes on by."""
        padded = np.frombuffer(octets + b"\xff" * 8, np.uint8).astype(np.uint32)
        three = padded[:-2] << 16 | padded[1:-1] << 8 | padded[2:]
        windows = np.empty((three.size, 8), np.uint16)
        for bit in range(8):
            windows[:, bit] = three >> 8 - bit & 0xFFFF
        return {
            table: (bits[windows].tobytes(), forward[windows].tobytes())
            for table, (bits, forward) in self._steps.items()
        }


@dataclass(slots=True)
class _Walk:
    """A place in the coded data, in bits."""

    octets: bytes
    dc: Mapping[Huffman, tuple[list[int], list[int]]]
    strides: Mapping[Huffman, tuple[bytes, bytes]]
    at: int = 0

    def difference(self, table: Huffman) -> int:
        """Read a DC difference (T.81 F.2.2.1)."""
        lengths, symbols = self.dc[table]
        octet, bit = divmod(self.at, 8)
        ahead = int.from_bytes(self.octets[octet : octet + 5], "big")
        begins = ahead >> 24 - bit & 0xFFFF
        length, size = lengths[begins], symbols[begins]
        if not length or size >= 16:  # noqa: PLR2004 - T.81 table F.1 and F.6
            raise NotDeidentified("the coded data hold a code that is in no table")
        self.at += length + size
        value = ahead >> 40 - bit - length - size & (1 << size) - 1
        # Below half of what the bits can say, it is negative.
        return value if 2 * value >= 1 << size else value - (1 << size) + 1

    def over(self, table: Huffman) -> None:
        """Go over the AC coefficients of a block (T.81 F.2.2.2)."""
        bits, forward = self.strides[table]
        at, done = self.at, 1
        while done < COEFFICIENTS:
            done += forward[at]
            at += bits[at]
        self.at = at
        if done != COEFFICIENTS and not LAST < done < LAST + COEFFICIENTS:
            raise NotDeidentified("the coded data hold a code that is in no table")
