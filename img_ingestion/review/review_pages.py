"""The pages of a review: the inbox, one device, and a refusal."""

from __future__ import annotations

import time
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
