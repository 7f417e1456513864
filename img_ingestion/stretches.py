"""
Stretches of elements that stand in one file as they stood in another: passed in one step.

What is made of an element follows from its bytes, once it is known where it begins. So where the
same bytes stand again, the same is made of them, without a look at each element between.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

BEGINNING = 8
"""Bytes of the header of an element, but for a length of 32 bits behind a VR."""
LONGEST = 1024
"""Bytes of an element: longer ones are rare, and their own."""
MOST = 1 << 20
"""Bytes of all that is known together."""


class Stretch(NamedTuple, Generic[T]):
    """Elements that stand one behind the other, and what was made of each."""

    content: bytes
    made: tuple[T, ...]


@dataclass(slots=True)
class Stretches(Generic[T]):
    """
    What is known of one level, in one encoding.

    Elements that were known one by one, one behind the other, are known as one the next time.
    """

    known: dict[bytes, Stretch[T]] = field(default_factory=dict, repr=False)
    """By their first bytes, which say what the first element is: the last that began so."""
    size: int = 0

    def at(self, content: bytes, position: int, end: int) -> Stretch[T] | None:
        """Give the stretch that stands at the beginning of an element, if its level has it all."""
        stretch = self.known.get(content[position : position + BEGINNING])
        return stretch if stretch and content.startswith(stretch.content, position, end) else None

    def learn(self, content: bytes, position: int, end: int, *made: T) -> None:
        """Know one element, and what was made of it."""
        if end - position <= LONGEST:
            self._keep(Stretch(content[position:end], made))

    def join(self, passed: list[Stretch[T]]) -> None:
        """Know what was passed one behind the other as one; forget that it was passed."""
        if len(passed) > 1:
            content = b"".join([stretch.content for stretch in passed])
            self._keep(Stretch(content, tuple(one for each in passed for one in each.made)))
        passed.clear()

    def _keep(self, stretch: Stretch[T]) -> None:
        if len(stretch.content) > MOST:  # one element over and over: no data set is as long
            return
        self.size += len(stretch.content)
        if self.size > MOST:
            self.known.clear()
            self.size = len(stretch.content)
        self.known[stretch.content[:BEGINNING]] = stretch
