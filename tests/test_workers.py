"""Several at work: what comes out is the same, and whoever dies costs nothing, or one file."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from img_ingestion.crew import Crew
from img_ingestion.deidentify import policy, recipe
from img_ingestion.instance import ReceivedInstance
from img_ingestion.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.conftest import MakeInstance

ROOT = Path(__file__).resolve().parents[1]
KEY = b"k" * 32
FILES = 12
PATIENCE_S = 60


@pytest.fixture
def dropped(tmp_path: Path, make_instance: MakeInstance) -> Path:
    """Give a home with films of two customers, two of them identical, and a text."""
    for number in range(FILES):
        place = tmp_path / "local_dcm" / f"customer_{number % 2}" / f"image_{number}.dcm"
        place.parent.mkdir(parents=True, exist_ok=True)
        uid = f"1.2.826.0.1.3680043.9.9999.1.1.{number}"
        place.write_bytes(make_instance(SOPInstanceUID=uid, InstanceNumber=number))
    twin = tmp_path / "local_dcm" / "customer_0" / "image_twin.dcm"
    twin.write_bytes(make_instance(SOPInstanceUID=uid[:-2] + "10", InstanceNumber=10))
    (tmp_path / "local_dcm" / "customer_1" / "letter.txt").write_bytes(b"no image")
    (tmp_path / "gateway.toml").write_text('[incoming]\nsettle_s = 0\n[pixels]\npolicy = "rules"\n')
    return tmp_path


def _command(home: Path, *more: str) -> list[str]:
    return [sys.executable, str(ROOT / "ingestion.py"), "--home", str(home), *more]


def _pass(home: Path, *more: str) -> str:
    """Make a pass; give its last line."""
    done = subprocess.run(_command(home, *more), capture_output=True, text=True, check=False)
    return (done.stdout.splitlines() or [done.stderr])[-1]


def _digests(home: Path) -> list[str]:
    folders = (home / "local_dcm_dicomcleaner", home / "encoded_images")
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)


def test_two_workers_make_the_same_bytes_as_one(dropped: Path, tmp_path_factory: Any) -> None:  # noqa: ANN401
    other = tmp_path_factory.mktemp("other")
    subprocess.run(["/bin/cp", "-a", f"{dropped}/.", other], check=True)
    (dropped / "state" / "keys").mkdir(parents=True, mode=0o700)
    for number in (0, 1):
        key = dropped / "state" / "keys" / f"customer_{number}.key"
        key.write_bytes(KEY)
        key.chmod(0o600)
    subprocess.run(["/bin/cp", "-a", f"{dropped}/state", other], check=True)
    alone, together = _pass(dropped), _pass(other, "--workers", "2")
    assert alone == together
    assert f"{FILES + 2} seen: 0 sent, {FILES} waiting, 1 held (1 not DICOM), 1 dupl" in together
    assert _digests(dropped) == _digests(other)
    assert not list(other.rglob(".in-hand-*"))


def _misbehaving(request: Mapping[str, Any], content: bytes) -> Mapping[str, Any]:
    if content == b"die":
        os.kill(os.getpid(), signal.SIGKILL)
    if content == b"hang":
        time.sleep(PATIENCE_S)
    return {"id": request["id"]}


def test_a_dead_and_a_hanging_worker_cost_the_file_that_they_had() -> None:
    rules = recipe.load(ROOT / "deid.dicom")
    limits = Settings().limits.model_copy(update={"max_wall_s": 1.0})
    mine = policy("c", Settings(limits=limits), rules, KEY)
    answers: dict[str, Any] = {}
    with Crew(_misbehaving, 3) as crew:
        for number, content in enumerate((b"die", b"well", b"hang", b"well", b"die", b"well")):
            one = ReceivedInstance(str(number), "c", Path("x"), content, "")
            if not crew.free:
                answers.update([crew.ended()])
            crew.begin(one, mine)
        while len(answers) < 6:
            answers.update([crew.ended()])
    assert {one for one, answer in answers.items() if "error" not in answer} == {"1", "3", "5"}
    assert {answers[one]["error"] for one in "024"} == {"TooLarge"}


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[int]]]:
    """Start a scheduler and two workers, processes of their own; give address and pids."""
    pytest.importorskip("distributed", reason="requirements-dask.txt is not installed")
    scratch = tmp_path_factory.mktemp("cluster")
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> None:
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", *words, "--host", "127.0.0.1", "--no-dashboard"],
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                cwd=scratch,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )

    try:
        told = scratch / "scheduler.json"
        words = ("--port", "0", "--scheduler-file", str(told))
        start("distributed.cli.dask_scheduler", *words)
        until = time.monotonic() + PATIENCE_S
        while not (told.exists() and told.stat().st_size) and time.monotonic() < until:
            time.sleep(0.1)
        address = json.loads(told.read_text())["address"]
        for number in range(2):
            own = ("--nthreads", "1", "--no-nanny", "--local-directory", str(scratch / str(number)))
            start("distributed.cli.dask_worker", address, *own)
        yield address, [process.pid for process in started]
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()


def test_a_cluster_that_loses_a_worker_midway_loses_no_file(
    cluster: tuple[str, list[int]], dropped: Path
) -> None:
    address, (_, worker, _) = cluster
    with subprocess.Popen(
        _command(dropped, "--dask", address), stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        lines = []
        for line in program.stdout:
            lines.append(line)
            if line.startswith("Encoding") and worker:
                os.kill(worker, signal.SIGKILL)
                worker = 0
    assert f"{FILES + 2} seen: 0 sent, {FILES} waiting, 1 held" in lines[-1]
    assert _pass(dropped).startswith(f"{FILES} seen: 0 sent, {FILES} waiting, 0 held, 0 dupl")
    assert not list(dropped.rglob(".in-hand-*"))
    assert not [path for path in (dropped / "local_dcm").rglob("*") if path.is_file()]


def test_a_cluster_that_does_not_answer_is_said_before_anything_is_opened(dropped: Path) -> None:
    pytest.importorskip("distributed", reason="requirements-dask.txt is not installed")
    with (dropped / "gateway.toml").open("a") as settings:
        settings.write("[dask]\npatience_s = 1\n")
    for address in ("tcp://127.0.0.1:9", "tcp://192.0.2.1:8786", "tls://127.0.0.1:9"):
        program = _command(dropped, "--dask", address)
        done = subprocess.run(program, capture_output=True, text=True, check=False)
        assert done.returncode == 2, done.stderr
        assert "--dask" in done.stderr
    assert not [path for path in (dropped / "archive").rglob("*") if path.is_file()]
