"""The audit trail: every decision is in it, and a change of it shows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from img_ingestion.review.audit import Trail

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def trail(state: Path, count: int = 5) -> Trail:
    made = Trail(state)
    for number in range(count):
        made.add("file", {"id": f"{number:016x}", "customer": "north" if number % 2 else "south"})
    return made


def lines(state: Path) -> list[bytes]:
    return (state / "audit.jsonl").read_bytes().splitlines(keepends=True)


def test_an_untouched_trail_holds(tmp_path: Path) -> None:
    checked = trail(tmp_path).checked()
    assert (checked.records, checked.broken) == (5, ())
    assert len(checked.last) == 64
    assert (tmp_path / "audit.jsonl").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "forged",
    [
        lambda old: [old[0], old[1].replace(b"north", b"south"), *old[2:]],
        lambda old: [old[0], *old[2:]],
        lambda old: old[1:],
        lambda old: [old[0], old[2], old[1], *old[3:]],
        lambda old: [old[0], old[0], *old[1:]],
        lambda old: [old[0], b"no record\n", *old[1:]],
    ],
)
def test_a_forged_record_breaks_the_chain(
    tmp_path: Path, forged: Callable[[list[bytes]], list[bytes]]
) -> None:
    made = trail(tmp_path)
    (tmp_path / "audit.jsonl").write_bytes(b"".join(forged(lines(tmp_path))))
    assert made.checked().broken


def test_a_record_cut_off_at_the_end_shows_in_the_last_digest(tmp_path: Path) -> None:
    made = trail(tmp_path)
    before = made.checked().last
    (tmp_path / "audit.jsonl").write_bytes(b"".join(lines(tmp_path)[:-1]))
    assert made.checked().last != before


def test_a_power_cut_within_a_record_leaves_a_trail_that_goes_on(tmp_path: Path) -> None:
    made = trail(tmp_path)
    (tmp_path / "audit.jsonl").write_bytes(b"".join(lines(tmp_path))[:-20])
    assert made.checked().broken == (5,)
    made.add("file", {"id": "f" * 16})
    checked = made.checked()
    assert (checked.records, checked.broken) == (5, ())
    assert json.loads(lines(tmp_path)[-1])["torn"] is True


def test_the_records_of_one_customer_can_be_taken_out(tmp_path: Path) -> None:
    found = [json.loads(line) for line in trail(tmp_path).records("north")]
    assert [one["customer"] for one in found] == ["north", "north"]
