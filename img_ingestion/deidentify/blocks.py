"""The private blocks of a data set, and who owns them (PS3.5 7.8.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from pydicom.dataelem import DataElement

from img_ingestion.attribute import tag_of
from img_ingestion.deidentify.representation import texts_of
from img_ingestion.deidentify.serialised import as_raw, encoded

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

    from img_ingestion.deidentify.serialised import Element

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
            creator = self.source.get_item(tag_of(block))
            self.owners[block] = "" if creator is None else texts_of(self.source, creator)[0]
        return self.owners[block]

    def creators(self) -> dict[BaseTag, Element]:
        """Give the creators of what stays, written anew."""
        implicit, little = self.source.original_encoding
        encoding = bool(implicit), little is not False
        return {
            tag_of(block): _creator(block, self.owners[block], *encoding)
            for block in sorted(self.kept)
        }


@lru_cache(maxsize=1024)
def _creator(block: int, owner: str, implicit: bool, little: bool) -> Element:  # noqa: FBT001 - in pydicom's order
    """Write a creator, which is the same in every file of a device."""
    element = DataElement(tag_of(block), "LO", owner)
    raw = as_raw(element, implicit, little)
    return encoded(raw) if raw else element
