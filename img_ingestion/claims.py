"""What several runs that share a home agree on: each thing is in one pair of hands."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Orphan(NamedTuple):
    """What a run that is gone had in hand."""

    key: str
    customer: str
    file: str
    """Id of the file that was being cleaned; empty if it came to none."""
    name: str
    """NAME of the outputs that may lie there; empty if there are none."""


class Claims(Protocol):
    """Who has what in hand. A key is the keyed digest of a place, or the digest of a series."""

    @property
    def shared(self) -> bool:
        """Tell whether there can be others."""
        ...

    def taken(self, key: str) -> bool:
        """Take something in hand; False where somebody else has it."""
        ...

    def begun(self, key: str, customer: str, file: str, work: str) -> bool:
        """Say which file it is and what is done with it; False where that is done elsewhere."""
        ...

    def named(self, key: str, customer: str, name: str) -> bool:
        """Take a name for outputs; False where somebody else has it in hand."""
        ...

    def keep(self, key: str) -> None:
        """
        See, within what is being written, that something is still ours; empty: nothing.

        Raises
        ------
        TakenOver
            It is not.

        """
        ...

    def ended(self, key: str) -> None:
        """Let go of something."""
        ...

    def alone(self) -> bool:
        """Tell whether nobody else is at work; nobody begins until `joined`."""
        ...

    def joined(self) -> None:
        """Let others begin."""
        ...

    def orphans(self) -> list[Orphan]:
        """Take over what runs that are gone had in hand."""
        ...

    def ours(self, key: str) -> list[Orphan]:
        """Give what we have in hand of a key, as if we were gone; nothing if it is not ours."""
        ...


@dataclass(frozen=True, slots=True)
class Alone:
    """One run at a time: a lock on the home sees to it, and everything is ours."""

    shared = False

    def taken(self, key: str) -> bool:
        """Take something: nobody else has it."""
        del key
        return True

    def begun(self, key: str, customer: str, file: str, work: str) -> bool:
        """Note nothing."""
        del key, customer, file, work
        return True

    def named(self, key: str, customer: str, name: str) -> bool:
        """Note nothing: `state/in-hand.json` does."""
        del key, customer, name
        return True

    def keep(self, key: str) -> None:
        """Find it still ours."""

    def ended(self, key: str) -> None:
        """Let go of nothing."""

    def alone(self) -> bool:
        """Tell what it is."""
        return True

    def joined(self) -> None:
        """Wait for nobody."""

    def orphans(self) -> list[Orphan]:
        """Find nothing: who went left `state/in-hand.json`."""
        return []

    def ours(self, key: str) -> list[Orphan]:
        """Find nothing, as above."""
        del key
        return []


ALONE = Alone()


@contextmanager
def holding(claims: Claims, key: str) -> Iterator[bool]:
    """Have something in hand for a while, unless somebody else has."""
    mine = claims.taken(key)
    try:
        yield mine
    finally:
        if mine:
            claims.ended(key)
