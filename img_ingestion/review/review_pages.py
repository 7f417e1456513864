"""The pages of a review: the inbox, one held image, one device."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from img_ingestion.review.html import element, page, picture, table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

    from img_ingestion.review.device import Device
    from img_ingestion.review.explain import Explanation
    from img_ingestion.review.html import Child
    from img_ingestion.review.overview import Held

SCRIPT = "/review.js"
KEYS = "Keys: n next frame, p previous frame, t try again, a accept, r reject, i inbox, b boxes."


def inbox(ones: Sequence[tuple[Held, Device]], by: str, said: str) -> bytes:
    """List what waits for a person, by reason or by device."""
    ordered = sorted(ones, key=_device if by == "device" else _reason)
    groups = [
        (element("h2", f"{head} ({len(members)})"), _list(members))
        for head, each in groupby(ordered, key=_device if by == "device" else _reason)
        for members in [list(each)]
    ]
    other = "device" if by == "reason" else "reason"
    return page(
        f"Held: {len(ones)}",
        element("p", said, class_="fine", role="status") if said else None,
        element("p", element("a", f"sort by {other}", href=f"/?by={other}")),
        *groups,
        script=SCRIPT,
    )


def _reason(each: tuple[Held, Device]) -> str:
    return f"{each[0].code}: {each[0].reason}"


def _device(each: tuple[Held, Device]) -> str:
    return each[1].name


def _list(members: Sequence[tuple[Held, Device]]) -> Element:
    rows: list[tuple[Child, ...]] = [
        (
            element("a", one.id, href=f"/held/{one.id}"),
            one.customer,
            made.name,
            time.strftime("%Y-%m-%d %H:%MZ", time.gmtime(one.seen_at)),
        )
        for one, made in members
    ]
    return table(("image", "customer", "device", "seen"), rows)


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


def device_page(
    one: Held, made: Device, boxes: str, tried: Sequence[tuple[Held, Explanation]]
) -> bytes:
    """Show a rule applied to everything held of a device, before it is one."""
    shown = [
        element(
            "figure",
            element("figcaption", f"{each.id}: {found.reason or 'would be sent'}"),
            [picture(frame.png, f"{each.id} after") for frame in found.pictures[:1]],
        )
        for each, found in tried
    ]
    return page(
        made.name,
        element("p", element("a", "back", href=f"/held/{one.id}?boxes={boxes}")),
        element("p", f"{len(tried)} held images of this device, with regions {boxes or 'none'}:"),
        element("div", shown, class_="pair"),
        element(
            "form",
            element("input", type="hidden", name="boxes", value=boxes),
            element(
                "button", "Write this rule into the recipe, and take all of them anew", id="rule"
            ),
            method="post",
            action=f"/device/{one.id}/rule",
        ),
        script=SCRIPT,
    )


def refusal(words: str) -> bytes:
    """Say why something was not done."""
    return page(
        "Not done",
        element("p", words, class_="held"),
        element("p", element("a", "inbox", href="/", id="inbox")),
        script=SCRIPT,
    )
