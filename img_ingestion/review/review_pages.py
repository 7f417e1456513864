"""The pages of a review: the inbox, and a refusal."""

from __future__ import annotations

import time
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

from img_ingestion.review.html import element, page, table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

    from img_ingestion.review.device import Device
    from img_ingestion.review.html import Child
    from img_ingestion.review.overview import Held

SCRIPT = "/review.js"
AT_ONCE = 200
"""Rows of the inbox on a page."""


def inbox(ones: Sequence[tuple[Held, Device]], by: str, said: str, first: int = 0) -> bytes:
    """List what waits for a person, by reason or by device, so many at once."""
    key = _device if by == "device" else _reason
    ordered, counts = sorted(ones, key=key), Counter(map(key, ones))
    groups = [
        (element("h2", f"{head} ({counts[head]})"), _list(list(members)))
        for head, members in groupby(ordered[first : first + AT_ONCE], key=key)
    ]
    other = "device" if by == "reason" else "reason"
    return page(
        f"Held: {len(ones)}",
        element("p", said, class_="fine", role="status") if said else None,
        element("p", element("a", f"sort by {other}", href=f"/?by={other}")),
        steps(f"/?by={by}", first, AT_ONCE, len(ones)),
        *groups,
        script=SCRIPT,
    )


def steps(address: str, first: int, at_once: int, count: int) -> Element | None:
    """Say which part of a list a page shows, and lead to the parts before and after it."""
    if count <= at_once:
        return None
    there = (("previous", first - at_once), ("next", first + at_once))
    return element(
        "p",
        f"{first + 1} to {min(count, first + at_once)} of {count} ",
        [
            (element("a", words, href=f"{address}&first={number}", id=words), " ")
            for words, number in there
            if 0 <= number < count
        ],
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


def refusal(words: str) -> bytes:
    """Say why something was not done."""
    return page(
        "Not done",
        element("p", words, class_="held"),
        element("p", element("a", "inbox", href="/", id="inbox")),
        script=SCRIPT,
    )
