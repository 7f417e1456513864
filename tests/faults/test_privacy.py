"""Whatever goes wrong, what identifies the patient stays where originals are kept."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from img_ingestion.backend import EmbeddedBackend
from tests import planted
from tests.faults.gateway import home_at, needs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from img_ingestion.home import Home
    from tests.faults.gateway import Gateway

MARKERS = tuple(planted.markers(frozenset({"RetainPatientCharacteristics"})))
NAME = "ZQPHI99999_Zqpn"
FAULTS = [
    "",
    "fsync:error=EIO:when=6",
    "fsync:error=EIO:when=25+",
    "pwrite64:error=ENOSPC:when=20+",
    "rename:signal=SIGKILL:when=5",
    "fsync,fdatasync:signal=SIGKILL:when=19",
    "write:signal=SIGSEGV:when=9",
]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Give a home whose customers sent a marker in every element, in the names and in half a file."""
    with EmbeddedBackend(tmp_path / "received") as url:
        home = home_at(tmp_path / "home", url)
        for customer, content in (("north", planted.planted()), ("south", planted.planted()[:-99])):
            folder = home.local_dcm / customer / NAME
            folder.mkdir(parents=True)
            (folder / f"{NAME}.dcm").write_bytes(content)
        (home.local_dcm / "north" / f"{NAME}.txt").write_bytes(b"ZQPHI00001 and Zqpna are no DICOM")
        yield home


@pytest.mark.parametrize("inject", FAULTS)
def test_no_marker_is_anywhere_but_in_originals_and_the_vault(
    running: Gateway, home: Home, tmp_path: Path, inject: str
) -> None:
    if inject:
        needs("strace")
    ran = running.run(home, inject)
    assert ran.struck or not inject
    assert not _markers(ran.said.encode())
    looked_at = [path for path in _published(home, tmp_path) if not _markers(_seen(path, tmp_path))]
    assert looked_at == list(_published(home, tmp_path))
    assert any(path.parent == home.state for path in looked_at)


@pytest.mark.parametrize("inject", FAULTS)
def test_nothing_that_is_written_can_be_read_by_others(
    running: Gateway, home: Home, inject: str
) -> None:
    if inject:
        needs("strace")
    running.run(home, inject)
    ours = [path for path in home.root.rglob("*") if home.local_dcm not in (path, *path.parents)]
    theirs = stat.S_IRWXG | stat.S_IRWXO
    open_to_others = [path.name for path in ours if stat.S_IMODE(path.stat().st_mode) & theirs]
    assert open_to_others == ["gateway.toml"]


def _published(home: Home, scratch: Path) -> Iterator[Path]:
    """Give every file but the originals that customers sent and that are kept, and the vault."""
    kept = (home.local_dcm, home.archive)
    for path in sorted(scratch.rglob("*")):
        original = any(folder in path.parents for folder in kept)
        original = original or (home.quarantine in path.parents and path.suffix != ".json")
        if path.is_file() and not original and not path.name.startswith("vault.sqlite"):
            yield path


def _seen(path: Path, scratch: Path) -> bytes:
    return bytes(path.relative_to(scratch)) + path.read_bytes()


def _markers(content: bytes) -> list[bytes]:
    return [marker for marker in MARKERS if marker in content]
