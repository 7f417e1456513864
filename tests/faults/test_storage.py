"""Places that refuse: nothing is lost, the program says so, and goes on when they are well again."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from img_ingestion.backend import EmbeddedBackend
from tests.faults.gateway import broken, files, home_at, mounted, needs, real, totals

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from img_ingestion.home import Home
    from tests.faults.gateway import Gateway

PLACES = ("local_dcm", "local_dcm_dicomcleaner", "encoded_images", "archive", "quarantine", "state")
STORAGE = 4


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


@pytest.mark.parametrize("name", ["local_dcm_dicomcleaner", "encoded_images", "archive"])
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


@contextmanager
def _forbidden(place: Path) -> Iterator[None]:
    """Take the permission to change a folder away, even from root."""
    folders = [str(place), *(str(one) for one in place.rglob("*") if one.is_dir())]
    if subprocess.run(["chattr", "+i", *folders], capture_output=True, check=False).returncode:
        pytest.skip("this file system, or this account, knows no immutable folders")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", *folders], check=True)


@pytest.mark.parametrize("name", PLACES)
def test_a_place_without_permission_stops_the_taking_and_loses_nothing(
    running: Gateway, home: Home, received: Path, name: str
) -> None:
    needs("chattr")
    with _forbidden(home.root / name):
        ran = running.run(home)
        assert ran.status == STORAGE, ran.said
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
