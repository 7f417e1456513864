"""A Dask cluster cleans: whoever dies costs nothing, and whoever cannot is found out first."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import certificates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import MakeInstance

pytest.importorskip("distributed", reason="requirements-dask.txt is not installed")
ROOT = Path(__file__).resolve().parents[1]
FILES = 8
PATIENCE_S = 60


@pytest.fixture
def dropped(tmp_path: Path, make_instance: MakeInstance) -> Path:
    """Give a home with films and a text."""
    (tmp_path / "local_dcm" / "north").mkdir(parents=True)
    for number in range(FILES):
        place = tmp_path / "local_dcm" / "north" / f"image_{number}.dcm"
        uid = f"1.2.826.0.1.3680043.9.9999.1.1.{number}"
        place.write_bytes(make_instance(SOPInstanceUID=uid, InstanceNumber=number))
    (tmp_path / "local_dcm" / "north" / "letter.txt").write_bytes(b"no image")
    settle(tmp_path)
    return tmp_path


def settle(home: Path, dask: str = "patience_s = 30") -> None:
    (home / "gateway.toml").write_text(
        f'[incoming]\nsettle_s = 0\n[pixels]\npolicy = "rules"\n[dask]\n{dask}\n'
    )


def left(home: Path) -> int:
    """Count what lies where customers put it."""
    return sum(path.is_file() for path in (home / "local_dcm").rglob("*"))


def command(home: Path, *more: str) -> list[str]:
    return [sys.executable, str(ROOT / "ingestion.py"), "--home", str(home), *more]


def said(home: Path, *more: str) -> tuple[int, str]:
    """Make a pass; give its status and its last line."""
    done = subprocess.run(command(home, *more), capture_output=True, text=True, check=False)
    return done.returncode, (done.stderr or done.stdout).splitlines()[-1]


@dataclass
class Site:
    """Schedulers and workers, each a process of its own."""

    scratch: Path
    options: tuple[str, ...] = ()
    knows: str = str(ROOT)
    """Where it finds our program."""
    address: str = ""
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *words: str) -> None:
        local = ("--host", "127.0.0.1", "--no-dashboard", *self.options)
        self.started.append(
            subprocess.Popen(
                [sys.executable, "-m", *words, *local],
                env=os.environ | {"PYTHONPATH": self.knows},
                cwd=self.scratch,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )

    def schedule(self) -> None:
        told = self.scratch / "scheduler.json"
        self.start("distributed.cli.dask_scheduler", "--port", "0", "--scheduler-file", str(told))
        until = time.monotonic() + PATIENCE_S
        while not (told.exists() and told.stat().st_size) and time.monotonic() < until:
            time.sleep(0.1)
        self.address = json.loads(told.read_text())["address"]

    def work(self) -> None:
        own = self.scratch / str(len(self.started))
        words = ("--nthreads", "1", "--no-nanny", "--local-directory", str(own))
        self.start("distributed.cli.dask_worker", self.address, *words)


@contextmanager
def site(scratch: Path, workers: int, *options: str, knows: str = str(ROOT)) -> Iterator[Site]:
    there = Site(scratch, options, knows)
    try:
        there.schedule()
        for _ in range(workers):
            there.work()
        yield there
    finally:
        for process in reversed(there.started):
            process.kill()
            process.wait()


def passed(home: Path, there: Site, victim: int) -> tuple[int, str]:
    """Make a pass; once files are in hand kill one of the processes. Give status and last line."""
    words = command(home, "--dask", there.address)
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as program:
        assert program.stdout is not None
        cleaned = home / "local_dcm_dicomcleaner"
        while not list(cleaned.rglob(".in-hand-*")) and program.poll() is None:
            time.sleep(0.01)
        there.started[victim].kill()
        there.started[victim].wait()
        lines = list(program.stdout)
    return program.returncode, lines[-1]


def test_a_cluster_that_loses_a_worker_or_its_scheduler_midway_loses_no_file(
    dropped: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with site(tmp_path_factory.mktemp("one"), 2) as there:
        status, line = passed(dropped, there, 0)
        assert status == 4, line
        assert line.startswith(f"{FILES + 1 - left(dropped)} seen: ")
        assert left(dropped)
    with site(tmp_path_factory.mktemp("other"), 2) as there:
        status, line = passed(dropped, there, 1)
        assert (status, left(dropped)) == (3, 0)
    status, line = said(dropped)
    assert line.startswith(f"{FILES} seen: 0 sent, {FILES} waiting, 0 held")
    assert said(dropped, "reconcile")[0] == 0
    assert not list(dropped.rglob(".in-hand-*"))


def test_a_cluster_without_this_program_is_refused_before_a_file_is_touched(
    dropped: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    older = tmp_path_factory.mktemp("older")
    package = Path("img_ingestion")
    shutil.copytree(ROOT / package, older / package, ignore=shutil.ignore_patterns("__pycache__"))
    (older / package / "__init__.py").write_text('__version__ = "0.0.1"\n')
    for knows, words in (("", "does not have this program"), (str(older), "another version")):
        with site(tmp_path_factory.mktemp("site"), 1, knows=knows) as there:
            status, line = said(dropped, "--dask", there.address)
        assert status == 2
        assert words in line
        assert left(dropped) == FILES + 1


def test_both_sides_show_certificates_of_our_authority_or_nothing_is_begun(
    dropped: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = certificates.issued(dropped, "there", "here")
    certificates.made(folder)
    options = (
        *("--protocol", "tls"),
        *("--tls-ca-file", str(folder / "authority.pem")),
        *("--tls-cert", str(folder / "there.pem"), "--tls-key", str(folder / "there.key")),
    )
    with site(tmp_path_factory.mktemp("tls"), 1, *options) as there:
        assert there.address.startswith("tls://127.0.0.1:")
        for authority, name in (("authority", "ours"), ("right", "here")):
            words = f'ca_file = "{authority}.pem"\ncertificate = "{name}.pem"\n'
            settle(dropped, f'{words}certificate_key = "{name}.key"\npatience_s = 3\n')
            status, line = said(dropped, "--dask", there.address)
            assert status == 2
            assert "no scheduler, or no worker of it, answers" in line
            assert left(dropped) == FILES + 1
        settle(dropped, words.replace("right", "authority") + 'certificate_key = "here.key"')
        # A folder other than the home: the files of the settings are the home's.
        assert said(dropped, "--dask", there.address)[0] == 3
    assert left(dropped) == 0


def test_a_cluster_that_does_not_answer_is_said_before_anything_is_opened(dropped: Path) -> None:
    settle(dropped, "patience_s = 1")
    for address in ("tcp://127.0.0.1:9", "tcp://192.0.2.1:8786", "tls://127.0.0.1:9"):
        status, line = said(dropped, "--dask", address)
        assert status == 2
        assert "--dask" in line
    assert left(dropped) == FILES + 1
