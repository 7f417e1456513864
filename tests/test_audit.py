"""The audit trail: every decision is in it, and a change of it shows."""

from __future__ import annotations

import json
import resource
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pydicom
import pytest

from img_ingestion.cli import main
from img_ingestion.errors import StorageError
from img_ingestion.review.audit import Trail

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import MakeInstance


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


@pytest.mark.parametrize("left", [0, 1, -1])
def test_records_cut_off_at_the_end_show(left: int, tmp_path: Path) -> None:
    made = trail(tmp_path)
    before = made.checked()
    assert not before.cut
    (tmp_path / "audit.jsonl").write_bytes(b"".join(lines(tmp_path)[:left]))
    checked = made.checked()
    assert (checked.cut, checked.broken) == (True, ())
    assert checked.last != before.last
    made.add("file", {"id": "f" * 16})
    assert made.checked().cut


def test_a_trail_that_is_gone_altogether_shows(tmp_path: Path) -> None:
    made = trail(tmp_path)
    (tmp_path / "audit.jsonl").unlink()
    assert made.checked().cut


def test_what_a_power_cut_took_before_it_was_durable_is_no_cut(tmp_path: Path) -> None:
    made = trail(tmp_path)
    made.add("file", {"id": "f" * 16}, synced=False)
    (tmp_path / "audit.jsonl").write_bytes(b"".join(lines(tmp_path)[:-1]))
    assert not made.checked().cut


def test_a_power_cut_within_a_record_leaves_a_trail_that_goes_on(tmp_path: Path) -> None:
    made = trail(tmp_path)
    (tmp_path / "audit.jsonl").write_bytes(b"".join(lines(tmp_path))[:-20])
    assert made.checked().broken == (5,)
    made.add("file", {"id": "f" * 16})
    checked = made.checked()
    assert (checked.records, checked.broken) == (5, ())
    assert json.loads(lines(tmp_path)[-1])["torn"] is True


def test_a_disk_that_takes_only_some_of_several_records_is_told_and_the_trail_goes_on(
    tmp_path: Path,
) -> None:
    made, several = trail(tmp_path, 1), [{"id": f"{number:016x}"} for number in range(9)]
    size, before = (
        (tmp_path / "audit.jsonl").stat().st_size,
        resource.getrlimit(resource.RLIMIT_FSIZE),
    )
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 * size, before[1]))
    try:
        with pytest.raises(StorageError):
            made.add("file", *several)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    made.add("file", *several)
    checked = made.checked()
    assert (checked.broken, checked.cut) == ((), False)
    assert checked.records == len(lines(tmp_path)) - 1 > 10


def test_the_records_of_one_customer_can_be_taken_out(tmp_path: Path) -> None:
    found = [json.loads(line) for line in trail(tmp_path).records("north")]
    assert [one["customer"] for one in found] == ["north", "north"]


def test_several_can_add_at_a_time_and_the_chain_holds(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: Trail(tmp_path).add("file", {"id": str(number)}), range(80)))
    checked = Trail(tmp_path).checked()
    assert (checked.records, checked.broken) == (80, ())


def test_who_asked_for_an_original_is_in_the_trail(
    tmp_path: Path, make_instance: MakeInstance, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "local_dcm" / "north"
    folder.mkdir(parents=True)
    (tmp_path / "gateway.toml").write_text("[incoming]\nsettle_s = 0.0\n")
    (folder / "dicom_1.dcm").write_bytes(make_instance())
    main(["--home", str(tmp_path), "--json"])
    clean = next((tmp_path / "local_dcm_dicomcleaner" / "north").glob("*.dcm"))
    assert main(["identify", "--home", str(tmp_path), str(pydicom.dcmread(clean).PatientID)]) == 0
    assert "ZQ-4711" in capsys.readouterr().out
    last = json.loads(lines(tmp_path / "state")[-1])
    assert (last["what"], last["kind"], last["customer"]) == ("identify", "patient", "north")
    assert b"4711" not in b"".join(lines(tmp_path / "state"))
