"""One pass as a page that anyone can look at: counts, reasons, time, and what left."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import PurePath
from typing import TYPE_CHECKING

from pydicom import dcmread
from pydicom.uid import UID

from img_ingestion.errors import GatewayError, NotDicom, turned_into
from img_ingestion.ledger import schema
from img_ingestion.review.html import element, page, picture, table
from img_ingestion.review.thumbnail import thumbnail

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from xml.etree.ElementTree import Element

    from img_ingestion.ledger import Ledger
    from img_ingestion.review.pass_record import PassRecord

SHEET = 96
"""Pictures on the contact sheet at the most."""
BAR, ROW = 420, 26
"""Longest bar and height of a row, in pixels."""


def report(record: PassRecord, ledger: Ledger, status: int) -> bytes:
    """Write the page; it names customers, pseudonyms and codes, and no patient."""
    files = record.files
    by_customer = Counter((one["customer"], one["outcome"]) for one in files)
    reasons = Counter(f"{one['plain']}: {one['reason']}" for one in files if one["code"])
    when = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(record.started))
    sent = Counter(str(one["outcome"]) for one in record.parcels)
    return page(
        f"Pass of {when}",
        element("p", f"{len(files)} files, {len(record.parcels)} parcels, exit status {status}"),
        element("h2", "By customer and outcome"),
        bars({f"{who}, {outcome}": count for (who, outcome), count in by_customer.items()}),
        element("h2", "By modality"),
        bars(dict(sorted(Counter(_modalities(record, ledger)).items()))),
        element("h2", "By kind of image"),
        bars(Counter(_kinds(ledger, [str(one["id"]) for one in files]))),
        element("h2", "Held, and why"),
        table(("files", "reason"), [(str(count), why) for why, count in reasons.most_common()]),
        element("h2", "Parcels by outcome"),
        bars(sent),
        element("h2", "Seconds by stage"),
        bars({stage: round(spent, 2) for stage, spent in record.seconds.items()}),
        element("h2", "What was made to leave"),
        element("div", list(_sheet(record, ledger)), class_="sheet"),
    )


def bars(counts: Mapping[str, float]) -> Element:
    """Draw a bar for each count, as SVG."""
    if not counts:
        return element("p", "none", class_="dim")
    longest = max(counts.values(), default=0) or 1
    drawn = element(
        "svg", width=BAR + 480, height=max(1, len(counts)) * ROW, role="img", fill="#ddd"
    )
    for number, (name, count) in enumerate(counts.items()):
        width, top = max(1, round(BAR * count / longest)), number * ROW
        drawn.append(element("rect", x=380, y=top + 5, width=width, height=15, fill="#58a"))
        drawn.append(element("text", name, x=0, y=top + 17, font_size=13))
        drawn.append(element("text", f"{count:g}", x=388 + width, y=top + 17, font_size=13))
    return drawn


def _kinds(ledger: Ledger, ids: list[str]) -> Iterator[str]:
    """Name the kind of each image of these files, by its SOP class."""
    with schema.storing("reading kinds"):
        rows = ledger.connection.execute(
            "SELECT images FROM file WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(ids),),
        ).fetchall()
    for (images,) in rows:
        for fields, _ in json.loads(images):
            yield UID(fields["sopClassUid"]).name


def _modalities(record: PassRecord, ledger: Ledger) -> Iterator[str]:
    """Name Modality (0008,0060) and outcome of each file; what is held is not asked."""
    for one in record.files:
        path = ledger.home.cleaned / one["customer"] / f"cleaned-{PurePath(one['shown']).name}"
        said = "unknown"
        if one["outcome"] == "waiting" and path.exists():
            with turned_into(NotDicom, "reading a modality"):
                read = dcmread(path, specific_tags=["Modality"], stop_before_pixels=True)
                said = str(read.get("Modality") or "") or said
        yield f"{said}, {one['outcome']}"


def _sheet(record: PassRecord, ledger: Ledger) -> Iterator[Element]:
    made = [(one["customer"], name) for one in record.files for name, _ in one["encoded"]]
    for customer, name in made[:SHEET]:
        path = ledger.home.cleaned / customer / name
        try:
            yield picture(thumbnail(path), name)
        except GatewayError:
            yield element("span", f"{name}: no picture", class_="dim")
    if len(made) > SHEET:
        yield element("p", f"and {len(made) - SHEET} more")
