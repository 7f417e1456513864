"""Zip archives: taken file by file where a site asks for it, as a whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile

import pytest

from img_ingestion.arrival import Arrival
from img_ingestion.cli import main
from img_ingestion.home import Home
from img_ingestion.ledger import Ledger
from img_ingestion.settings_file import load
from img_ingestion.sources import sources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conftest import MakeInstance

ROOT = Path(__file__).resolve().parents[1]
BASE = '[pixels]\npolicy = "rules"\n[incoming]\nsettle_s = 0.0\nunpack_zip = true\n{}\n'


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "local_dcm" / "north").mkdir(parents=True)
    (tmp_path / "gateway.toml").write_text(BASE.format(""))
    return tmp_path


@pytest.fixture
def images(make_instance: MakeInstance) -> list[bytes]:
    return [make_instance(SOPInstanceUID=f"1.2.3.{number}") for number in range(4)]


def zipped(files: Mapping[str, bytes], compression: int = ZIP_DEFLATED) -> bytes:
    buffer = BytesIO()
    with ZipFile(buffer, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def drop(home: Path, content: bytes, name: str = "study.zip") -> Path:
    path = home / "local_dcm" / "north" / name
    path.write_bytes(content)
    return path


def totals(home: Path) -> dict[str, int]:
    with Ledger.open(home / "state") as ledger:
        return dict(ledger.totals())


def originals(home: Path, folder: str) -> list[bytes]:
    paths = (home / folder).rglob("*")
    return sorted(one.read_bytes() for one in paths if one.is_file() and one.suffix != ".json")


def test_each_file_of_an_archive_ends_in_its_own_state_and_the_archive_is_gone(
    home: Path, images: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    nested = zipped({"inner.dcm": images[3]})
    files = {
        "Quillfeather^Zed/one.dcm": images[0],
        "../../../up.dcm": images[1],
        "/etc/absolute": images[2],
        "again\\one.dcm": images[0],
        "folder/": b"",
        "notes.txt": b"no image at all",
        "nested.ZIP": nested,
        "empty": b"",
        "..": b"words",
    }
    path = drop(home, zipped(files))
    assert main(["--home", str(home)]) == 3
    assert totals(home) == {"waiting": 3, "duplicate": 1, "held": 4}
    assert not path.exists()
    assert originals(home, "archive") == sorted([*images[:3], images[0]])
    assert originals(home, "quarantine") == sorted([b"no image at all", nested, b"", b"words"])
    assert main(["--home", str(home), "reconcile"]) == 0
    assert "Quill" not in capsys.readouterr().out
    assert not (home.parent / "up.dcm").exists()


def test_unless_asked_an_archive_is_one_file_that_is_no_image(
    home: Path, images: list[bytes]
) -> None:
    (home / "gateway.toml").write_text("[incoming]\nsettle_s = 0.0\n")
    content = zipped({"one.dcm": images[0]})
    drop(home, content)
    assert main(["--home", str(home)]) == 3
    assert totals(home) == {"held": 1}
    assert originals(home, "quarantine") == [content]


def encrypted(content: bytes) -> bytes:
    """Set the bits that say so."""
    archive = bytearray(zipped({"one.dcm": content}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = archive.index(signature) + offset
        archive[at] |= 1
    return bytes(archive)


def lying(content: bytes) -> bytes:
    """Say that a file is shorter than it is."""
    archive = bytearray(zipped({"one.dcm": content}))
    at = archive.index(b"PK\x01\x02") + 24
    archive[at : at + 4] = struct.pack("<I", 100)
    return bytes(archive)


def overlapping() -> bytes:
    """Let a thousand files share the same bytes."""
    archive = zipped({"one": os.urandom(10_000)})
    at, end = archive.index(b"PK\x01\x02"), archive.index(b"PK\x05\x06")
    entry, tail = archive[at:end], bytearray(archive[end:])
    tail[8:16] = struct.pack("<HHI", 1000, 1000, len(entry) * 1000)
    return archive[:at] + entry * 1000 + bytes(tail)


@pytest.mark.parametrize(
    ("kind", "words", "code"),
    [
        ("bomb", "max_zip_ratio = 50", "TooLarge"),
        ("many", "max_zip_files = 3", "TooLarge"),
        ("plain", "\n[limits]\nmax_unpacked_bytes = 5000", "TooLarge"),
        ("overlapping", "", "TooLarge"),
        ("encrypted", "", "NotAdmitted"),
        ("bzip2", "", "NotAdmitted"),
        ("lying", "", "NotAdmitted"),
        ("damaged", "", "NotAdmitted"),
        ("none", "", "NotAdmitted"),
        ("half", "", "Incomplete"),
        ("words", "", "Incomplete"),
    ],
)
def test_an_archive_that_cannot_be_taken_in_full_is_held_in_full(
    home: Path, images: list[bytes], kind: str, words: str, code: str
) -> None:
    plain = zipped({f"{number}.dcm": one for number, one in enumerate(images)})
    middle = len(plain) // 2
    content = {
        "bomb": zipped({"one.dcm": images[0], "zeros": bytes(3_000_000)}),
        "many": plain,
        "plain": plain,
        "overlapping": overlapping(),
        "encrypted": encrypted(images[0]),
        "bzip2": zipped({"one.dcm": images[0]}, ZIP_BZIP2),
        "lying": lying(images[0]),
        "damaged": plain[:middle] + bytes([plain[middle] ^ 1]) + plain[middle + 1 :],
        "none": zipped({"folder/": b""}),
        "half": plain[:middle],
        "words": b"no archive at all",
    }[kind]
    drop(home, content)
    (home / "gateway.toml").write_text(BASE.format(words))
    assert main(["--home", str(home)]) == 3
    with Ledger.open(home / "state") as ledger:
        rows = ledger.connection.execute("SELECT state, code FROM file").fetchall()
    assert rows == [("held", code)]
    assert originals(home, "quarantine") == [content]
    assert originals(home, "local_dcm") == []


def test_an_archive_stays_until_its_last_file_has_its_place(
    home: Path, images: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    path = drop(home, zipped({f"{number}.dcm": one for number, one in enumerate(images)}))
    for _ in range(2):
        assert path.exists()
        assert main(["--home", str(home), "--max-files", "2"]) == 0
    assert "4 seen: 0 sent, 4 waiting" in capsys.readouterr().out
    assert main(["--home", str(home)]) == 0
    assert not path.exists()
    assert totals(home) == {"waiting": 4}
    assert originals(home, "archive") == sorted(images)
    # The same archive once more: nothing new in it, and it is gone as well.
    drop(home, zipped({f"{number}.dcm": one for number, one in enumerate(images)}))
    assert main(["--home", str(home)]) == 0
    assert totals(home) == {"waiting": 4, "duplicate": 4}
    assert not path.exists()


def test_files_may_be_put_away_in_any_order_and_another_archive_of_the_name_stays(
    home: Path, images: list[bytes]
) -> None:
    path = drop(home, zipped({f"{number}.dcm": one for number, one in enumerate(images)}))
    (source,) = sources(Home(home), load(home), bytes(32))[1:]
    arrivals = [one for one in source.arrivals() if isinstance(one, Arrival)]
    assert [hashlib.sha256(one).hexdigest() for one in images] == [
        one.received.sha256 for one in arrivals
    ]
    other = zipped({"other.dcm": images[0]})
    for number, one in enumerate(reversed(arrivals)):
        assert path.exists()
        if number == len(arrivals) - 1:
            path.unlink()
            path.write_bytes(other)
        assert source.put_away(one, home / "archive" / f"{number}.dcm")
    assert path.read_bytes() == other


def test_one_archive_can_be_named_on_the_command_line(home: Path, images: list[bytes]) -> None:
    path = drop(home, zipped({"one.dcm": images[0]}), "STUDY.ZIP")
    other = drop(home, images[1], "two.dcm")
    assert main(["--home", str(home), str(path)]) == 0
    assert totals(home) == {"waiting": 1}
    assert other.exists()


def test_what_the_zip_program_writes_is_taken(home: Path, images: list[bytes]) -> None:
    program = shutil.which("zip") or shutil.which("7z")
    if program is None:
        pytest.skip("neither zip nor 7z is installed")
    folder = home / "study"
    folder.mkdir()
    for number, content in enumerate(images):
        (folder / f"Bild {number} ü.dcm").write_bytes(content)
    options = ["-qr"] if program.endswith("zip") else ["a", "-tzip"]
    target = home / "local_dcm" / "north" / "a.zip"
    subprocess.run([program, *options, target, "study"], cwd=home, check=True, capture_output=True)
    assert main(["--home", str(home)]) == 0
    assert totals(home) == {"waiting": 4}


def test_killed_at_any_time_nothing_of_an_archive_is_lost_or_taken_twice(
    home: Path, images: list[bytes]
) -> None:
    path = drop(home, zipped({f"{number}.dcm": one for number, one in enumerate(images)}))
    command = [sys.executable, str(ROOT / "ingestion.py"), "--home", str(home)]
    for least in (1, 3):
        while len(originals(home, "archive")) < least:
            silent = subprocess.DEVNULL
            with subprocess.Popen(command, stdout=silent, stderr=silent) as program:
                while program.poll() is None and len(originals(home, "archive")) < least:
                    time.sleep(0.002)
                program.kill()
    time.sleep(0.5)
    assert main(["--home", str(home)]) == 0
    assert not path.exists()
    assert totals(home) == {"waiting": 4}
    assert originals(home, "archive") == sorted(images)
    assert main(["--home", str(home), "reconcile"]) == 0
