"""
Many byte strings looked for at once, whatever the case, in one pass over the bytes.

Each needle holds a whole 32-bit word of the content, at one of four offsets. So it is enough to
look at every fourth byte: a table says which words may belong to a needle, and only there is
compared. The cost does not grow with the number of needles.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    Content = bytes | memoryview
    Words = NDArray[np.uint32]

WORD = 4
SHORTEST = 6
"""Bytes of the shortest needle: its last word lacks a byte at one of the four offsets."""
LOWER = 0x20
FOLD, MIXER, SHIFT = np.uint32(0x20202020), np.uint32(2654435761), np.uint32(16)
WITHOUT_LAST = 0x00FFFFFF
ANY_LAST = np.arange(256, dtype=np.uint32) << np.uint32(24)
CHUNK = 1 << 16
"""Words that are looked at together: they stay in the processor's cache."""
GOES_ON = re.compile(rb"\.?\d")


@dataclass(frozen=True, slots=True)
class Needles:
    """The needles by the words in them."""

    longest: int
    places: Mapping[int, Sequence[tuple[bytes, int]]]
    """Folded word, or its first three bytes -> needles, and where in them it stands."""
    words: Words
    """All folded words that belong to a needle, sorted."""
    table: NDArray[np.bool_]
    exact: frozenset[bytes]
    """Needles in which the case counts."""
    every: frozenset[bytes]

    @classmethod
    def of(cls, folded: Iterable[bytes], exact: Iterable[bytes] = ()) -> Needles:
        """
        Prepare the needles.

        Parameters
        ----------
        folded : iterable of bytes
            In lower case; found in any case. Each has `SHORTEST` bytes or more.
        exact : iterable of bytes
            Found as they are.

        """
        case_counts = frozenset(exact)
        every = case_counts.union(folded)
        places: dict[int, list[tuple[bytes, int]]] = {}
        longest, open_ended = 0, []
        for needle in every:
            if len(needle) < SHORTEST:
                raise ValueError("a needle is too short to be found")
            longest = max(longest, len(needle))
            for offset in range(WORD):
                part = needle[offset : offset + WORD]
                word = int.from_bytes(part, "little") | 0x20202020 >> 8 * (WORD - len(part))
                places.setdefault(word, []).append((needle, offset))
                if len(part) < WORD:
                    open_ended.append(word)
        known = [np.fromiter(places, np.uint32, len(places))]
        known += [np.uint32(word) | ANY_LAST | np.uint32(LOWER << 24) for word in open_ended]
        # Not `unique`, whose first call imports masked arrays; a word twice does no harm.
        words = np.sort(np.concatenate(known))
        table = np.zeros(1 << 16, np.bool_)
        table[words * MIXER >> SHIFT] = True
        return cls(longest, places, words, table, case_counts, every)

    def stand_in(self, content: Content) -> bool:
        """Tell whether one of them stands in the bytes; a number only where it stands alone."""
        return any(True for _ in self.places_in(content))

    def places_in(self, content: Content) -> Iterator[tuple[int, int]]:
        """Give where they stand in the bytes; a place more than once if it is at an edge."""
        may_hold = self.longest and len(content) >= SHORTEST
        for needle, start in self._candidates(content) if may_hold else ():
            if self._stands(content, needle, start):
                yield start, start + len(needle)

    def _candidates(self, content: Content) -> Iterator[tuple[bytes, int]]:
        """Give needles and where they may start."""
        octets = np.frombuffer(content, np.uint8)
        # numpy is slow at words that do not stand at a multiple of four in memory.
        first = -int(octets.ctypes.data) % WORD
        count = max(0, len(octets) - first) // WORD
        words = octets[first : first + WORD * count].view("<u4")
        for chunk in range(0, count, CHUNK):
            folded = words[chunk : chunk + CHUNK] | FOLD
            at = np.flatnonzero(self.table.take(folded * MIXER >> SHIFT))
            near = folded[at]
            sure = self.words.take(np.searchsorted(self.words, near), mode="clip") == near
            for place, word in zip(at[sure].tolist(), near[sure].tolist(), strict=True):
                position = first + WORD * (chunk + place)
                for key in (word, word & WITHOUT_LAST):
                    for needle, offset in self.places.get(key, ()):
                        yield needle, position - offset
        yield from self._at_the_edges(content)

    def _at_the_edges(self, content: Content) -> Iterator[tuple[bytes, int]]:
        """Look where no whole word stands: before the first, behind the last."""
        for start in {0, max(0, len(content) - self.longest - WORD)}:
            edge = bytes(content[start : start + self.longest + WORD])
            lowered = edge.lower()
            for needle in self.every:
                within = edge if needle in self.exact else lowered
                at = within.find(needle)
                while at >= 0:
                    yield needle, start + at
                    at = within.find(needle, at + 1)

    def _stands(self, content: Content, needle: bytes, start: int) -> bool:
        end = start + len(needle)
        if start < 0:
            return False
        there = bytes(content[start:end])
        if needle != (there if needle in self.exact else there.lower()):
            return False
        if not needle.isdigit():
            return True
        # A part of a longer one, of a UID or of a decimal string, is another number.
        before, behind = content[max(0, start - 2) : start], content[end : end + 2]
        return not (GOES_ON.match(bytes(behind)) or GOES_ON.match(bytes(before)[::-1]))
