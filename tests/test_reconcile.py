"""`reconcile` adds up, and names what does not; `retry` puts back what was refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from img_ingestion.backend import EmbeddedBackend
from img_ingestion.backend.misbehaviour import parsed
from img_ingestion.cli import main
from img_ingestion.review.audit import Trail

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import MakeInstance


@pytest.fixture
def home(tmp_path: Path, make_instance: MakeInstance) -> Path:
    """Give a home after a pass: one sent, one a duplicate, one held, one refused."""
    folder = tmp_path / "home"
    customer = folder / "local_dcm" / "north"
    customer.mkdir(parents=True)
    (customer / "Quillfeather.dcm").write_bytes(make_instance())
    (customer / "again.dcm").write_bytes(make_instance())
    (customer / "notes.txt").write_bytes(b"no DICOM")
    refused = make_instance(SeriesInstanceUID="1.2.3", SOPInstanceUID="1.2.3.1", Rows=8, Columns=32)
    (customer / "dicom_2.dcm").write_bytes(refused)
    assert one_pass(folder, tmp_path / "received", 'status=422,only="width":32') == 3
    return folder


def one_pass(home: Path, received: Path, *script: str) -> int:
    with EmbeddedBackend(received, [parsed(each) for each in script]) as url:
        (home / "gateway.toml").write_text(
            f'[backend]\nurl = "{url}"\n[incoming]\nsettle_s = 0.0\n[pixels]\npolicy = "rules"\n'
        )
        return main(["--home", str(home)])


def reconciled(home: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    capsys.readouterr()
    status = main(["reconcile", "--home", str(home)])
    said = capsys.readouterr()
    assert "Quill" not in said.out + said.err
    return status, said.out.splitlines()


SUM = "north: 4 seen = 1 sent + 0 waiting + 2 held + 1 duplicate"


def test_everything_that_was_seen_is_accounted_for(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reconciled(home, capsys) == (0, [SUM, "everything adds up"])


def test_an_empty_home_adds_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reconciled(tmp_path, capsys) == (0, ["everything adds up"])


def gone(pattern: str) -> Callable[[Path], None]:
    return lambda home: next(home.glob(pattern)).unlink()


def changed(pattern: str, more: bytes = b"x") -> Callable[[Path], None]:
    def change(home: Path) -> None:
        path = next(home.glob(pattern))
        content = path.read_bytes()
        path.write_bytes(content[: -len(more)] + more if len(more) == 1 else content + more)

    return change


def with_a_line_end(home: Path) -> None:
    path = next(home.glob("encoded_images/north/*"))
    path.write_bytes(path.read_bytes() + b"\n")


def put(name: str) -> Callable[[Path], None]:
    def stranger(home: Path) -> None:
        (home / name).write_bytes(b"stranger")

    return stranger


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        (gone("encoded_images/north/*"), ".png.txt is missing"),
        (gone("local_dcm_dicomcleaner/north/*.png"), ".png is missing"),
        (gone("local_dcm_dicomcleaner/north/*.dcm"), ".dcm is missing"),
        (changed("encoded_images/north/*"), ".png.txt was altered"),
        (with_a_line_end, ".png.txt was altered"),
        (changed("local_dcm_dicomcleaner/north/*.png"), ".png was altered"),
        (changed("local_dcm_dicomcleaner/north/*.dcm"), ".dcm was altered"),
        (gone("archive/north/*/*/*/*"), "its original is missing from archive/ and quarantine/"),
        (gone("quarantine/north/*.dcm"), "its original is missing from archive/ and quarantine/"),
        (changed("archive/north/*/*/*/*", b"more"), "its original was altered: another size"),
        (put("encoded_images/north/Quill.txt"), "a file that the ledger does not know"),
        (put("quarantine/north/Quill.dcm"), "a file that the ledger does not know"),
    ],
)
def test_what_does_not_add_up_is_named(
    home: Path,
    capsys: pytest.CaptureFixture[str],
    fault: Callable[[Path], None],
    named: str,
) -> None:
    fault(home)
    status, lines = reconciled(home, capsys)
    assert status == 1
    assert lines[0] == SUM
    assert len(lines) == 3
    assert lines[1].endswith(named)
    assert lines[2] == "1 thing does not add up"


def test_a_lost_ledger_is_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "state" / "ledger.sqlite").unlink()
    assert main(["reconcile", "--home", str(home)]) == 4
    assert "ledger.sqlite is gone; put a backup back, and say `rebuild`" in capsys.readouterr().err


def test_a_program_reads_the_account(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["reconcile", "--home", str(home), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0]["account"]["states"] == {"sent": 1, "held": 2, "duplicate": 1}


def test_retry_sends_what_was_refused(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["retry", "--home", str(home)]) == 0
    assert '"what": "retry", "customer": "north"' in list(Trail(home / "state").records())[-1]
    assert capsys.readouterr().out == "1 put back to waiting\n"
    assert one_pass(home, tmp_path / "received") == 0
    _, lines = reconciled(home, capsys)
    assert lines[0] == "north: 4 seen = 2 sent + 0 waiting + 1 held + 1 duplicate"


def test_retry_refuses_an_id_that_nobody_has(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["retry", "Quill", "--home", str(home)]) == 2
    assert "Quill" not in capsys.readouterr().err
