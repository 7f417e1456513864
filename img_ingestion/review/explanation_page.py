"""An explanation as one page that needs nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from img_ingestion.review.html import element, page, picture, table

if TYPE_CHECKING:
    from img_ingestion.review.explain import Explanation


def explanation_page(found: Explanation) -> bytes:
    """Write the page; it holds no value of the original."""
    verdict = "would be sent" if found.outcome == "sent" else f"held: {found.reason}"
    changes = [
        (element("code", one.place), one.keyword, one.before, one.after, one.rule)
        for one in found.changes
    ]
    regions = [(one.left, one.top, one.right, one.bottom, one.found_by) for one in found.regions]
    return page(
        "One file, explained",
        element("p", verdict, class_="fine" if found.outcome == "sent" else "held"),
        table(("", ""), found.what.items()),
        element("h2", "Pixels"),
        element("p", f"{len(regions)} regions hidden" if regions else "No region is hidden."),
        table(
            ("left", "top", "right", "bottom", "found by"),
            [[str(cell) for cell in row] for row in regions],
        )
        if regions
        else None,
        element("div", [picture(one.png, f"frame {one.frame}") for one in found.pictures]),
        element("h2", f"{len(changes)} elements change"),
        table(("place", "keyword", "before", "after", "asked by"), changes),
        element("h2", "What the backend would be told"),
        element("pre", json.dumps(found.payload, indent=2)),
    )
