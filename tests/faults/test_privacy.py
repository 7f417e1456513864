"""Whatever goes wrong, what identifies the patient stays where originals are kept."""

from __future__ import annotations

import os
import re
import resource
import signal
import stat
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from img_ingestion.backend import EmbeddedBackend
from img_ingestion.discretion import discreet
from tests import planted
from tests.faults.gateway import ROOT, home_at, needs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from img_ingestion.home import Home
    from tests.faults.gateway import Gateway

PIXELS = np.arange(256, dtype="<u2").tobytes()
BURNED_IN = np.random.default_rng(7).integers(0, 4096, 64, "<u2").tobytes()
"""Stands in rows 4 to 7, which the rule hides."""
RULE = "%filter graylist\nLABEL Burned in\n  equals Manufacturer Maker\n  coordinates 0,4,16,8\n"
MARKERS = (
    *(BURNED_IN[at : at + 16] for at in range(0, len(BURNED_IN), 16)),
    *planted.markers(frozenset({"RetainPatientCharacteristics"})),
)
NAME = "ZQPHI99999_Zqpn"
KEY = b"k" * 32
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
    """Give a home whose customers sent markers: in every element, pixels, names and half a file."""
    content = planted.planted().replace(PIXELS, PIXELS[:128] + BURNED_IN + PIXELS[256:])
    assert BURNED_IN in content
    with EmbeddedBackend(tmp_path / "received") as url:
        home = home_at(tmp_path / "home", url)
        for customer, sent in (("north", content), ("south", content[:-99])):
            folder = home.local_dcm / customer / NAME
            folder.mkdir(parents=True)
            (folder / f"{NAME}.dcm").write_bytes(sent)
        (home.local_dcm / "north" / f"{NAME}.txt").write_bytes(b"ZQPHI00001 and Zqpna are no DICOM")
        # Under a key made by chance, a moved date is now and then another date that was planted.
        keys = home.state / "keys"
        keys.mkdir(mode=0o700, exist_ok=True)
        for customer in ("north", "south"):
            (keys / f"{customer}.key").write_bytes(KEY)
            (keys / f"{customer}.key").chmod(0o600)
        recipe = (ROOT / "deid.dicom").read_text()
        (home.root / "deid.dicom").write_text(f"{recipe}\n{RULE}")
        yield home


@pytest.mark.parametrize("inject", FAULTS)
def test_no_marker_is_anywhere_but_in_originals_and_the_vault(
    running: Gateway, home: Home, tmp_path: Path, inject: str
) -> None:
    if inject:
        needs("strace")
    with _watched(running.program.pid) as shown:
        ran = running.run(home, inject)
    assert ran.struck or not inject
    assert len(shown) > (not inject), "the process apart was not seen"
    assert not _markers(b"".join(said for one in shown.values() for said in one))
    assert not _markers(ran.said.encode())
    looked_at = [path for path in _published(home, tmp_path) if not _markers(_seen(path, tmp_path))]
    assert looked_at == list(_published(home, tmp_path))
    assert any(path.parent == home.state for path in looked_at)


def test_what_is_burned_in_is_in_no_picture_and_stays_without_the_rule(
    running: Gateway, home: Home
) -> None:
    running.run(home)
    pictures = [np.asarray(Image.open(path)) for path in home.cleaned.glob("north/*.png")]
    (planted_one,) = [picture for picture in pictures if picture.shape == (16, 16)]
    assert len(np.unique(planted_one[4:8])) == 1
    other = home_at(home.root.with_name("unprotected"))
    (other.local_dcm / "north" / "one.dcm").write_bytes(
        planted.planted().replace(PIXELS, PIXELS[:128] + BURNED_IN + PIXELS[256:])
    )
    running.run(other)
    assert any(BURNED_IN in path.read_bytes() for path in other.cleaned.rglob("*.dcm"))


def test_whoever_runs_the_gateway_leaves_no_core() -> None:
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # A shell's background has it ignored.
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
        with discreet():
            # 0 does not keep one from a program that the kernel pipes it to; 1 does (core(5)).
            if resource.getrlimit(resource.RLIMIT_CORE)[0] == min(1, abs(hard)):
                os.kill(os.getpid(), signal.SIGQUIT)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert not os.WCOREDUMP(status)


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
    assert sorted(open_to_others) == ["deid.dicom", "gateway.toml"]


CREATES = re.compile(r'(?:O_CREAT[^,]*|(?:mkdir(?:at\(AT_FDCWD, )?\(?"[^"]*")), (0[0-7]*)')


def test_nothing_is_open_to_others_for_a_moment(home: Home, tmp_path: Path) -> None:
    needs("strace")
    trace = tmp_path.with_name(f"{tmp_path.name}-trace")
    calls = "trace=umask,open,openat,creat,mkdir,mkdirat,mknod,mknodat,chmod,fchmod,fchmodat"
    strace = ["strace", "-f", "-qq", "-s", "4096", "-e", calls, "-o", str(trace)]
    program = [sys.executable, "-B", str(ROOT / "ingestion.py"), "--home", str(home.root)]
    ran = subprocess.run([*strace, *program], check=False, capture_output=True, umask=0)
    if not trace.exists() or b"PTRACE" in ran.stderr:
        pytest.skip("strace may not trace here")
    mask, made = 0, []
    for line in trace.read_text("utf-8", "surrogateescape").splitlines():
        if asked := re.search(r"umask\((0[0-7]*)\)", line):
            mask = int(asked[1], 8)
        elif str(home.root) in line and (said := CREATES.search(line)):
            made.append(int(said[1], 8) & ~mask)
        elif str(home.root) in line and (said := re.search(r"chmod\w*\(.*, (0[0-7]*)\)", line)):
            made.append(int(said[1], 8))
    assert len(made) > 20, "what is made was not seen"
    assert [oct(mode) for mode in made if mode & (stat.S_IRWXG | stat.S_IRWXO)] == []


@contextmanager
def _watched(program: int) -> Iterator[dict[int, set[bytes]]]:
    """Give what the system shows of the processes below a program, by their ids, as they come."""
    shown: dict[int, set[bytes]] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.005):
            for process in _below(program):
                for name in ("cmdline", "environ", "comm"):
                    with suppress(OSError):
                        said = Path(f"/proc/{process}/{name}").read_bytes()
                        shown.setdefault(process, set()).add(said)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield shown
    finally:
        over.set()
        watcher.join()


def _below(process: int) -> Iterator[int]:
    with suppress(OSError):
        for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
            yield int(child)
            yield from _below(int(child))


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
