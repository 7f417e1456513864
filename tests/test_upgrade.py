"""Two versions of the program at one home: a roll-out without downtime, and the way back."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from img_ingestion import turns
from img_ingestion.backend import EmbeddedBackend
from img_ingestion.ending import Ending
from img_ingestion.errors import AlreadyRunning
from img_ingestion.home import Home
from img_ingestion.ledger import Ledger, schema
from img_ingestion.ledger_access import LedgerAccess
from img_ingestion.lock import only_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import MakeInstance

ROOT = Path(__file__).resolve().parents[1]
OLDER, OLDER_SHARED = "f722818cd545", "03f534fbfbf9"
"""Commits of this project: the version that is replaced; the second can share a ledger."""
PARTS = ("img_ingestion", "ingestion.py", "deid.dicom", "gateway_bundle.yaml")
NEXT_YEAR = """
    (
        "CREATE TABLE next_year (at REAL)",
        "ALTER TABLE file ADD COLUMN next_year REAL NOT NULL DEFAULT 0",
    ),"""
PATIENCE_S = 60.0
SAID = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the program as it was at an older commit."""
    return at(OLDER, tmp_path_factory.mktemp("older"))


def at(commit: str, tree: Path) -> Path:
    """Put the program there as it was at a commit."""
    packed = subprocess.run(
        ["git", "archive", commit, *PARTS], cwd=ROOT, capture_output=True, check=False
    )
    if packed.returncode:
        pytest.skip("the older commit is not in this checkout")
    subprocess.run(["tar", "-x", "-C", str(tree)], input=packed.stdout, check=True)
    return tree


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give this program with one more version of the ledger, as one of next year has it."""
    tree = tmp_path_factory.mktemp("newer")
    shutil.copytree(ROOT / PARTS[0], tree / PARTS[0], ignore=shutil.ignore_patterns("__pycache__"))
    for part in PARTS[1:]:
        shutil.copy(ROOT / part, tree)
    schema = tree / "img_ingestion" / "ledger" / "schema.py"
    text = schema.read_text("utf-8")
    end = '\n)\n"""Statements that lead from version N'
    assert text.count(end) == 1
    schema.write_text(text.replace(end, NEXT_YEAR + end))
    return tree


@pytest.fixture
def home(tmp_path: Path, make_instance: MakeInstance) -> Iterator[Path]:
    """Give a home that sends to a backend beside it."""
    with EmbeddedBackend(tmp_path / "received") as url:
        (tmp_path / "local_dcm" / "north").mkdir(parents=True)
        settings = (
            f'[incoming]\nsettle_s = 0\n[pixels]\npolicy = "rules"\n[backend]\nurl = "{url}"\n'
        )
        (tmp_path / "gateway.toml").write_text(settings)
        drop(tmp_path, make_instance, 1)
        yield tmp_path


def drop(home: Path, make_instance: MakeInstance, number: int) -> None:
    uid = f"1.2.826.0.1.3680043.9.9999.1.1.{number}"
    path = home / "local_dcm" / "north" / f"image_{number}.dcm"
    path.with_suffix(".tmp").write_bytes(make_instance(SOPInstanceUID=uid, InstanceNumber=number))
    path.with_suffix(".tmp").rename(path)


def command(tree: Path, home: Path, *words: str) -> list[str]:
    return [sys.executable, str(tree / "ingestion.py"), "--home", str(home), *words]


def said(tree: Path, home: Path, *words: str) -> tuple[int, str]:
    ended = subprocess.run(command(tree, home, *words), **SAID, check=False)  # type: ignore[call-overload]
    return ended.returncode, ended.stdout


def arrived(home: Path) -> list[str]:
    """Give the UID of each image that the backend took, as often as it took it."""
    bodies = [path.read_text("utf-8") for path in home.glob("received/*/body.json")]
    return [image["imageInstanceUid"] for body in bodies for image in json.loads(body)["images"]]


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_new_version_stands_ready_while_the_old_one_ends_and_no_file_is_lost_or_sent_twice(
    older: Path, home: Path, make_instance: MakeInstance
) -> None:
    watch = ("--watch", "0.2")
    with subprocess.Popen(command(older, home, *watch), **SAID) as old:  # type: ignore[call-overload]
        until(lambda: len(arrived(home)) == 1)
        with subprocess.Popen(command(ROOT, home, *watch), **SAID) as new:  # type: ignore[call-overload]
            drop(home, make_instance, 2)
            until(lambda: len(arrived(home)) == 2)
            # What a probe asks the new one for, while it stands by.
            assert said(ROOT, home, "status")[0] == 0
            assert new.poll() is None
            old.send_signal(signal.SIGTERM)
            assert old.wait(PATIENCE_S) == 128 + signal.SIGTERM
            drop(home, make_instance, 3)
            until(lambda: len(arrived(home)) == 3)
            new.send_signal(signal.SIGTERM)
            assert new.wait(PATIENCE_S) == 128 + signal.SIGTERM
    assert len(set(arrived(home))) == 3
    status, text = said(ROOT, home, "reconcile")
    assert status == 0, text


def test_a_rollback_to_an_older_ledger_loses_nothing_and_sends_nothing_twice(
    newer: Path, home: Path, make_instance: MakeInstance
) -> None:
    assert said(ROOT, home)[0] == 0
    before = {path.name for path in (home / "state").iterdir()}
    drop(home, make_instance, 2)
    assert said(newer, home)[0] == 0
    (kept,) = {path.name for path in (home / "state").glob("ledger-*")} - before
    for words in ((), ("status",), ("--watch", "1")):
        status, text = said(ROOT, home, *words)
        assert status == 2
        assert "written by a newer program" in text

    os.replace(home / "state" / kept, home / "state" / "ledger.sqlite")  # noqa: PTH105 (as `mv` does)
    drop(home, make_instance, 3)
    assert said(ROOT, home, "rebuild")[0] == 0
    assert said(ROOT, home)[0] == 0
    assert len(arrived(home)) == len(set(arrived(home))) == 3
    assert said(ROOT, home, "reconcile")[0] == 0
    assert "sent            3" in said(ROOT, home, "status")[1]


def test_two_versions_share_one_queue_in_a_database_and_the_older_one_can_come_back(
    newer: Path,
    home: Path,
    postgres: str,
    make_instance: MakeInstance,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    from tests.postgres import PASSWORD, database  # noqa: PLC0415 (it may not be installed)

    old_tree = at(OLDER_SHARED, tmp_path_factory.mktemp("older_shared"))
    where = database(postgres)
    (home / "password").write_text(PASSWORD)
    with (home / "gateway.toml").open("a") as settings:
        settings.write(f'[ledger]\nurl = "postgresql://{where}"\npassword_file = "password"\n')
    with subprocess.Popen(command(old_tree, home, "--watch", "0.1"), **SAID) as old:  # type: ignore[call-overload]
        until(lambda: len(arrived(home)) == 1)
        # Its tables change while the older one is at work.
        with subprocess.Popen(command(newer, home, "--watch", "0.1"), **SAID) as new:  # type: ignore[call-overload]
            for number in range(2, 9):
                drop(home, make_instance, number)
                time.sleep(0.2)
            until(lambda: len(arrived(home)) == 8)
            assert (old.poll(), new.poll()) == (None, None)
            for number in range(9, 13):
                drop(home, make_instance, number)
            old.kill()
            until(lambda: len(arrived(home)) == 12)
            new.send_signal(signal.SIGTERM)
            assert new.wait(PATIENCE_S) == 128 + signal.SIGTERM
    drop(home, make_instance, 13)
    assert said(old_tree, home)[0] == 0
    assert len(arrived(home)) == len(set(arrived(home))) == 13
    assert said(newer, home, "reconcile")[0] == 0
    access = LedgerAccess(url=f"postgresql://{where}", password=SecretStr(PASSWORD))
    with Ledger.open(home / "state", access) as ledger:
        assert ledger.totals() == {"sent": 13}
        ledger.connection.execute("SELECT next_year FROM file")
        ledger.connection.execute("UPDATE about SET oldest = version")
    status, text = said(old_tree, home)
    assert status == 2
    assert "written by a newer program" in text


def test_what_migrations_do_since_then_the_older_program_can_stand() -> None:
    harmless = re.compile(
        r"\s*(CREATE (TABLE|INDEX)|ALTER TABLE \w+ ADD COLUMN .* DEFAULT)\b", re.DOTALL
    )
    shared = pytest.importorskip("img_ingestion.ledger.shared")
    since = [one for step in schema.MIGRATIONS[shared.OLDEST :] for one in step]
    assert all(harmless.match(one) for one in since), "raise OLDEST"


def test_who_stands_by_can_be_ended(tmp_path: Path) -> None:
    home, end = Home(tmp_path), Ending()
    home.prepare()
    end.note(signal.SIGTERM, None)
    with (
        only_run(home.state),
        pytest.raises(AlreadyRunning),
        turns.turn(home, LedgerAccess(), patient=end),
    ):
        pass
