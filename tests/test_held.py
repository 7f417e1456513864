"""What is held: listed, tried again, kept back; and where the gateway stands."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from img_ingestion.cli import main
from img_ingestion.lock import only_run

if TYPE_CHECKING:
    from tests.conftest import MakeInstance

Said = pytest.CaptureFixture[str]


@pytest.fixture
def home(tmp_path: Path, make_instance: MakeInstance) -> Path:
    """Give a home after a pass: one file waits, two are held."""
    folder = tmp_path / "local_dcm" / "north"
    folder.mkdir(parents=True)
    (tmp_path / "gateway.toml").write_text("[incoming]\nsettle_s = 0.0\n")
    (folder / "dicom_1.dcm").write_bytes(make_instance())
    (folder / "Quillfeather.txt").write_bytes(b"no image at all")
    (tmp_path / "local_dcm" / "stray.dcm").write_bytes(make_instance(InstanceNumber=2))
    main(["--home", str(tmp_path)])
    return tmp_path


def run(home: Path, *words: str) -> int:
    return main(["--home", str(home), *words])


def held(home: Path, said: Said) -> dict[str, str]:
    said.readouterr()
    assert run(home, "held", "list", "--json") == 0
    return {one["code"]: one["id"] for one in json.loads(said.readouterr().out)["held"]}


def test_the_list_says_what_is_held_and_why(home: Path, capsys: Said) -> None:
    capsys.readouterr()
    assert run(home, "held") == 0
    said = capsys.readouterr().out
    assert "NotDicom: no DICM prefix at byte 128" in said
    assert "NotAdmitted: no customer folder" in said
    assert "Quill" not in said


def test_one_of_them_can_be_shown(home: Path, capsys: Said) -> None:
    one = held(home, capsys)["NotDicom"]
    assert run(home, "held", "show", one) == 0
    said = capsys.readouterr().out
    assert Path(said.splitlines()[1].strip()).read_bytes() == b"no image at all"


def test_a_released_file_is_taken_anew_and_counted_once(home: Path, capsys: Said) -> None:
    one = held(home, capsys)["NotAdmitted"]
    assert run(home, "held", "release", one) == 1
    assert "whose is it?" in capsys.readouterr().err
    assert run(home, "held", "release", one, "--to", "south") == 0
    assert (home / "local_dcm" / "south" / f"{one}.dcm").exists()
    assert list((home / "quarantine" / "_unassigned").iterdir()) == []
    assert run(home) == 0
    assert set(held(home, capsys)) == {"NotDicom"}
    assert len(list((home / "local_dcm_dicomcleaner" / "south").glob("*.dcm"))) == 1


def test_a_release_that_was_cut_short_is_finished_by_the_next(home: Path, capsys: Said) -> None:
    one = held(home, capsys)["NotDicom"]
    (home / "quarantine" / "north" / f"{one}.dcm").rename(
        home / "local_dcm" / "north" / f"{one}.dcm"
    )
    assert run(home, "held", "release", one) == 0
    assert one not in held(home, capsys).values()


def test_a_rejected_file_stays_and_is_asked_about_no_more(home: Path, capsys: Said) -> None:
    one = held(home, capsys)["NotDicom"]
    assert run(home, "held", "reject", "--code", "NotDicom") == 0
    assert set(held(home, capsys)) == {"NotAdmitted"}
    assert (home / "quarantine" / "north" / f"{one}.dcm").exists()
    assert run(home, "held", "list", "--rejected") == 0
    assert "(rejected)" in capsys.readouterr().out
    assert run(home, "held", "release", one) == 0


def test_the_list_can_be_written_down(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "held.csv"
    assert run(home, "held", "export", str(out)) == 0
    rows = list(csv.DictReader(out.read_text("utf-8").splitlines()))
    assert {row["code"] for row in rows} == {"NotDicom", "NotAdmitted"}
    assert out.stat().st_mode & 0o777 == 0o600


def test_nothing_is_decided_by_mistake(home: Path, capsys: Said) -> None:
    assert run(home, "held", "release") == 2
    assert run(home, "held", "show") == 2
    assert run(home, "held", "reject", "0" * 16) == 2
    assert "nothing of this id is held" in capsys.readouterr().err
    with only_run(home / "state"):
        assert run(home, "held", "reject", "--code", "NotDicom") == 6


def test_every_decision_is_in_the_audit_trail(home: Path, capsys: Said) -> None:
    ids = held(home, capsys)
    run(home, "held", "release", ids["NotDicom"])
    run(home, "held", "reject", ids["NotAdmitted"])
    text = (home / "state" / "audit.jsonl").read_text("utf-8")
    records = [json.loads(line) for line in text.splitlines()]
    assert [one["what"] for one in records] == ["file", "file", "file", "pass", "release", "reject"]
    assert "Quill" not in text
    assert "stray" not in text


def test_status_says_where_the_gateway_stands(home: Path, capsys: Said) -> None:
    capsys.readouterr()
    before = sorted(path.stat().st_mtime_ns for path in home.rglob("*"))
    with only_run(home / "state"):
        assert run(home, "status", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["states"] == {"waiting": 1, "held": 2}
    assert found["held"] == {"NotDicom": 1, "NotAdmitted": 1}
    assert found["oldest_waiting"] > 0
    assert found["last_success"] is None
    assert run(home, "status") == 0
    assert "customer        north: 1 held, 1 waiting" in capsys.readouterr().out
    assert sorted(path.stat().st_mtime_ns for path in home.rglob("*")) == before


def test_status_says_why_something_waits_and_until_when(home: Path, capsys: Said) -> None:
    settings = '[backend]\nurl = "http://127.0.0.1:9"\n'
    (home / "gateway.toml").write_text(settings)
    assert run(home, "send") == 5
    capsys.readouterr()
    assert run(home, "status") == 0
    said = capsys.readouterr().out
    assert "waiting         1 for backend: network: connection refused" in said
    assert re.search(r"next attempt    \d{4}-.* \(in \d+ s\)", said)


def test_status_of_an_empty_home_makes_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, "status") == 0
    assert list(tmp_path.iterdir()) == []
