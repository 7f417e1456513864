"""Places that refuse: nothing is lost, the program says so, and goes on when they are well again."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from img_ingestion.backend import EmbeddedBackend
from img_ingestion.cli import main
from tests.faults.gateway import ROOT, broken, files, home_at, mounted, needs, real, totals
from tests.faults.kills import REFUSALS, refuse_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from img_ingestion.home import Home
    from tests.faults.gateway import Gateway

PLACES = ("local_dcm", "local_dcm_dicomcleaner", "encoded_images", "archive", "quarantine", "state")
STORAGE, HELD = 4, 3
STREAMS = ("stdout", "stderr")


@pytest.fixture
def received(tmp_path: Path) -> Path:
    return tmp_path / "received"


@pytest.fixture
def home(tmp_path: Path, received: Path) -> Iterator[Home]:
    with EmbeddedBackend(received) as url:
        yield home_at(tmp_path / "home", url)


@contextmanager
def _read_only(place: Path) -> Iterator[None]:
    with mounted(place, "--bind", str(place)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], check=True)
        yield


@contextmanager
def _full(place: Path, home: Home) -> Iterator[None]:
    """Put a small file system in a place, and leave no room in it."""
    there = list(place.iterdir())
    with mounted(place, "-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs"):
        assert there == [] or place == home.state
        with (place / "ballast").open("wb", buffering=0) as ballast:
            try:
                while ballast.write(bytes(4096)):
                    pass
            except OSError:
                pass
        yield


def _originals(home: Home) -> list[bytes]:
    kept = [*files(home.local_dcm), *files(home.archive), *home.quarantine.rglob("*.dcm")]
    return sorted(path.read_bytes() for path in kept if path.name != "ballast")


def _completes(running: Gateway, home: Home, received: Path) -> None:
    """Check that what was stopped goes on by itself, and ends as if nothing had been."""
    for _ in range(2):
        running.run(home)
    assert list(broken(home, received)) == []
    assert totals(home) == {"sent": 2, "duplicate": 1, "held": 1}


def _whole(home: Home) -> bool:
    """Tell whether every original is somewhere, once."""
    names = ("CT_small.dcm", "CT_small.dcm", "MR_small.dcm", "MR_truncated.dcm")
    return _originals(home) == sorted(map(real, names))


@pytest.mark.parametrize("name", PLACES)
def test_a_read_only_place_stops_the_taking_and_loses_nothing(
    running: Gateway, home: Home, received: Path, name: str
) -> None:
    needs("mount")
    with _read_only(home.root / name):
        ran = running.run(home)
        assert ran.status == STORAGE, ran.said
        assert _whole(home)
    _completes(running, home, received)


@pytest.mark.parametrize("name", PLACES[1:])
def test_a_full_place_stops_the_taking_and_loses_nothing(
    running: Gateway, home: Home, received: Path, name: str
) -> None:
    needs("mount")
    with _full(home.root / name, home):
        ran = running.run(home)
        assert ran.status == STORAGE, ran.said
        assert "No space left on device" in ran.said
        assert _whole(home)
    _completes(running, home, received)


@pytest.mark.parametrize(
    "inject",
    ["fsync:error=EIO:when=4", "fsync:error=EIO:when=20+", "pwrite64:error=EDQUOT:when=30+"],
)
def test_an_error_of_the_disk_loses_nothing(
    running: Gateway, home: Home, received: Path, inject: str
) -> None:
    needs("strace")
    ran = running.run(home, inject)
    assert ran.struck
    assert ran.status == STORAGE, ran.said
    assert _whole(home)
    _completes(running, home, received)


@contextmanager
def _closed(place: Path) -> Iterator[None]:
    """Take the permission to write away, as an ordinary account has it."""
    before = [(one, one.stat().st_mode) for one in (place, *place.rglob("*")) if one.is_dir()]
    for one, _ in before:
        one.chmod(0o500)
    try:
        yield
    finally:
        for one, mode in before:
            one.chmod(mode)


@pytest.mark.parametrize("name", [name for name in PLACES if name != "state"])
def test_an_ordinary_account_that_may_not_write_stops_and_loses_nothing(
    running: Gateway, home: Home, received: Path, name: str
) -> None:
    with _closed(home.root / name):
        ran = running.run(home, ordinary=True)
        assert ran.status == STORAGE, ran.said
        assert "Permission denied" in ran.said or "cannot be moved" in ran.said
        assert _whole(home)
    running.run(home, ordinary=True)
    assert list(broken(home, received)) == []


def test_a_file_that_an_ordinary_account_may_not_read_is_said_and_the_others_go_on(
    running: Gateway, home: Home
) -> None:
    path = home.local_dcm / "south" / "MR_small.dcm"
    path.chmod(0)
    ran = running.run(home, ordinary=True)
    assert "cannot be read" in ran.said
    assert "still arriving" not in ran.said
    assert totals(home)["sent"] == 1
    path.chmod(0o600)
    running.run(home, ordinary=True)
    assert totals(home)["sent"] == 2


@pytest.mark.parametrize("refusal", REFUSALS)
def test_whatever_refuses_the_next_pass_completes(
    running: Gateway, tmp_path: Path, refusal: str
) -> None:
    needs("strace")
    tally = refuse_at(running, tmp_path, refusal, 9)
    assert (tally.injected, tally.lost) == (1, [])


@pytest.mark.parametrize("error", ["EFBIG", "ENOSPC"])
def test_no_room_for_what_a_file_becomes_stops_the_taking(
    running: Gateway, home: Home, received: Path, error: str
) -> None:
    needs("strace")
    ran = running.run(home, f"write:error={error}:when=8+")
    assert ran.struck
    assert _whole(home)
    _completes(running, home, received)


@pytest.mark.parametrize("shut", [1, 2])
def test_where_what_is_said_cannot_be_written_down_the_taking_stops(
    home: Home, received: Path, shut: int
) -> None:
    command = [sys.executable, str(ROOT / "ingestion.py"), "--home", str(home.root)]
    with Path("/dev/full").open("wb") as full:
        err = full if shut == len(STREAMS) else subprocess.PIPE
        ran = subprocess.run(command, check=False, stdout=full, stderr=err)
    assert ran.returncode == STORAGE
    assert shut == len(STREAMS) or b"writing down what is done: No space left" in ran.stderr
    assert len(files(home.local_dcm)) > 2
    assert _whole(home)
    closed = subprocess.run(["sh", "-c", '"$@" >&- 2>&- <&-', "sh", *command], check=False)
    assert closed.returncode == HELD
    assert list(broken(home, received)) == []


@pytest.mark.parametrize("name", ["metrics", "report"])
def test_where_numbers_or_the_page_cannot_be_written_all_else_is_done(
    running: Gateway, home: Home, received: Path, name: str
) -> None:
    needs("mount")
    place = home.root / "watch"
    place.mkdir()
    with (home.root / "gateway.toml").open("a") as settings:
        settings.write('[reporting]\nmetrics_file = "watch/metrics"\n' if name == "metrics" else "")
    more = [] if name == "metrics" else ["--report", str(place / "report.html")]
    with _read_only(place):
        ran = running.run(home, more=more)
        assert ran.status == STORAGE, ran.said
        assert totals(home) == {"sent": 2, "duplicate": 1, "held": 1}
    running.run(home, more=more)
    assert list(broken(home, received)) == []
    assert len(files(place)) == 1


def test_what_cannot_be_noted_in_the_trail_is_not_done(home: Home, running: Gateway) -> None:
    needs("mount")
    running.run(home)
    one = next(home.quarantine.rglob("*.dcm"))
    with _read_only(home.state):
        for command in (["held", "reject", one.stem], ["offboard", "north", "--confirm"]):
            assert main([*command, "--home", str(home.root)]) == STORAGE
    assert one.exists()
    assert (home.state / "keys" / "north.key").exists()


def test_below_the_low_water_mark_nothing_is_taken(running: Gateway, home: Home) -> None:
    settings = home.root / "gateway.toml"
    text = settings.read_text()
    settings.write_text(text.replace("min_free_bytes = 0", f"min_free_bytes = {1 << 60}"))
    before = files(home.local_dcm)
    ran = running.run(home)
    assert ran.status == STORAGE
    assert "min_free_bytes" in ran.said
    assert files(home.local_dcm) == before
    assert files(home.cleaned) == []


def test_what_a_cut_pass_left_in_a_place_that_refuses_stops_its_customer_only(
    running: Gateway, home: Home, received: Path
) -> None:
    needs("mount")
    half = home.cleaned / "south" / "cleaned-MR_small.dcm"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    (half.parent / ".in-hand-0123").write_bytes(b"half")
    note = {"in_hand": [["south", "MR_small"], ["north", "nothing"]]}
    (home.state / "in-hand.json").write_text(json.dumps(note))
    with _read_only(half.parent):
        for _ in range(2):
            ran = running.run(home)
            assert ran.status == STORAGE
            assert "south: " in ran.said
            assert half.exists()
        assert totals(home)["sent"] == 1
        assert not list((home.local_dcm / "north").rglob("*.dcm"))
    _completes(running, home, received)


@pytest.mark.parametrize("name", ["local_dcm", "local_dcm_dicomcleaner", "archive", "quarantine"])
def test_when_one_customers_place_refuses_the_others_go_on(
    running: Gateway, home: Home, received: Path, name: str
) -> None:
    needs("mount")
    (home.root / name / "south").mkdir(exist_ok=True)
    with _read_only(home.root / name / "south"):
        ran = running.run(home)
        assert ran.status == STORAGE
        assert "south: " in ran.said
        assert "north: " not in ran.said
        assert totals(home)["sent"] >= 1
        assert not list((home.local_dcm / "north").rglob("*.dcm"))
        assert _whole(home)
    _completes(running, home, received)
