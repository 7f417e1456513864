"""A small copy of a picture, for a sheet that shows many; the wall around Pillow."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image

from img_ingestion.errors import NotRendered, turned_into

if TYPE_CHECKING:
    from pathlib import Path

LONGEST_SIDE = 128
"""Pixels."""


def thumbnail(path: Path) -> bytes:
    """
    Give a PNG of 128 pixels at the longest side.

    Raises
    ------
    NotRendered
        It is no picture of ours.

    """
    with turned_into(NotRendered, "making a small copy"), Image.open(path, formats=["PNG"]) as png:
        small = png.point(lambda sample: sample / 256).convert("L") if "16" in png.mode else png
        small = small.convert("RGB" if "RGB" in small.mode else "L")
        small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        written = BytesIO()
        small.save(written, "PNG")
        return written.getvalue()
