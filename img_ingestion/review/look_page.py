"""The page of a review that shows one held image, before and after."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from img_ingestion.review.html import element, page, picture, table
from img_ingestion.review.review_pages import SCRIPT

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from img_ingestion.review.device import Device
    from img_ingestion.review.explain import Explanation
    from img_ingestion.review.html import Child
    from img_ingestion.review.overview import Held


KEYS = "Keys: n next frame, p previous frame, t try again, a accept, r reject, i inbox, b boxes."


@dataclass(frozen=True, slots=True)
class Look:
    """One held image as a reviewer looks at it."""

    one: Held
    made: Device
    before: bytes
    """PNG of the original frame; empty when it cannot be shown."""
    frame: int
    frames: int
    boxes: str
    found: Explanation = field(repr=False)
    brothers: int
    """Held images of the same device, this one too."""

    def page(self) -> bytes:
        """Show it before and after, what would change, and what can be decided."""
        verdict = self.found.reason or "it would be sent"
        return page(
            f"Held image {self.one.id}",
            element("p", element("a", "inbox", href="/", id="inbox"), f" · {self.made.name}"),
            element("p", f"{self.one.code}: {self.one.reason}", class_="held"),
            element("p", f"With what is drawn: {verdict}", id="verdict"),
            self._pictures(),
            self._drawing(),
            element("div", [self._decision(*words) for words in DECISIONS]),
            self._rule(),
            element("p", KEYS, class_="dim"),
            element("h2", "What would change in the header"),
            table(
                ("place", "keyword", "before", "after", "asked by"),
                [(c.place, c.keyword, c.before, c.after, c.rule) for c in self.found.changes],
            ),
            script=SCRIPT,
        )

    def _pictures(self) -> Element:
        after = next((one for one in self.found.pictures if one.frame == self.frame), None)
        before: Child = "This file has no picture that can be shown."
        if self.before:
            drawn = element("svg", id="drawn", viewBox=f"0 0 {self.made.columns} {self.made.rows}")
            shown = picture(self.before, f"frame {self.frame} before")
            shown.set("id", "before")
            before = element("div", shown, drawn, class_="stage")
        return element(
            "div",
            element("figure", element("figcaption", "before"), before),
            element(
                "figure",
                element("figcaption", "after"),
                picture(after.png, f"frame {self.frame} after") if after else "nothing leaves",
            ),
            class_="pair",
        )

    def _drawing(self) -> Element:
        address = f"/held/{self.one.id}"
        steps = [
            element("a", words, href=f"{address}?frame={number}&boxes={self.boxes}", id=words)
            for words, number in (("previous", self.frame - 1), ("next", self.frame + 1))
            if 1 <= number <= self.frames
        ]
        return element(
            "form",
            element("label", "Regions (left,top,right,bottom; ...) ", for_="boxes"),
            element("input", name="boxes", id="boxes", value=self.boxes, size=50),
            element("input", type="hidden", name="frame", value=self.frame),
            element("button", "Show with these", id="show"),
            f" frame {self.frame} of {self.frames} ",
            steps,
            method="get",
            action=address,
        )

    def _decision(self, what: str, words: str) -> Element:
        return element(
            "form",
            element("input", type="hidden", name="boxes", value=self.boxes, class_="boxes"),
            element("button", words, id=what),
            method="post",
            action=f"/held/{self.one.id}/{what}",
        )

    def _rule(self) -> Element:
        return element(
            "p",
            element(
                "a",
                f"Make these regions a rule for this device ({self.brothers} held) ...",
                href=f"/device/{self.one.id}?boxes={self.boxes}",
                id="device",
            ),
        )


DECISIONS = (
    ("again", "Try again"),
    ("accept", "Accept: nothing here identifies"),
    ("hide", "Hide these regions in this image"),
    ("reject", "Reject: keep back for good"),
)
