"""What was sent goes when the operator says so, and nothing else ever does."""

from __future__ import annotations

import shutil
import time
from hashlib import sha256
from typing import TYPE_CHECKING

import pydicom
import pytest

from img_ingestion import durable
from img_ingestion.backend import EmbeddedBackend
from img_ingestion.cli import main
from img_ingestion.errors import StorageError
from img_ingestion.home import Home
from tests.faults.gateway import files, home_at, totals

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MakeInstance

DAY_S = 86400.0
ALL = """
[retention.archive]
keep_days = 30
[retention.local_dcm_dicomcleaner]
keep_days = 30
[retention.encoded_images]
keep_days = 30
"""


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a home with two images sent, one held, one duplicate; nobody changes this one."""
    scratch = tmp_path_factory.mktemp("sent")
    with EmbeddedBackend(scratch / "received") as url:
        home = home_at(scratch / "home", url)
        main(["--home", str(home.root)])
    return home.root


@pytest.fixture
def home(sent: Path, tmp_path: Path) -> Home:
    return Home(shutil.copytree(sent, tmp_path / "home"))


def _run(home: Home, *arguments: str) -> int:
    return main([*arguments, "--home", str(home.root)])


def _say(home: Home, policy: str) -> None:
    path = home.root / "gateway.toml"
    path.write_text(path.read_text() + policy)


def _later(monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    now = time.time() + days * DAY_S
    monkeypatch.setattr("img_ingestion.commands.prune.time.time", lambda: now)


def _kept(home: Home) -> list[Path]:
    return [path for path in files(home.root) if path.suffix != ".jsonl"]


def test_nothing_goes_unless_the_settings_say_so(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(home.root)
    _later(monkeypatch, 10_000)
    assert _run(home, "prune") == 0
    assert files(home.root) == before


def test_what_was_sent_goes_after_its_time_and_the_books_still_balance(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _say(home, ALL)
    before, counts = _kept(home), totals(home)
    assert _run(home, "prune") == 0
    assert _kept(home) == before
    _later(monkeypatch, 31)
    assert _run(home, "prune", "--dry-run") == 0
    assert _kept(home) == before
    assert "would go" in capsys.readouterr().out
    assert _run(home, "prune") == 0
    assert files(home.archive) == files(home.cleaned) == files(home.encoded) == []
    assert len(list(home.quarantine.rglob("*.dcm"))) == counts["held"] == 1
    assert totals(home) == counts
    for command in ("reconcile", "verify"):
        assert _run(home, command) == 0


def test_what_was_pruned_and_comes_again_is_known(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (original,) = [path for path in files(home.archive / "south") if path.is_file()]
    content = original.read_bytes()
    _say(home, ALL)
    _later(monkeypatch, 31)
    _run(home, "prune")
    (home.local_dcm / "south" / "again.dcm").write_bytes(content)
    _run(home)
    assert "Duplicate" in capsys.readouterr().out


def test_a_customer_may_be_kept_longer_than_the_others(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    _say(home, ALL + "[customers.south.retention.archive]\nkeep_days = 365\n")
    _later(monkeypatch, 31)
    _run(home, "prune")
    assert not files(home.archive / "north")
    assert files(home.archive / "south")


def test_above_its_room_a_customers_oldest_goes(home: Home) -> None:
    (first, *_) = sorted(files(home.archive / "north"))
    room = sum(path.stat().st_size for path in files(home.archive / "north")) - 1
    _say(home, f"[retention.archive]\nkeep_gb = {room / 1e9:.9f}\n")
    _run(home, "prune")
    assert len(files(home.archive / "north")) == 1
    assert first.parent.is_dir()


def test_what_is_not_what_it_was_stays_and_is_said(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = files(home.archive / "south")
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert _run(home, "verify") == 1
    assert "another content" in capsys.readouterr().out
    _say(home, ALL)
    _later(monkeypatch, 31)
    assert _run(home, "prune") == 1
    assert path.exists()


def test_a_prune_that_was_cut_short_is_ended_by_the_next(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    _say(home, ALL)
    _later(monkeypatch, 31)

    def refuse(_: object) -> None:
        raise StorageError("removing: No such luck")

    with monkeypatch.context() as patch:
        patch.setattr(durable, "remove", refuse)
        assert _run(home, "prune") == 4
    assert _run(home, "reconcile") == 1
    assert _run(home, "prune") == 0
    assert _run(home, "reconcile") == 0


def test_what_waits_is_never_pruned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_instance: MakeInstance
) -> None:
    home = home_at(tmp_path / "home")
    (home.local_dcm / "north" / "image_1.dcm").write_bytes(make_instance())
    _run(home)
    _say(home, ALL)
    before = _kept(home)
    _later(monkeypatch, 10_000)
    assert _run(home, "prune") == 0
    assert _kept(home) == before


def test_off_boarding_destroys_the_link_for_good(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = sha256(files(home.archive / "north")[0].read_bytes()).hexdigest()
    pseudonym = pydicom.dcmread(next((home.cleaned / "north").glob("*.dcm"))).PatientID
    vault, key = home.state / "vault.sqlite", home.state / "keys" / "north.key"
    secret = key.read_bytes()
    assert _run(home, "identify", pseudonym) == 0
    original = capsys.readouterr().out.split("\t")[-1].strip()
    assert _run(home, "offboard", "north") == 2
    assert key.read_bytes() == secret
    assert _run(home, "offboard", "north", "--confirm") == 0
    assert not key.exists()
    assert original.encode() not in vault.read_bytes()
    assert _run(home, "identify", pseudonym) == 2
    state = b"".join(path.read_bytes() for path in files(home.state))
    assert digest.encode() not in state
    assert b'"what": "offboard"' in state
    for command in ("reconcile", "verify"):
        assert _run(home, command) == 0
    assert (home.state / "keys" / "south.key").exists()


def test_off_boarding_waits_for_what_waits(home: Home, make_instance: MakeInstance) -> None:
    (home.local_dcm / "north" / "image_1.dcm").write_bytes(make_instance())
    assert _run(home, "offboard", "north", "--confirm") == 2
    assert _run(home, "offboard", "nobody", "--confirm") == 2
    assert (home.state / "keys" / "north.key").exists()
