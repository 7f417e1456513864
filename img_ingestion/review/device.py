"""Which device made a held image, and the rules that a reviewer makes for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import pydicom

from img_ingestion import part10, sealing, unsealing
from img_ingestion.deidentify.pixels.rules import Box, Criterion, PixelRule
from img_ingestion.errors import InstanceError, NotDicom, SettingsError, turned_into
from img_ingestion.instance import ReceivedInstance
from img_ingestion.review.held import original

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

    from img_ingestion.home import Home
    from img_ingestion.review.overview import Held
    from img_ingestion.settings import Limits

INSTANCE = 0x00080018
_SAYABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/-]{0,63}")
"""What a recipe's line can repeat of an element."""


@dataclass(frozen=True, slots=True, order=True)
class Device:
    """What a device rule can ask for."""

    manufacturer: str = ""
    model: str = ""
    rows: int = 0
    columns: int = 0

    @property
    def name(self) -> str:
        """Say it in a line."""
        if not self.rows:
            return "no image"
        made = f"{self.manufacturer or 'unknown'} {self.model or 'unknown'}"
        return f"{made}, {self.columns} x {self.rows}"

    def statement(self, boxes: Sequence[Box]) -> str:
        """
        Write a rule for this device in the recipe's language.

        Raises
        ------
        SettingsError
            The device does not say who it is, in words that a recipe can repeat.

        """
        if not (_SAYABLE.fullmatch(self.manufacturer) and _SAYABLE.fullmatch(self.model)):
            raise SettingsError("the device does not say who it is in words a rule can repeat")
        tests = (
            f"equals Manufacturer {self.manufacturer}",
            f"equals ManufacturerModelName {self.model}",
            f"equals Rows {self.rows}",
            f"equals Columns {self.columns}",
        )
        lines = [f"LABEL Reviewed {self.manufacturer} {self.model} {self.columns} x {self.rows}"]
        lines += [f"  {'+ ' if number else ''}{test}" for number, test in enumerate(tests)]
        lines += [f"  coordinates {','.join(map(str, box))}" for box in boxes]
        return "\n".join(lines) + "\n"


def received(home: Home, one: Held) -> ReceivedInstance:
    """Read a held original."""
    path = original(home, one)
    with turned_into(NotDicom, "reading a held original"):
        content = unsealing.content(home, path)
    return ReceivedInstance(one.id, one.customer, path, content, one.sha256)


def dataset(home: Home, one: Held, limits: Limits) -> Dataset:
    """Read a held original as DICOM."""
    return part10.read(received(home, one), limits)


def device(home: Home, one: Held) -> Device:
    """Say which device made a held image, as far as it can be read."""
    try:
        with turned_into(NotDicom, "reading a held header"):
            path = original(home, one)
            # Of a plain file the header alone is read.
            sealed = sealing.is_sealed(path)
            file = BytesIO(unsealing.content(home, path)) if sealed else path.open("rb")
            with file:
                source = pydicom.dcmread(file, stop_before_pixels=True)
            return Device(
                manufacturer=str(source.get("Manufacturer") or "").strip(),
                model=str(source.get("ManufacturerModelName") or "").strip(),
                rows=int(source.get("Rows") or 0),
                columns=int(source.get("Columns") or 0),
            )
    except (InstanceError, SettingsError):
        return Device()


def vouching(uid: str) -> PixelRule:
    """Make the rule that a reviewer's word is, for one instance."""
    return _of_instance(uid, ())


def hiding(uid: str, boxes: Sequence[Box]) -> PixelRule:
    """Make the rule that hides what a reviewer drew, in one instance."""
    return _of_instance(uid, boxes)


def _of_instance(uid: str, boxes: Sequence[Box]) -> PixelRule:
    where = ((Criterion(INSTANCE, "equals", uid),),)
    verdict = "burned_in" if boxes else "clean"
    return PixelRule("drawn by a reviewer", 0, verdict, where, hide=tuple(boxes))  # type: ignore[arg-type]


def boxes(text: str) -> tuple[Box, ...]:
    """
    Read boxes as a reviewer writes them: `left,top,right,bottom; ...`.

    Raises
    ------
    SettingsError
        It is no such list, or a box is empty.

    """
    found = []
    for part in filter(None, (one.strip() for one in text.split(";"))):
        if not re.fullmatch(r"\d{1,5}(\s*,\s*\d{1,5}){3}", part):
            raise SettingsError("a box is left,top,right,bottom: four whole numbers")
        box = Box(*map(int, part.split(",")))
        if box.left >= box.right or box.top >= box.bottom:
            raise SettingsError("a box is empty: left is less than right, top less than bottom")
        found.append(box)
    return tuple(found)
