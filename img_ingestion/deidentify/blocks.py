"""The private blocks of a data set, and who owns them (PS3.5 7.8.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydicom.dataelem import DataElement
from pydicom.tag import BaseTag

from img_ingestion.deidentify.representation import texts_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

FIRST_OF_BLOCK = 0x0100
"""Below it private elements are creators, or nobody's."""


def block_of(tag: int) -> int:
    """Give the tag of the creator of a private element."""
    return tag & 0xFFFF0000 | tag >> 8 & 0xFF


@dataclass(frozen=True, slots=True)
class Blocks:
    """The private blocks of one data set."""

    source: Dataset
    owners: dict[int, str] = field(default_factory=dict)
    """By the tag of their creator."""
    kept: set[int] = field(default_factory=set)
    """Those of which an element stays."""

    def owner(self, block: int) -> str:
        """Give who owns a block, or nothing."""
        if block not in self.owners:
            creator = self.source.get_item(BaseTag(block))
            self.owners[block] = "" if creator is None else texts_of(self.source, creator)[0]
        return self.owners[block]

    def creators(self) -> dict[BaseTag, DataElement]:
        """Give the creators of what stays, written anew."""
        tags = map(BaseTag, sorted(self.kept))
        return {tag: DataElement(tag, "LO", self.owners[int(tag)]) for tag in tags}
