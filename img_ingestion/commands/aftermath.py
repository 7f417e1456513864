"""What follows a pass: a page, metrics, a ping; and what a pass that was killed could not tell."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from img_ingestion.commands.told import complaint
from img_ingestion.outcome import taken

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from img_ingestion.commands.told import Told
    from img_ingestion.ledger import Ledger
    from img_ingestion.reporting import Reporting
    from img_ingestion.review.audit import Trail
    from img_ingestion.review.pass_record import PassRecord


def page(path: Path, record: PassRecord, ledger: Ledger, status: int) -> None:
    """Write the page that was asked for."""
    from img_ingestion import durable
    from img_ingestion.review.report import report

    durable.write(path, report(record, ledger, status))


def numbers(reporting: Reporting, record: PassRecord, ledger: Ledger, status: int) -> None:
    """Write the metrics, where the settings ask for them."""
    if not reporting.metrics_file:
        return
    from img_ingestion.review import metrics
    from img_ingestion.review.overview import overview

    text = metrics.metrics(overview(ledger.home, ledger), record, status)
    metrics.write(ledger.home.root / reporting.metrics_file, text)


def made_good(trail: Trail, ledger: Ledger) -> None:
    """
    Add the files that a pass entered and was killed before it could tell of.

    The ledger knows what became of each, not under which recipe: `late` stands in its place.
    """
    recorded = {
        record.get("id")
        for record in map(json.loads, trail.records())
        if record.get("what") == "file"
    }
    for customer in ledger.customers(waiting=False):
        missing = [
            one.id for one in ledger.files(customer) if one.archived and one.id not in recorded
        ]
        for one, (state, code) in ledger.outcomes(missing).items():
            facts = {"id": one, "customer": customer, "outcome": taken(state), "code": code}
            trail.add("file", facts | {"late": True}, synced=False)


def ping(reporting: Reporting, status: int) -> Iterator[Told]:
    """Tell the watch; one that does not answer changes nothing of the pass."""
    if reporting.ping_url:
        from img_ingestion.review.ping import pinged

        problem = pinged(reporting, status)
        if problem:
            yield complaint(problem)
