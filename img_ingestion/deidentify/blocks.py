"""The private blocks of a data set, and who owns them (PS3.5 7.8.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING

from pydicom.dataelem import RawDataElement

from img_ingestion.attribute import tag_of
from img_ingestion.deidentify.representation import texts_of
from img_ingestion.deidentify.serialised import encoded
from img_ingestion.deidentify.written_form import of_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

    from img_ingestion.deidentify.serialised import Element

PRIVATE_GROUP = 1 << 16
FIRST_OF_BLOCK = 0x0100
"""Below it private elements are creators, or nobody's."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """The private blocks of one data set."""

    source: Dataset
    owners: dict[int, str] = field(default_factory=dict)
    """By the tag of their creator."""
    kept: set[int] = field(default_factory=set)
    """Those of which an element stays."""

    def elements(self, *, private: bool) -> Iterator[tuple[int, Element, int, str]]:
        """
        Give tag and element, in order, and the block and owner of a private one; but no creators.

        Parameters
        ----------
        private : bool
            Private elements too.

        """
        # Plain numbers: pydicom compares its tags in Python.
        numbers = zip(map(int, self.source.keys()), self.source.values(), strict=True)
        begins, block, owner = 0, 0, ""
        for number, raw in sorted(numbers, key=itemgetter(0)):
            if not number & PRIVATE_GROUP:
                yield number, raw, 0, ""
            elif private and number & 0xFFFF >= FIRST_OF_BLOCK:
                if number >> 8 != begins:
                    begins = number >> 8
                    block = number & 0xFFFF0000 | begins & 0xFF
                    owner = self.owners[block] = self._owner(block)
                yield number, raw, block, owner

    def _owner(self, block: int) -> str:
        """Give who owns a block, or nothing."""
        creator = self.source.get_item(tag_of(block))
        return "" if creator is None else texts_of(self.source, creator)[0]

    def creators(self) -> dict[BaseTag, Element]:
        """Give the creators of what stays, written anew."""
        encoding = self.source.original_encoding
        return {
            tag_of(block): _creator(block, self.owners[block], encoding)
            for block in sorted(self.kept)
        }


@lru_cache(maxsize=1024)
def _creator(block: int, owner: str, encoding: tuple[bool, bool] | tuple[None, None]) -> Element:
    """Write a creator, which is the same in every file of a device."""
    element = of_texts(tag_of(block), "LO", [owner], encoding)
    return encoded(element) if isinstance(element, RawDataElement) else element
