"""Several at work: what comes out is the same, and whoever dies costs nothing, or one file."""

from __future__ import annotations

import hashlib
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
    from collections.abc import Mapping

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
