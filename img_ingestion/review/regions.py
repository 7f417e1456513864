"""Regions of a picture, drawn on it and listed: what was hidden, what stays, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from img_ingestion.deidentify.pixels import KEPT
from img_ingestion.deidentify.pixels.text import FOUND
from img_ingestion.review.html import element, picture, table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

    from img_ingestion.instance import Picture, Region

LETTERS = 40
"""Heights of a number drawn beside a region that a picture has."""


SLACK = 4
"""Pixels by which the same text found twice may differ."""


def why(region: Region) -> str:
    """Say who asked for a region, or why it was left."""
    if region.found_by == KEPT:
        return "kept: read for certain as a scale, a measure, a side or a technique"
    found, _, reason = region.found_by.partition(": ")
    if found == FOUND:
        return f"hidden: looks like text{reason and ', '}{reason}"
    return f"hidden: device rule {region.found_by}"


def box(region: Region) -> str:
    """Say where it is: left, top, right, bottom in pixels."""
    return f"{region.left},{region.top} to {region.right},{region.bottom}"


def on(region: Region) -> str:
    """Say on which frames it is."""
    frames = sorted(region.frames)
    return f"frames {', '.join(map(str, frames))}" if frames else "every frame"


def distinct(regions: Sequence[Region]) -> list[Region]:
    """Leave out what another of the same reason covers: a cine finds a title again and again."""
    found: list[Region] = []
    for one in sorted(regions, key=_area, reverse=True):
        if not any(_covers(other, one) for other in found):
            found.append(one)
    return [one for one in regions if one in found]


def _area(region: Region) -> int:
    return (region.right - region.left) * (region.bottom - region.top)


def _covers(large: Region, small: Region) -> bool:
    return (
        (large.found_by, large.frames) == (small.found_by, small.frames)
        and large.left - SLACK <= small.left
        and large.top - SLACK <= small.top
        and large.right + SLACK >= small.right
        and large.bottom + SLACK >= small.bottom
    )


def listed(regions: Sequence[Region]) -> Element:
    """List the regions under the numbers that `drawn` gives them."""
    return table(
        ("", "left, top to right, bottom", "on", "why"),
        [(str(number), box(one), on(one), why(one)) for number, one in enumerate(regions, 1)],
    )


def drawn(shown: Picture, regions: Sequence[Region]) -> Element:
    """Draw the regions of a frame on its picture, numbered as `listed` has them."""
    marks = [
        _mark(number, one, shown)
        for number, one in enumerate(regions, start=1)
        if one.is_on(shown.frame)
    ]
    return element(
        "figure",
        element("figcaption", f"frame {shown.frame}"),
        element(
            "div",
            picture(shown.png, f"frame {shown.frame}, as it would be sent"),
            element("svg", marks, viewBox=f"0 0 {shown.columns} {shown.rows}", class_="regions"),
            class_="stage",
        ),
    )


def _mark(number: int, region: Region, shown: Picture) -> Element:
    kind = {KEPT: "kept", FOUND: "text"}.get(region.found_by.partition(": ")[0], "rule")
    size = max(min(shown.rows, shown.columns) / LETTERS, 1)
    return element(
        "g",
        element("title", f"{number}: {why(region)}"),
        element(
            "rect",
            x=region.left,
            y=region.top,
            width=region.right - region.left,
            height=region.bottom - region.top,
        ),
        element(
            "text",
            str(number),
            x=region.left + size / 4,
            y=min(region.top + size, shown.rows),
            font_size=round(size, 1),
        ),
        class_=kind,
    )
