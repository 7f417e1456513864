"""Numbers for prometheus' textfile collector (exposition format 0.0.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from img_ingestion import durable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from img_ingestion.review.overview import Overview
    from img_ingestion.review.pass_record import PassRecord

PREFIX = "img_ingestion_"
HELP = {
    "last_pass_timestamp_seconds": "When the last pass began.",
    "last_pass_status": "Exit status of the last pass.",
    "last_success_timestamp_seconds": "When something was last sent.",
    "oldest_waiting_timestamp_seconds": "When the oldest waiting file was seen; 0: none waits.",
    "files": "Files by state.",
    "held_files": "Held files by code.",
    "pass_files": "Files of the last pass by outcome and code.",
    "pass_seconds": "Seconds of the last pass by stage.",
    "pass_encoded_bytes": "Bytes of base64 that the last pass made.",
    "free_bytes": "Bytes free by folder.",
}


def metrics(found: Overview, record: PassRecord, status: int) -> str:
    """Give the whole text; a label is a word of ours, never a customer's."""
    return "".join(_lines(found, record, status))


def write(path: Path, text: str) -> None:
    """Write it whole, readable for the collector's account: it holds counts only."""
    durable.write(path, text.encode())
    with durable.storing("opening the metrics to the collector"):
        path.chmod(0o644)


def _lines(found: Overview, record: PassRecord, status: int) -> Iterator[str]:
    samples: dict[str, Mapping[str, float]] = {
        "last_pass_timestamp_seconds": {"": record.started},
        "last_pass_status": {"": status},
        "last_success_timestamp_seconds": {"": found.last_success or 0},
        "oldest_waiting_timestamp_seconds": {"": found.oldest_waiting or 0},
        "files": {_label(state=state): count for state, count in found.states.items()},
        "held_files": {_label(code=code): count for code, count in found.held.items()},
        "pass_files": {
            _label(outcome=outcome, code=code): count
            for (outcome, code), count in record.outcomes.items()
        },
        "pass_seconds": {_label(stage=name): value for name, value in record.seconds.items()},
        "pass_encoded_bytes": {"": record.encoded_bytes},
        "free_bytes": {_label(folder=name): free for name, free in found.free.items()},
    }
    for name, values in samples.items():
        yield f"# HELP {PREFIX}{name} {HELP[name]}\n# TYPE {PREFIX}{name} gauge\n"
        for label, value in values.items():
            yield f"{PREFIX}{name}{label} {value}\n"


def _label(**words: str) -> str:
    inside = ",".join(f'{name}="{word}"' for name, word in words.items())
    return f"{{{inside}}}"
