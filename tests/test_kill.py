"""
Kill -9 at every durable step: the next pass completes, and everything adds up.

Run as a program, this file makes passes: it loads everything once, forks a child for each pass,
and lets a child kill itself before its Nth step on the disk.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from mmap import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from img_ingestion.deidentify import recipe
from img_ingestion.errors import AlreadyRunning
from img_ingestion.home import Home
from img_ingestion.ingest import ingest
from img_ingestion.ledger import Ledger
from img_ingestion.lock import only_run
from img_ingestion.settings import Incoming, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from img_ingestion.deidentify.recipe import Recipe

ROOT = Path(__file__).resolve().parents[1]
STEPS = ("fsync", "replace", "rename", "unlink", "mkdir")
"""What a pass asks of the disk by way of `os`; sqlite's own calls are strace's part."""

DROPPED = {
    "customer_1/CT_small.dcm": "CT_small.dcm",
    "customer_1/again/CT_small.dcm": "CT_small.dcm",
    "customer_1/MR_small.dcm": "MR_small.dcm",
    "customer_2/MR_truncated.dcm": "MR_truncated.dcm",
}
EXPECTED = Counter(waiting=2, duplicate=1, held=1)


def _make_pass(home: Home, site: Recipe) -> None:
    # What the killed pass did apart may need a moment to be gone, and keeps the lock until then.
    with _turn(home), Ledger.open(home.state) as ledger:
        for _ in ingest(home, Settings(incoming=Incoming(settle_s=0, give_up_s=0)), site, ledger):
            pass


@contextmanager
def _turn(home: Home) -> Iterator[None]:
    for last in [False] * 50 + [True]:
        try:
            with only_run(home.state):
                yield
                return
        except AlreadyRunning:
            if last:
                raise
            time.sleep(0.02)


def _die_before_step(fatal: int) -> None:
    """Count this pass' steps on the disk, also those made apart, and kill it before one of them."""
    program, steps = os.getpid(), mmap(-1, 8)

    def counted(step: Callable[..., Any]) -> Callable[..., Any]:
        def stepping(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 (any call of os)
            taken = int.from_bytes(steps[:], "big") + 1
            steps[:] = taken.to_bytes(8, "big")
            if taken == fatal:
                os.kill(program, signal.SIGKILL)
                signal.pause()  # The process apart goes with the program.
            return step(*arguments, **named)

        return stepping

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))


def _serve() -> None:
    """Make the passes that standard input asks for, each in a child; tell how it ended."""
    site = recipe.load(ROOT / "deid.dicom")
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _die_before_step(asked["before_step"])
            _make_pass(Home(Path(asked["home"])), site)
            os._exit(0)
        if asked["after_s"]:
            time.sleep(asked["after_s"])
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 (the answer)


@dataclass(frozen=True)
class Passes:
    """The program at work."""

    program: subprocess.Popen[str]

    def make(self, home: Home, before_step: int = 0, after_s: float = 0.0) -> int:
        """Have a pass made; give its exit status, negative for a signal."""
        assert self.program.stdin is not None
        assert self.program.stdout is not None
        asked = {"home": str(home.root), "before_step": before_step, "after_s": after_s}
        print(json.dumps(asked), file=self.program.stdin, flush=True)
        return int(self.program.stdout.readline())


@pytest.fixture(scope="module")
def passes() -> Iterator[Passes]:
    with subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as program:
        yield Passes(program)


def _home(root: Path) -> Home:
    shutil.rmtree(root, ignore_errors=True)
    home = Home(root)
    home.prepare()
    for place, name in DROPPED.items():
        path = home.local_dcm / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_real(name))
    return home


def _real(name: str) -> bytes:
    return Path(str(get_testdata_file(name, download=False))).read_bytes()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _check(home: Home) -> None:
    """Check that everything is where it belongs, once and whole, and nothing else is there."""
    assert _files(home.local_dcm) == []
    with Ledger.open(home.state) as ledger:
        assert ledger.totals() == EXPECTED
        data = {image.data for one in ledger.waiting(now=0) for image in one.images}
        assert ledger.connection.execute("SELECT min(archived) FROM file").fetchone() == (1,)
    assert set(_files(home.encoded)) == data
    for text in data:
        picture = home.cleaned / text.relative_to(home.encoded).with_suffix("")
        assert base64.b64decode(text.read_bytes(), validate=True) == picture.read_bytes()
        Image.open(BytesIO(picture.read_bytes())).verify()
        assert pydicom.dcmread(picture.with_suffix(".dcm")).pixel_array.size
    assert len(_files(home.cleaned)) == 2 * len(data)
    kept = [path.read_bytes() for path in (*_files(home.archive), *home.quarantine.rglob("*.dcm"))]
    assert sorted(kept) == sorted(_real(name) for name in DROPPED.values())
    assert len(_files(home.quarantine)) == 2
    assert [path.name for path in _files(home.root) if path.name.startswith(".")] == []
    assert not (home.state / "in-hand.json").exists()


def test_a_pass_that_nobody_kills_completes(passes: Passes, tmp_path: Path) -> None:
    home = _home(tmp_path / "home")
    assert passes.make(home) == 0
    _check(home)


def test_killed_before_any_step_on_the_disk_the_next_pass_completes(
    passes: Passes, tmp_path: Path
) -> None:
    for step in itertools.count(1):
        home = _home(tmp_path / "home")
        if passes.make(home, before_step=step) == 0:
            break
        assert passes.make(home) == 0, step
        _check(home)
    assert step > 70, "the steps were not counted"


def test_killed_twice_the_third_pass_completes(passes: Passes, tmp_path: Path) -> None:
    chance = random.Random(6)  # noqa: S311 (which steps, not a secret)
    for _ in range(20):
        home = _home(tmp_path / "home")
        passes.make(home, before_step=chance.randrange(1, 80))
        passes.make(home, before_step=chance.randrange(1, 60))
        assert passes.make(home) == 0
        _check(home)


def test_killed_at_any_time_the_next_pass_completes(passes: Passes, tmp_path: Path) -> None:
    home = _home(tmp_path / "home")
    began = time.monotonic()
    passes.make(home)
    whole_s = time.monotonic() - began
    chance = random.Random(9)  # noqa: S311 (when, not a secret)
    for _ in range(20):
        home = _home(tmp_path / "home")
        passes.make(home, after_s=chance.uniform(0.001, whole_s))
        assert passes.make(home) == 0
        _check(home)


@pytest.mark.parametrize(
    ("call", "number"),
    [
        ("fdatasync,fsync", 9),
        ("fdatasync,fsync", 20),
        ("fdatasync,fsync", 33),
        ("pwrite64", 9),
        ("pwrite64", 30),
        ("unlink", 4),
        ("unlink", 9),
    ],
)
def test_killed_within_the_ledgers_own_writing_the_next_pass_completes(
    passes: Passes, tmp_path: Path, call: str, number: int
) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    home = _home(tmp_path / "home")
    inject = f"inject={call}:signal=SIGKILL:when={number}"
    program = subprocess.run(
        [
            *("strace", "-f", "-qq", "-o", str(tmp_path / "trace")),
            *("-e", f"trace={call}", "-e", inject),
            *(sys.executable, __file__),
        ],
        input=json.dumps({"home": str(home.root), "before_step": 0, "after_s": 0}),
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    if "SIGKILL" not in (tmp_path / "trace").read_text():
        pytest.skip("strace may not trace here")
    assert program.stdout.strip() == "-9"
    assert passes.make(home) == 0
    _check(home)


def test_a_second_run_ends_at_once_and_takes_nothing(passes: Passes, tmp_path: Path) -> None:
    home = _home(tmp_path / "home")
    with only_run(home.state):
        assert passes.make(home) != 0
    assert len(_files(home.local_dcm)) == len(DROPPED)
    assert passes.make(home) == 0
    _check(home)


if __name__ == "__main__":
    _serve()
