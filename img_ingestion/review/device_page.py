"""The page of a review that shows a rule for a device, before it is one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from img_ingestion.review.html import element, page, picture
from img_ingestion.review.review_pages import SCRIPT, steps

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

    from img_ingestion.review.device import Device
    from img_ingestion.review.explain import Explanation
    from img_ingestion.review.overview import Held

AT_ONCE = 12
"""Images on a page: each of them is cleaned for it."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A rule tried on some of what is held of a device."""

    one: Held
    made: Device
    boxes: str
    tried: Sequence[tuple[Held, Explanation]] = field(repr=False)
    first: int
    """Number of the first of them among all, from 0."""
    count: int
    """Held images of the device."""

    def page(self) -> bytes:
        """Show what each would become, and offer the rule."""
        address = f"/device/{self.one.id}?boxes={self.boxes}"
        return page(
            self.made.name,
            element(
                "p", element("a", "back", href=f"/held/{self.one.id}?boxes={self.boxes}", id="back")
            ),
            element(
                "p",
                f"{self.count} held images of this device, with regions {self.boxes or 'none'}:",
            ),
            steps(address, self.first, AT_ONCE, self.count),
            element("div", [_shown(*each) for each in self.tried], class_="pair"),
            self._rule(),
            script=SCRIPT,
        )

    def _rule(self) -> Element:
        words = f"Write this rule into the recipe, and take all {self.count} of them anew"
        return element(
            "form",
            element("input", type="hidden", name="boxes", value=self.boxes),
            element("button", words, id="rule"),
            method="post",
            action=f"/device/{self.one.id}/rule",
        )


def _shown(one: Held, found: Explanation) -> Element:
    return element(
        "figure",
        element("figcaption", f"{one.id}: {found.reason or 'would be sent'}"),
        [picture(frame.png, f"{one.id} after") for frame in found.pictures[:1]],
    )
