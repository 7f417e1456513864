"""The commands: what they print, what they leave, and how they end."""

from __future__ import annotations

import csv
import fcntl
import json
import os
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections import Counter
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pydicom
import pytest

from img_ingestion import __version__, gathering
from img_ingestion.backend.misbehaviour import Misbehaviour
from img_ingestion.backend.server import EmbeddedBackend
from img_ingestion.cli import main, send
from img_ingestion.lock import only_run
from img_ingestion.review.audit import Trail
from img_ingestion.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import MakeInstance

ROOT = Path(__file__).resolve().parents[1]
PATIENT = re.compile(r"quill|zebedee|ZQ-?4711|19510723|ACC77|thistle|ottoline", re.IGNORECASE)
SETTLED = "[incoming]\nsettle_s = 0.0\ngive_up_s = 0.0\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give a home whose files count as arrived at once."""
    (tmp_path / "local_dcm" / "north").mkdir(parents=True)
    (tmp_path / "gateway.toml").write_text(SETTLED)
    return tmp_path


@pytest.fixture
def url(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the embedded backend, and name it in the home's settings."""
    with EmbeddedBackend(tmp_path_factory.mktemp("received")) as url:
        (home / "gateway.toml").write_text(f'{SETTLED}[backend]\nurl = "{url}"\n')
        yield url


def drop(home: Path, name: str, content: bytes) -> Path:
    path = home / "local_dcm" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def tree(home: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(home)): (
            path.stat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(home.rglob("*"))
    }


def run(home: Path, *words: str) -> int:
    return main(["--home", str(home), *words])


def last(said: str) -> str:
    return said.splitlines()[-1]


def test_an_empty_home_is_done(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(home) == 0
    said = capsys.readouterr()
    assert last(said.out) == "0 seen: 0 sent, 0 waiting, 0 held, 0 duplicate"
    assert said.err == ""


@pytest.mark.usefixtures("url")
def test_a_pass_says_what_it_did_and_adds_up(
    home: Path, capsys: pytest.CaptureFixture[str], make_instance: MakeInstance
) -> None:
    drop(home, "north/dicom_00000005_000.dcm", make_instance())
    drop(home, "north/deep/down/dicom_00000006_000", make_instance())
    drop(home, "north/notes.txt", b"no image at all")
    assert run(home) == 3
    said = capsys.readouterr()
    patterns = [
        r"New images received for processing\.\.\.\.\.",
        r"Scrubbing \./local_dcm/north/dicom_00000005_000\.dcm\.",
        r"Encoding\.\.\.\.\.\. cleaned-dicom_00000005_000\.png \d+",
        r"Held\.\.\.\.\.\.\.\.\.\. \./local_dcm/north/[0-9a-f]{16}\.dcm: not DICOM \(.+\)",
        r"Duplicate\.\.\.\.\. \./local_dcm/north/[0-9a-f]{16}\.dcm: the same as cleaned-dicom_00000005_000",
        r"Sending\.\.\.\.\.\.\. north 2\.25\.\d+ 1 image, 200 ok",
        r"3 seen: 1 sent, 0 waiting, 1 held \(1 not DICOM\), 1 duplicate",
    ]
    lines = said.out.splitlines()
    assert len(lines) == len(patterns)
    for line, pattern in zip(lines, patterns, strict=True):
        assert re.fullmatch(pattern, line)
    assert said.err == ""


@pytest.mark.usefixtures("url")
def test_nothing_printed_or_named_shows_the_patient(
    home: Path, capsys: pytest.CaptureFixture[str], make_instance: MakeInstance
) -> None:
    drop(home, "north/Quillfeather_Zebedee.dcm", make_instance())
    drop(home, "north/ZQ4711/scan.dcm", make_instance(PhotometricInterpretation="Quill"))
    drop(home, "north/Quill.txt", b"Quillfeather^Zebedee")
    drop(home, "north/Quill2.dcm", make_instance(Modality="US", PatientAge="Quill"))
    assert run(home) == 3
    said = capsys.readouterr()
    assert not PATIENT.search(said.out + said.err)
    for folder in ("local_dcm_dicomcleaner", "encoded_images", "quarantine"):
        assert not PATIENT.search("".join(tree(home / folder)))


def test_without_a_backend_everything_but_sending_is_done(
    home: Path, capsys: pytest.CaptureFixture[str], make_instance: MakeInstance
) -> None:
    drop(home, "north/dicom_1.dcm", make_instance())
    assert run(home) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == [
        "No backend configured: nothing is sent; 1 instance waits until [backend] url says where",
        "1 seen: 0 sent, 1 waiting, 0 held, 0 duplicate",
    ]
    assert (home / "encoded_images" / "north" / "cleaned-dicom_1.png.txt").is_file()


def test_a_customer_without_a_backend_does_not_look_like_an_outage(
    home: Path, url: str, capsys: pytest.CaptureFixture[str], make_instance: MakeInstance
) -> None:
    (home / "gateway.toml").write_text(f'{SETTLED}[customers.south.backend]\nurl = "{url}"\n')
    drop(home, "north/dicom_1.dcm", make_instance())
    drop(home, "south/dicom_1.dcm", make_instance())
    assert run(home) == 0
    said = capsys.readouterr().out
    assert "nothing is sent; 1 instance waits" in said
    assert last(said) == "2 seen: 1 sent, 1 waiting, 0 held, 0 duplicate"


def test_an_unavailable_backend_leaves_the_work_waiting(
    home: Path,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
    make_instance: MakeInstance,
) -> None:
    drop(home, "north/dicom_1.dcm", make_instance())
    script = [Misbehaviour(status=503)]
    with EmbeddedBackend(tmp_path_factory.mktemp("received"), script) as url:
        (home / "gateway.toml").write_text(f'{SETTLED}[backend]\nurl = "{url}"\n')
        assert run(home) == 5
        said = capsys.readouterr().out
        assert re.search(r"Waiting\.{7} north 2\.25\.\d+ 1 image, 503", said)
        assert last(said) == "1 seen: 0 sent, 1 waiting, 0 held, 0 duplicate"
        # It is not due again yet, and it is still true that it waits for the backend.
        assert send(["--home", str(home)]) == 5
    assert last(capsys.readouterr().out) == "1 seen: 0 sent, 1 waiting, 0 held, 0 duplicate"


def test_a_refused_image_is_held(
    home: Path,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
    make_instance: MakeInstance,
) -> None:
    drop(home, "north/dicom_1.dcm", make_instance())
    script = [Misbehaviour(status=422)]
    with EmbeddedBackend(tmp_path_factory.mktemp("received"), script) as url:
        (home / "gateway.toml").write_text(f'{SETTLED}[backend]\nurl = "{url}"\n')
        assert run(home) == 3
    assert last(capsys.readouterr().out) == (
        "1 seen: 0 sent, 0 waiting, 1 held (1 refused), 0 duplicate"
    )


def test_filetransfer_sends_what_waits_and_opens_no_customers_file(
    home: Path,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
    make_instance: MakeInstance,
) -> None:
    drop(home, "north/dicom_1.dcm", make_instance())
    assert run(home) == 0
    drop(home, "north/dicom_2.dcm", make_instance(InstanceNumber=2))
    before = tree(home / "local_dcm")
    opened: list[object] = []

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if noting and event == "open" and "local_dcm" in Path(str(arguments[0])).parts:
            opened.append(arguments[0])

    noting = True
    sys.addaudithook(note)
    with EmbeddedBackend(tmp_path_factory.mktemp("received")) as url:
        (home / "gateway.toml").write_text(f'{SETTLED}[backend]\nurl = "{url}"\n')
        assert send(["--home", str(home)]) == 0
    noting = False
    assert last(capsys.readouterr().out) == "1 seen: 1 sent, 0 waiting, 0 held, 0 duplicate"
    assert opened == []
    assert tree(home / "local_dcm") == before


def test_a_dry_run_changes_no_byte(
    home: Path, capsys: pytest.CaptureFixture[str], make_instance: MakeInstance
) -> None:
    drop(home, "north/dicom_1.dcm", make_instance())
    drop(home, "north/notes.txt", b"no image at all")
    before = tree(home)
    assert run(home, "--dry-run") == 3
    assert tree(home) == before
    said = capsys.readouterr().out
    assert "Scrubbing ./local_dcm/north/dicom_1.dcm." in said
    assert "Dry run: no byte was changed and nothing was sent." in said
    assert last(said) == "2 seen: 0 sent, 1 waiting, 1 held (1 not DICOM), 0 duplicate"


def test_a_dry_run_on_a_home_in_use_changes_no_byte(
    home: Path, capsys: pytest.CaptureFixture[str], make_instance: MakeInstance
) -> None:
    drop(home, "north/dicom_1.dcm", make_instance())
    run(home)
    drop(home, "north/dicom_2.dcm", make_instance())
    before = tree(home)
    assert run(home, "--dry-run") == 0
    assert tree(home) == before
    assert "Duplicate" in capsys.readouterr().out


def test_only_the_given_files_are_taken(
    home: Path, capsys: pytest.CaptureFixture[str], make_instance: MakeInstance
) -> None:
    one = drop(home, "north/dicom_1.dcm", make_instance())
    other = drop(home, "north/dicom_2.dcm", make_instance(InstanceNumber=2))
    assert run(home, str(one)) == 0
    assert "1 seen" in capsys.readouterr().out
    assert (one.exists(), other.exists()) == (False, True)


def test_a_file_outside_the_customers_folders_is_wrong_usage(
    home: Path, capsys: pytest.CaptureFixture[str], make_instance: MakeInstance
) -> None:
    stray = home / "dicom_1.dcm"
    stray.write_bytes(make_instance())
    assert run(home, str(stray)) == 2
    assert "local_dcm/CUSTOMER/" in capsys.readouterr().err


def test_wrong_settings_stop_at_the_door(
    home: Path, capsys: pytest.CaptureFixture[str], make_instance: MakeInstance
) -> None:
    drop(home, "north/dicom_1.dcm", make_instance())
    (home / "gateway.toml").write_text("[pixels]\npolicy = 'al'\n")
    before = tree(home)
    assert run(home) == 2
    assert send(["--home", str(home)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("gateway.toml, line 2: pixels.policy: ") == 2
    assert tree(home) == before


def test_a_wrong_recipe_stops_at_the_door(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "deid.dicom").write_text("FORMAT dicom\n\n%header\n\nREMOOVE PatientID\n")
    assert run(home) == 2
    assert "deid.dicom, line 5" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [["--watch", "-1"], ["--watch", "soon"], ["--dry-run", "--watch", "1"], ["--nonsense"]],
)
def test_wrong_usage_is_status_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert "usage: ingestion.py" in capsys.readouterr().err


def test_a_home_that_is_no_folder_is_wrong_usage(tmp_path: Path) -> None:
    assert run(tmp_path / "absent") == 2


def test_a_second_run_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(home)
    with only_run(home / "state"):
        assert run(home) == 6
        assert send(["--home", str(home)]) == 6
    assert "another run" in capsys.readouterr().err


def test_a_full_disk_takes_no_file(
    home: Path, capsys: pytest.CaptureFixture[str], make_instance: MakeInstance
) -> None:
    path = drop(home, "north/dicom_1.dcm", make_instance())
    (home / "gateway.toml").write_text(f"{SETTLED}[limits]\nmin_free_bytes = {2**62}\n")
    assert run(home) == 4
    assert path.exists()
    said = capsys.readouterr()
    assert "no further file is taken" in said.err
    assert last(said.out) == "0 seen: 0 sent, 0 waiting, 0 held, 0 duplicate"


def test_a_damaged_note_stops_the_pass_and_says_so(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(home)
    # A note that no version of this program writes.
    (home / "state" / "in-hand.json").write_text("Quillfeather")
    assert run(home) == 4
    said = capsys.readouterr()
    assert "in-hand.json is damaged" in said.err
    assert "Quill" not in said.out + said.err


def test_the_unforeseen_prints_types_and_no_message(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object) -> object:
        raise LookupError("Quillfeather")

    monkeypatch.setattr("img_ingestion.commands.run.load", broken)
    assert run(home) == 1
    said = capsys.readouterr()
    assert re.match(r"Unforeseen: \w+ at img_ingestion[\w.]+:\d+", said.err)
    assert "Quill" not in said.out + said.err
    assert "Traceback" not in said.err


def test_the_backends_answer_is_matched_at_home(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], make_instance: MakeInstance
) -> None:
    drop(home, "north/dicom_1.dcm", make_instance())
    run(home)
    clean = pydicom.dcmread(home / "local_dcm_dicomcleaner" / "north" / "cleaned-dicom_1.dcm")
    capsys.readouterr()
    assert main(["identify", "--home", str(home), str(clean.PatientID)]) == 0
    assert main(["--home", str(home), "identify", str(clean.StudyInstanceUID)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "north\tpatient\tZQ-4711",
        "north\tstudy\t1.2.826.0.1.3680043.9.9999.1",
    ]
    assert run(home, "identify", "2.25.1") == 2
    out = tmp_path / "all.csv"
    assert run(home, "identify", "--export", str(out)) == 0
    rows = list(csv.reader(out.read_text("utf-8").splitlines()))
    assert rows[0] == ["kind", "original", "pseudonym"]
    assert ["accession", "ACC77", str(clean.AccessionNumber)] in rows
    assert out.stat().st_mode & 0o777 == 0o600


def test_a_file_may_be_named_identify(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    make_instance: MakeInstance,
) -> None:
    path = drop(home, "north/identify", make_instance())
    monkeypatch.chdir(path.parent)
    assert run(home, "./identify") == 0
    assert "1 seen" in capsys.readouterr().out


def test_the_version_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"img_ingestion {__version__}\n"


def test_everything_written_is_closed_to_others(home: Path, make_instance: MakeInstance) -> None:
    drop(home, "north/dicom_1.dcm", make_instance())
    drop(home, "north/notes.txt", b"no image at all")
    run(home)
    ours = [path for path in home.rglob("*") if "local_dcm" not in path.parts]
    modes = {oct(path.stat().st_mode & 0o777) for path in ours if path.name != "gateway.toml"}
    assert modes == {"0o600", "0o700"}


def watching(home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "ingestion.py", "--home", str(home), "--watch", "3600"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def unread(pipe: IO[str]) -> int:
    """Give the bytes that a pipe holds."""
    (count,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))
    return int(count)


@pytest.mark.parametrize(("asked", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_watch_ends_when_it_is_asked_to(
    home: Path, make_instance: MakeInstance, asked: signal.Signals, status: int
) -> None:
    drop(home, "north/dicom_1.dcm", make_instance())
    with watching(home) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if " seen: " in line:
                break
        process.send_signal(asked)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (status, "", "")


def test_a_signal_ends_the_pass_between_two_files(home: Path, make_instance: MakeInstance) -> None:
    dropped = [
        drop(home, f"north/dicom_{number}.dcm", make_instance(InstanceNumber=number))
        for number in range(80)  # more than are entered at a time
    ]
    with watching(home) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(2)]
        process.send_signal(signal.SIGTERM)
        # `communicate` would miss what was read ahead: several are told at a time.
        said += process.stdout
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (143, "")
    done = sum(line.startswith("Scrubbing") for line in said)
    left = [path for path in dropped if path.exists()]
    assert 0 < len(left) == len(dropped) - done
    assert said[-1].strip() == f"{done} seen: 0 sent, {done} waiting, 0 held, 0 duplicate"
    assert run(home) == 0
    cleaned = list((home / "local_dcm_dicomcleaner" / "north").glob("*.dcm"))
    assert len(cleaned) == len(dropped)


def test_what_a_killed_pass_could_not_tell_is_in_the_trail_after_the_next(
    home: Path, make_instance: MakeInstance
) -> None:
    count = 64
    for number in range(count):
        drop(home, f"north/dicom_{number}.dcm", make_instance(InstanceNumber=number))
    with watching(home) as process:
        assert process.stdout is not None
        # Nobody reads: the pipe is full amid the lines of what was entered together.
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
        until = time.monotonic() + 60
        while unread(process.stdout) < 4000 and time.monotonic() < until:
            time.sleep(0.05)
        process.kill()
    trail = home / "state" / "audit.jsonl"
    recorded = trail.read_bytes().splitlines(keepends=True)
    assert recorded
    # None of them was synced yet: with the power, the last ones could be gone as well.
    trail.write_bytes(b"".join(recorded[: len(recorded) // 2]))
    # Its process apart dies with it, but a moment later.
    while (status := run(home)) == 6 and time.monotonic() < until:
        time.sleep(0.05)
    assert status == 0
    records = [json.loads(line) for line in Trail(home / "state").records()]
    files = Counter(one["id"] for one in records if one["what"] == "file")
    assert set(files.values()) == {1}
    assert len(files) == count
    assert {one.get("late") for one in records} == {None, True}
    assert not Trail(home / "state").checked().broken


def test_what_was_entered_together_is_told_to_the_last_when_the_pass_ends_within(
    home: Path,
    make_instance: MakeInstance,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gathering, "PAUSE_S", 60.0)  # both are entered together
    (home / "quarantine").mkdir()
    (home / "quarantine" / "north").touch()  # where the first cannot be put
    dropped = [
        drop(home, "north/first.dcm", b"no image at all"),
        drop(home, "north/dicom_1.dcm", make_instance()),
    ]
    assert run(home, "--max-duration", "0", *map(str, dropped)) == 4
    assert "Scrubbing ./local_dcm/north/dicom_1.dcm." in capsys.readouterr().out
    assert '"outcome": "waiting"' in (home / "state" / "audit.jsonl").read_text()
    assert [path.exists() for path in dropped] == [True, False]


def test_the_doors_work_from_another_folder(home: Path) -> None:
    for door in ("ingestion.py", "filetransfer.py"):
        command = [sys.executable, str(ROOT / door)]
        environment = {**os.environ, "PYTHONWARNINGS": "error"}
        ended = subprocess.run(command, cwd=home, capture_output=True, check=True, env=environment)
        assert ended.stderr == b""


def test_a_tally_counts_the_last_word_about_each() -> None:
    tally = Tally()
    tally.note(["a", "b", "c"], "waiting")
    tally.note(["a"], "sent")
    tally.note(["b"], "held", "refused")
    tally.note(["d"], "duplicate")
    tally.left.extend(["arriving", "skipped", "arriving"])
    assert tally.summary(4) == (
        "7 seen: 1 sent, 4 waiting, 1 held (1 refused), 1 duplicate, 2 still arriving, 1 skipped"
    )


def test_a_pass_goes_on_when_nobody_listens_any_more(
    home: Path, make_instance: MakeInstance
) -> None:
    for number in range(3):
        drop(home, f"north/dicom_{number}.dcm", make_instance(SOPInstanceUID=f"1.2.3.{number}"))
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, str(ROOT / "ingestion.py"), "--home", str(home)]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list((home / "archive").rglob("*.dcm"))) == 3
