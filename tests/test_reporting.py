"""What a pass tells others: metrics, a ping, a log, a page; and how much it takes."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import termios
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from img_ingestion.backend import EmbeddedBackend
from img_ingestion.cli import main
from tests import carriers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import MakeInstance

ROOT = Path(__file__).resolve().parents[1]
Said = pytest.CaptureFixture[str]
SETTLED = "[incoming]\nsettle_s = 0.0\n"
PATIENT = re.compile(r"quill|zebedee|ZQ-?4711|19510723|ACC77|thistle|ottoline", re.IGNORECASE)


@pytest.fixture
def home(tmp_path: Path, make_instance: MakeInstance) -> Path:
    """Give a home with four files of two customers, one of them no image."""
    for number, where in enumerate(("north/dicom_1", "north/dicom_2", "south/dicom_3"), 1):
        path = tmp_path / "home" / "local_dcm" / f"{where}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(make_instance(InstanceNumber=number))
    (tmp_path / "home" / "local_dcm" / "north" / "Quill.txt").write_text("no image at all")
    configured(tmp_path / "home", "")
    return tmp_path / "home"


@pytest.fixture
def watch() -> Iterator[tuple[str, list[str]]]:
    """Run a watch that notes what it is asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/ping/gateway", asked
        server.shutdown()
        thread.join()


def configured(home: Path, reporting: str) -> None:
    (home / "gateway.toml").write_text(f"{SETTLED}[reporting]\n{reporting}\n")


def run(home: Path, *words: str) -> int:
    return main(["--home", str(home), *words])


def test_a_pass_leaves_metrics_that_the_collector_can_read(home: Path) -> None:
    configured(home, 'metrics_file = "gateway.prom"')
    assert run(home) == 3
    path = home / "gateway.prom"
    text = path.read_text("utf-8")
    samples = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert samples["img_ingestion_last_pass_status"] == "3"
    assert samples['img_ingestion_files{state="waiting"}'] == "3"
    assert samples['img_ingestion_held_files{code="NotDicom"}'] == "1"
    assert samples['img_ingestion_pass_files{outcome="waiting",code=""}'] == "3"
    stages = "", ": read", ": identify", ": pixels", ": header", ": verify", ": render", ": write"
    spent = [float(samples[f'img_ingestion_pass_seconds{{stage="clean{one}"}}']) for one in stages]
    assert all(spent)
    assert sum(spent[1:]) < spent[0]
    assert float(samples["img_ingestion_oldest_waiting_timestamp_seconds"]) > time.time() - 600
    assert all(re.fullmatch(r"img_ingestion_\w+(\{[^}]*\})?", name) for name in samples)
    assert not re.search(r"north|south", text)
    assert path.stat().st_mode & 0o777 == 0o644


def test_the_watch_is_told_how_each_pass_ended(home: Path, watch: tuple[str, list[str]]) -> None:
    url, asked = watch
    configured(home, f'ping_url = "{url}"')
    assert run(home) == 3
    assert run(home) == 0
    (home / "state" / "in-hand.json").write_text("broken")
    assert run(home) == 4
    assert run(home, "--dry-run") == 0
    assert asked == [f"/ping/gateway/{status}" for status in (3, 0, 4)]


def test_a_watch_that_does_not_answer_changes_no_status(home: Path, capsys: Said) -> None:
    configured(home, 'ping_url = "http://127.0.0.1:9/ping"')
    assert run(home) == 3
    assert capsys.readouterr().err == "reporting.ping_url: URLError\n"


@pytest.mark.parametrize("url", ["ftp://x.example", "http://x.example/p", "https://a:b@x.example"])
def test_a_ping_goes_nowhere_else(home: Path, url: str, capsys: Said) -> None:
    configured(home, f'ping_url = "{url}"')
    assert run(home) == 2
    assert "ping_url" in capsys.readouterr().err


def test_the_log_is_json_with_ids_and_no_names(home: Path, capsys: Said) -> None:
    configured(home, 'log = "json"')
    assert run(home) == 3
    said = capsys.readouterr()
    records = [json.loads(line) for line in said.err.splitlines()]
    assert len(records) == 5
    assert {one["file"]["outcome"] for one in records[:-1]} == {"waiting", "held"}
    assert all(re.fullmatch("[0-9a-f]{16}", one["file"]["id"]) for one in records[:-1])
    assert "dicom_1" not in said.err
    assert "4 seen: " in said.out


def test_the_page_about_a_pass_shows_what_left_and_needs_nothing_else(
    home: Path, tmp_path: Path
) -> None:
    out = tmp_path / "pass.html"
    assert run(home, "--report", str(out)) == 3
    text = out.read_text("utf-8")
    assert text.count("data:image/png;base64,") == 3
    for words in (
        "north, waiting",
        "CT, waiting",
        "CT Image Storage",
        "not DICOM: no DICM prefix",
        "<svg",
    ):
        assert words in text
    assert not re.search(r"""<script|(src|href)=["'](?!data:)|url\(|@import""", text)
    assert not PATIENT.search(text)


def test_the_page_and_the_metrics_say_how_the_pass_left_its_files(
    home: Path, tmp_path: Path, make_instance: MakeInstance
) -> None:
    plan = carriers.report()
    plan.Modality = "SR"
    (home / "local_dcm" / "south" / "report.dcm").write_bytes(carriers.written(plan))
    unknown = {"Modality": "Quillfeather", "SamplesPerPixel": 7, "SOPInstanceUID": "1.2.3.9"}
    for number, header in enumerate((unknown, {**unknown, "Modality": "MR"})):
        path = home / "local_dcm" / "south" / f"held_{number}.dcm"
        path.write_bytes(make_instance(**header))
    out = tmp_path / "pass.html"
    with EmbeddedBackend(tmp_path / "received") as url:
        settings = (
            f'{SETTLED}[backend]\nurl = "{url}"\n[reporting]\nmetrics_file = "gateway.prom"\n'
        )
        (home / "gateway.toml").write_text(settings)
        assert run(home, "--report", str(out)) == 3
    page = out.read_text("utf-8")
    for words in (
        "north, sent",
        "south, held",
        "CT, sent",
        "SR, held",
        "MR, held",
        "unknown, held",
        "Comprehensive SR Storage, held",
        "no picture: no pixel data",
    ):
        assert words in page
    assert "waiting" not in page
    assert not PATIENT.search(page)
    metrics = (home / "gateway.prom").read_text("utf-8")
    assert 'img_ingestion_pass_files{outcome="sent",code=""} 3' in metrics
    assert 'img_ingestion_pass_files{outcome="held",code="NoPicture"} 1' in metrics


@pytest.mark.parametrize(
    "words", [("--report",), ("audit", "--export"), ("support-bundle",), ("identify", "--export")]
)
def test_what_cannot_be_written_down_is_refused_before_anything_is_done(
    home: Path, words: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*words, str(home / "nowhere" / "page"), "--home", str(home)])
    assert [path.name for path in home.iterdir()] == ["local_dcm", "gateway.toml"]


def test_a_pass_takes_no_more_files_than_asked_and_the_next_goes_on(
    home: Path, capsys: Said
) -> None:
    seen: list[int] = []
    while not seen or seen[-1]:
        capsys.readouterr()
        run(home, "--max-files", "2", "--json")
        said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        seen.append(sum("file" in one for one in said))
    assert seen == [2, 2, 0]


def test_a_pass_ends_when_its_time_is_up(home: Path) -> None:
    run(home, "--max-duration", "0.000001")
    taken = [*(home / "archive").rglob("*.dcm"), *(home / "quarantine").rglob("*.dcm")]
    # What is entered together is told together, and is of one customer.
    assert {path.relative_to(home).parts[1] for path in taken} == {"north"}
    assert list((home / "local_dcm" / "south").iterdir())


def test_only_one_customers_files_are_taken(home: Path, capsys: Said) -> None:
    assert run(home, "--customer", "south") == 0
    assert len(list((home / "local_dcm" / "north").iterdir())) == 3
    assert not list((home / "local_dcm" / "south").iterdir())
    assert run(home, "--customer", "nobody") == 0
    assert "--customer: local_dcm/ has no such folder" in capsys.readouterr().err


def test_young_files_are_left_for_later(home: Path) -> None:
    assert run(home, "--min-age", "3600") == 0
    assert len([path for path in (home / "local_dcm").rglob("*") if path.is_file()]) == 4


def test_files_are_counted_on_a_terminal_and_nowhere_else(home: Path) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    command = [sys.executable, str(ROOT / "ingestion.py"), "--home", str(home)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, check=False)
    os.set_blocking(ours, False)
    drawn = os.read(ours, 1 << 16).decode()
    os.close(ours)
    os.close(theirs)
    assert ended.returncode == 3
    # How often it is drawn is a matter of time: several files are told at once.
    assert re.search(r"[1-4] files \[", drawn)
    assert "files [" not in ended.stdout.decode()
    assert not PATIENT.search(drawn)


def test_watch_makes_pass_after_pass_until_it_is_asked_to_end(home: Path) -> None:
    command = [sys.executable, str(ROOT / "ingestion.py"), "watch", "0", "--home", str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        for line in watching.stdout:
            if " seen: " in line:
                break
        (home / "local_dcm" / "south" / "later.txt").write_text("no image either")
        for line in watching.stdout:
            if line.startswith("Held"):
                break
        watching.terminate()
        assert watching.wait(60) == 143


def test_no_escape_sequence_is_ever_printed(home: Path, capsys: Said) -> None:
    os.environ.pop("NO_COLOR", None)
    run(home)
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err
