"""`explain`: what would become of one file and why, and not a value of it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from img_ingestion.cli import main
from tests import planted

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MakeInstance

Said = pytest.CaptureFixture[str]
PATIENT = re.compile(r"quill|zebedee|ZQ-?4711|19510723|ACC77|thistle|ottoline", re.IGNORECASE)


def explain(home: Path, path: Path, said: Said, *words: str) -> tuple[int, str]:
    said.readouterr()
    status = main(["explain", "--home", str(home), str(path), *words])
    told = said.readouterr()
    assert told.err == ""
    return status, told.out


def test_a_file_that_would_be_sent_is_explained_without_a_value(
    tmp_path: Path, capsys: Said, make_instance: MakeInstance
) -> None:
    path = tmp_path / "local_dcm" / "north" / "Quillfeather.dcm"
    path.parent.mkdir(parents=True)
    path.write_bytes(make_instance())
    before = sorted(tmp_path.rglob("*"))
    status, said = explain(tmp_path, path, capsys)
    assert status == 0
    assert not PATIENT.search(said)
    assert "customer        north" in said
    assert "kind            CT Image Storage" in said
    assert "outcome         would be sent" in said
    wanted = r"\(0010,0010\) PatientName: PN, 20 characters -> PN, .*\[recipe line \d+: .*; Table"
    assert re.search(wanted, said)
    assert '"studyInstanceUid": "2.25.' in said
    assert sorted(tmp_path.rglob("*")) == before


def test_a_held_file_is_explained_too(
    tmp_path: Path, capsys: Said, make_instance: MakeInstance
) -> None:
    path = tmp_path / "one.dcm"
    path.write_bytes(make_instance(SamplesPerPixel=7))
    status, said = explain(tmp_path, path, capsys, "--json")
    found = json.loads(said)
    assert status == 3
    assert found["outcome"] == "held"
    assert found["reason"]
    assert {"PatientName", "PatientID"} <= {one["keyword"] for one in found["changes"]}
    assert not PATIENT.search(said)


def test_what_would_be_hidden_in_a_held_file_is_listed_and_not_drawn(
    tmp_path: Path, capsys: Said, make_instance: MakeInstance
) -> None:
    canvas = np.random.default_rng(4).integers(20, 60, (200, 600), np.uint8)
    cv2.putText(
        canvas, "QUILLFEATHER Z", (60, 90), cv2.FONT_HERSHEY_SIMPLEX, 1, 230, 2, cv2.LINE_AA
    )
    described = {"Rows": 200, "Columns": 600, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    path, out = tmp_path / "one.dcm", tmp_path / "one.html"
    path.write_bytes(make_instance(**described, StudyInstanceUID="", PixelData=canvas.tobytes()))
    status, said = explain(tmp_path, path, capsys, "--html", str(out), "--json")
    found, page = json.loads(said), out.read_text("utf-8")
    assert (status, found["code"]) == (3, "NotAdmitted")
    assert "looks like text" in found["regions"][0]["why"]
    assert "looks like text" in page
    assert "data:image/png" not in page


def test_what_is_no_dicom_is_explained(tmp_path: Path, capsys: Said) -> None:
    path = tmp_path / "one.dcm"
    path.write_bytes(b"Quillfeather" * 100)
    status, said = explain(tmp_path, path, capsys)
    assert status == 3
    assert "NotDicom: no DICM prefix at byte 128" in said
    assert not PATIENT.search(said)


def test_each_change_names_the_row_behind_it_at_every_level(tmp_path: Path, capsys: Said) -> None:
    path = tmp_path / "planted.dcm"
    path.write_bytes(planted.planted())
    _, said = explain(tmp_path, path, capsys, "--json")
    changes = json.loads(said)["changes"]
    assert all(one["rule"] for one in changes)
    assert any("[1].(0010," in one["place"] for one in changes)
    assert any(one["keyword"] == "private" for one in changes)
    assert not [marker for marker in planted.markers(frozenset()) if marker.decode() in said]


def test_the_page_is_one_file_that_needs_nothing_else(
    tmp_path: Path, capsys: Said, make_instance: MakeInstance
) -> None:
    path, out = tmp_path / "one.dcm", tmp_path / "one.html"
    path.write_bytes(make_instance(SeriesDescription="<script>alert(1)</script>"))
    explain(tmp_path, path, capsys, "--html", str(out))
    text = out.read_text("utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert not re.search(r"""<script|(src|href)=["'](?!data:)|url\(|@import""", text)
    assert not PATIENT.search(text)
    assert "data:image/png;base64," in text
    assert out.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("policy", ["all", "identifiers"])
def test_what_is_hidden_and_what_stays_is_drawn_with_its_reason(
    tmp_path: Path, capsys: Said, make_instance: MakeInstance, policy: str
) -> None:
    canvas = np.random.default_rng(4).integers(20, 60, (600, 800), np.uint8)
    for words, place in (
        ("QUILLFEATHER Z", (60, 40)),
        ("ZQ-4711", (60, 300)),
        ("120 KV", (500, 500)),
    ):
        cv2.putText(canvas, words, place, cv2.FONT_HERSHEY_SIMPLEX, 1, 230, 2, cv2.LINE_AA)
    device = {
        "Modality": "US", "Manufacturer": "Philips", "ManufacturerModelName": "EPIQ 7G",
        "Rows": 600, "Columns": 800, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7,
    }  # fmt: skip
    path, out = tmp_path / "one.dcm", tmp_path / "one.html"
    path.write_bytes(make_instance(**device, PixelData=canvas.tobytes()))
    (tmp_path / "gateway.toml").write_text(f'[pixels]\npolicy = "{policy}"\n')
    status, said = explain(tmp_path, path, capsys, "--html", str(out), "--json")
    assert status == 0
    found = json.loads(said)
    reasons = list(dict.fromkeys(one["why"] for one in (*found["regions"], *found["kept"])))
    assert reasons[0] == "hidden: device rule EPIQ 7G"
    assert any(reason.startswith("hidden: looks like text") for reason in reasons)
    assert [one.split(":")[0] for one in reasons].count("kept") == (policy == "identifiers")
    page = out.read_text("utf-8")
    kinds = re.findall(r'<g class="(\w+)"><title>(\d+): ([^<]+)</title><rect', page)
    assert list(dict.fromkeys(reason for _, _, reason in kinds)) == reasons
    assert {kind for kind, _, _ in kinds} >= {"rule", "text"}
    assert [int(number) for _, number, _ in kinds] == list(range(1, len(kinds) + 1))
    assert not PATIENT.search(page + said)


def test_values_are_shown_on_a_terminal_only(
    tmp_path: Path, capsys: Said, make_instance: MakeInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one.dcm"
    path.write_bytes(make_instance())
    assert main(["explain", "--home", str(tmp_path), str(path), "--show-values"]) == 2
    assert "only on a terminal" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    _, said = explain(tmp_path, path, capsys, "--show-values")
    assert "'Quillfeather^Zebedee' -> '" in said
