"""Huffman tables of JPEG (ITU-T T.81 Annex C): to walk coded blocks, and to write new ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from img_ingestion.errors import NotDeidentified

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

LONGEST = 16
"""Bits of a code."""
END_OF_BLOCK, SIXTEEN_ZEROS = 0x00, 0xF0
LAST, WRONG = 100, 200
"""What `steps` tells in place of a number: the block ends, there is no such code."""


@dataclass(frozen=True, slots=True)
class Huffman:
    """One table, as its segment writes it."""

    counts: bytes
    """Number of codes of 1 to 16 bits."""
    symbols: bytes
    """Of all codes, shortest first."""

    def codes(self) -> Iterator[tuple[int, int, int]]:
        """Give (symbol, code, bits) in the order of the codes."""
        code, symbols = 0, iter(self.symbols)
        for bits, count in enumerate(self.counts, start=1):
            for _ in range(count):
                yield next(symbols), code, bits
                code += 1
            code <<= 1

    def written(self, symbol: int) -> str:
        """Give the code of a symbol as zeros and ones."""
        return next(f"{code:0{bits}b}" for one, code, bits in self.codes() if one == symbol)

    def with_symbols(self, wanted: Iterable[int]) -> Huffman:
        """
        Add the symbols that are missing, behind the codes there are, which stay what they are.

        Encoders that make tables to measure give no code to what did not occur. The code of
        all ones is never used (T.81 C.2), so there is room behind the last one.

        Raises
        ------
        NotDeidentified
            There is no room.

        """
        missing = bytes(sorted(set(wanted) - set(self.symbols)))
        if not missing:
            return self
        *_, (_, last, bits) = self.codes()
        for longer in range(bits, LONGEST + 1):
            room = (1 << longer) - 1 - ((last + 1) << longer - bits)
            if room >= len(missing):
                counts = bytearray(self.counts)
                counts[longer - 1] += len(missing)
                return Huffman(bytes(counts), self.symbols + missing)
        raise NotDeidentified("a Huffman table has no room for another code")

    def lookup(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Give the bits (0: there is no such code) and the symbol of what 16 bits begin with."""
        lengths, symbols = np.zeros(1 << LONGEST, np.uint8), np.zeros(1 << LONGEST, np.uint8)
        for symbol, code, bits in self.codes():
            these = slice(code << LONGEST - bits, (code + 1) << LONGEST - bits)
            lengths[these], symbols[these] = bits, symbol
        return lengths, symbols

    def steps(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """
        Give what the AC code that 16 bits begin with, and its value, go on by.

        Returns
        -------
        ndarray
            Bits.
        ndarray
            Coefficients, or `LAST`, or `WRONG`.

        """
        lengths, symbols = self.lookup()
        sizes = symbols & 15
        forward = np.asarray((symbols >> 4) + 1, np.uint8)
        forward[sizes == 0] = WRONG
        forward[symbols == SIXTEEN_ZEROS] = 16
        forward[symbols == END_OF_BLOCK] = LAST
        forward[lengths == 0] = WRONG
        return np.asarray(lengths + sizes, np.uint8), forward
