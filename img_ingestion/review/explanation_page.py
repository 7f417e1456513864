"""An explanation as one page that needs nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from img_ingestion.review.html import element, page, table
from img_ingestion.review.regions import distinct, drawn, listed

if TYPE_CHECKING:
    from img_ingestion.review.explain import Explanation


UNDRAWN = "What is held is not drawn here: it may show the patient. The command review shows it."
LEGEND = "Orange: hidden by a device rule. Pink: hidden as text. Green: text that stays."


def explanation_page(found: Explanation) -> bytes:
    """Write the page; it holds no value of the original."""
    verdict = "would be sent" if found.outcome == "sent" else f"held: {found.reason}"
    changes = [
        (element("code", one.place), one.keyword, one.before, one.after, one.rule)
        for one in found.changes
    ]
    hidden, kept = distinct(found.regions), distinct(found.kept)
    regions = hidden + kept
    return page(
        "One file, explained",
        element("p", verdict, class_="fine" if found.outcome == "sent" else "held"),
        table(("", ""), found.what.items()),
        element("h2", "Pixels"),
        element("p", f"{len(hidden)} regions hidden, {len(kept)} kept on purpose."),
        element("p", LEGEND, class_="dim") if regions else None,
        listed(regions) if regions else None,
        element("div", [drawn(one, regions) for one in found.pictures], class_="pair"),
        element("p", UNDRAWN, class_="dim") if found.outcome == "held" else None,
        element("h2", f"{len(changes)} elements change"),
        table(("place", "keyword", "before", "after", "asked by"), changes),
        element("h2", "What the backend would be told"),
        element("pre", json.dumps(found.payload, indent=2) if found.payload else "nothing"),
    )
