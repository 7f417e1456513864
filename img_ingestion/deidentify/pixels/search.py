"""
The search of one picture for text: before it is hidden, and after.

Imported where somebody looks: under `rules` nobody does, and all that looks is slow to import.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Self

from img_ingestion.deidentify.pixels import kinds, text
from img_ingestion.deidentify.pixels.hide import hide
from img_ingestion.errors import NotVerified

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

    from img_ingestion.instance import Identifiers, Region
    from img_ingestion.settings import Limits

ROUNDS = 2
"""What appears beside what was hidden is hidden too; after so many times a reviewer decides."""


class Search(NamedTuple):
    """What was looked for in one picture, and found."""

    dataset: Dataset
    limits: Limits
    wanted: text.Wanted
    found: tuple[Region, ...]
    """What has to be hidden."""

    @classmethod
    def of(cls, dataset: Dataset, policy: str, found: Identifiers, limits: Limits) -> Self:
        """Look at a picture as it came."""
        # Where the header says that somebody is named in the pixels, not even a mark is believed.
        marks = policy == "all"
        own = None if marks and kinds.said_burned_in(dataset, looked=True) else found
        wanted = text.Wanted(bool(kinds.usually_burned(dataset)), own, marks)
        seen = text.found(dataset, limits, wanted)
        return cls(dataset, limits, replace(wanted, stays=seen.stays), seen.hidden)

    def proved(self, hidden: Sequence[Region]) -> tuple[Region, ...]:
        """
        Look again at the cleaned pixels by another view; hide what is still there, and look again.

        Raises
        ------
        NotVerified
            There is text that hiding does not take away.

        """
        dataset, limits, wanted = self.dataset, self.limits, self.wanted
        more: tuple[Region, ...] = ()
        new: tuple[Region, ...] | None = None
        for _ in range(ROUNDS):
            left = text.still_readable(dataset, limits, wanted, (*hidden, *more), new)
            if not left:
                return more
            new = hide(dataset, left, limits)
            more += new
            wanted = replace(wanted, unread=False, torn=False)
        if text.still_readable(dataset, limits, wanted, (*hidden, *more), new):
            raise NotVerified("text can still be read in the pixels")
        return more


def readable(dataset: Dataset, limits: Limits, hidden: Sequence[Region]) -> tuple[Region, ...]:
    """Give all that can be read in a cleaned picture, be it harmless."""
    return text.still_readable(dataset, limits, text.Wanted(unread=False, torn=False), hidden)
