"""What one clean instance becomes: the instance itself; its pictures, if any; their base64."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Self

import pybase64

from img_ingestion import part10, payload, render
from img_ingestion.errors import NotDescribed, NotRendered, turned_into
from img_ingestion.instance import CARRY_PICTURES
from img_ingestion.ledger import Contents
from img_ingestion.shelves import stem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydicom.dataset import Dataset

    from img_ingestion.instance import CleanInstance
    from img_ingestion.laps import Laps
    from img_ingestion.settings import CustomerSettings
    from img_ingestion.shelves import Shelves

LARGEST_ORDER = 2**31 - 1
"""Instance Number (0020,0013) is an IS (PS3.5 6.2)."""


@dataclass(frozen=True)
class Page:
    """One picture and its base64, under temporary names."""

    frame: int
    fields: Mapping[str, object]
    png: str
    text: str
    size: int
    """Bytes of base64."""
    digest: str
    """sha256 of the picture, which says whether its base64 is as it was made, too."""


@dataclass(frozen=True)
class Outputs:
    """The files of one instance under temporary names, and what the backend is told of it."""

    cleaned: str
    """The folder of cleaned instances and pictures."""
    encoded: str
    """The folder of base64."""
    instance: str
    digest: str
    """sha256 of the instance."""
    pages: tuple[Page, ...]
    study: Mapping[str, object]
    series: Mapping[str, object]
    uid: str
    """SOP Instance UID (0008,0018), pseudonymous."""
    order: int

    def words(self) -> dict[str, Any]:
        """Give all of it as JSON knows it."""
        return vars(self) | {"pages": [vars(page) for page in self.pages]}

    @classmethod
    def of(cls, words: Mapping[str, Any]) -> Self:
        """Take it from what `words` gave."""
        return cls(**{**words, "pages": tuple(Page(**page) for page in words["pages"])})

    def finals(self, name: str) -> dict[str, str]:
        """Give temporary -> final name of every file."""
        finals = {self.instance: f"{self.cleaned}/{stem(name)}.dcm"}
        for page in self.pages:
            picture = self._png(name, page)
            finals[page.png] = f"{self.cleaned}/{picture}"
            finals[page.text] = f"{self.encoded}/{picture}.txt"
        return finals

    def contents(self, name: str) -> Contents:
        """Give what goes into the outbox."""
        images = [(page.fields, f"{self._png(name, page)}.txt") for page in self.pages]
        digests = self._digests(name)
        return Contents(self.study, self.series, images, self.order, digests, self.uid)

    def encodings(self, name: str) -> tuple[tuple[str, int], ...]:
        """Give the pictures' file names and their bytes of base64."""
        return tuple((self._png(name, page), page.size) for page in self.pages)

    def _digests(self, name: str) -> dict[str, str]:
        digests = {f"{stem(name)}.dcm": self.digest}
        return digests | {self._png(name, page): page.digest for page in self.pages}

    def _png(self, name: str, page: Page) -> str:
        return f"{stem(name, page.frame if len(self.pages) > 1 else None)}.png"


def staged(
    shelves: Shelves,
    settings: CustomerSettings,
    clean: CleanInstance,
    temporaries: list[str],
    laps: Laps,
) -> Outputs:
    """
    Make all that an instance becomes, under temporary names, one picture at a time.

    Of an instance without pixel data that is the cleaned instance alone.

    Raises
    ------
    NotRendered, NotDecoded, NotDescribed, TooLarge
        The instance is held.
    StorageError
        Something cannot be written.

    """
    cleaned = shelves.home.cleaned / clean.customer
    encoded = shelves.home.encoded / clean.customer
    pages = []
    for picture in render.pictures(clean.dataset, settings.rendering, settings.limits):
        laps.lap("render")
        text = pybase64.b64encode(picture.png)
        page = Page(
            frame=picture.frame,
            fields=payload.image_fields(clean.dataset, picture),
            png=shelves.stage(picture.png, cleaned, temporaries, clean.id),
            text=shelves.stage(text, encoded, temporaries, clean.id, read_soon=True),
            size=len(text),
            digest=sha256(picture.png).hexdigest(),
        )
        pages.append(page)
        laps.lap("write")
    if not pages and part10.has_pixels(clean.dataset):
        raise NotRendered("no frame is chosen")
    # Destinations that are sent pictures read the base64; the others read the instance.
    sent = settings.destinations.keys() - CARRY_PICTURES
    return Outputs(
        cleaned=str(cleaned),
        encoded=str(encoded),
        instance=shelves.stage(clean.parts, cleaned, temporaries, clean.id, read_soon=bool(sent)),
        digest=_digest(clean.parts),
        pages=tuple(pages),
        study=payload.study_fields(clean.dataset),
        series=payload.series_fields(clean.dataset),
        uid=str(clean.dataset.SOPInstanceUID),
        order=_order(clean.dataset),
    )


def _digest(parts: Iterable[bytes | memoryview]) -> str:
    digest = sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _order(dataset: Dataset) -> int:
    """Give Instance Number (0020,0013), 0 where there is none that can be counted by."""
    with turned_into(NotDescribed, "InstanceNumber"):
        number = dataset.get("InstanceNumber")
    return int(number) if isinstance(number, int) and abs(number) <= LARGEST_ORDER else 0
