"""Originals that are encrypted where they stay: never lost, never there in plain."""

from __future__ import annotations

import itertools
import shutil
import signal
import subprocess
import sys
from hashlib import sha256
from typing import TYPE_CHECKING

import pydicom
import pyrage
import pytest

from img_ingestion import sealing, unsealing
from img_ingestion.cli import main
from img_ingestion.errors import SettingsError
from img_ingestion.ledger import Ledger
from img_ingestion.originals import Originals
from img_ingestion.settings import Settings
from tests.faults.gateway import (
    broken,
    files,
    identity,
    mounted,
    needs,
    real,
    sealed_home,
    totals,
)

if TYPE_CHECKING:
    from pathlib import Path

    from img_ingestion.home import Home
    from tests.faults.gateway import Gateway

HELD = 3
STEP_APART = 25
"""`bench/faults.py` kills at each."""
BAD_SETTINGS = 2
PLAIN_WORDS = (b"CompressedSamples", b"CT_small", b"No DICOM, but Quillfeather")
Said = pytest.CaptureFixture[str]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return sealed_home(tmp_path / "home")


def run(home: Home, *words: str) -> int:
    return main([*words, "--home", str(home.root)])


def originals(home: Home) -> list[Path]:
    return [*files(home.archive), *home.quarantine.rglob("*.dcm*")]


def drop(home: Home, name: str = "notes.txt", content: bytes = PLAIN_WORDS[2]) -> None:
    (home.local_dcm / "north" / name).write_bytes(content)


def test_no_original_is_there_in_plain(home: Home) -> None:
    drop(home)
    (home.local_dcm / "south" / "half.dcm").unlink()
    assert run(home) == HELD
    kept = originals(home)
    assert len(kept) == 4
    for path in kept:
        assert path.name[sealing.ID_LENGTH :] == ".dcm.age"
        assert path.stat().st_mode & 0o777 == 0o600
        assert not [words for words in PLAIN_WORDS if words in path.read_bytes()]
    assert files(home.unsealed) == []
    assert files(home.local_dcm) == []
    found = sorted(unsealing.content(home, path) for path in kept)
    assert found == sorted([real("CT_small.dcm")] * 2 + [real("MR_small.dcm"), PLAIN_WORDS[2]])
    assert sorted(map(len, found)) == sorted(map(sealing.size, kept))


def test_age_itself_opens_them(home: Home) -> None:
    needs("age")
    run(home)
    command = ["age", "-d", "-i", str(identity(home)), str(files(home.archive)[0])]
    opened = subprocess.run(command, capture_output=True, check=True)
    assert opened.stdout in {real("CT_small.dcm"), real("MR_small.dcm")}


def test_half_a_file_stays_open_to_who_writes_it(home: Home) -> None:
    whole = real("MR_small.dcm")
    (home.local_dcm / "south" / "half.dcm").unlink()
    with (home.local_dcm / "south" / "slow.dcm").open("wb") as slow:
        slow.write(whole[:5000])
        slow.flush()
        run(home)
        slow.write(whole[5000:])
    run(home)
    assert whole in [unsealing.content(home, path) for path in files(home.archive)]
    assert totals(home)["held"] == 0


def test_with_and_without_can_be_mixed(home: Home, capsys: Said) -> None:
    settings = (home.root / "gateway.toml").read_text()
    (home.root / "gateway.toml").write_text(settings.partition("[archive]")[0])
    run(home)
    (home.root / "gateway.toml").write_text(settings)
    drop(home)
    drop(home, "again.dcm", real("CT_small.dcm"))
    run(home)
    kept = [path.name.endswith(".age") for path in originals(home)]
    assert sorted(kept) == [False] * 4 + [True] * 2
    assert totals(home)["duplicate"] == 2
    assert run(home, "verify") == 0
    assert "all is as it was" in capsys.readouterr().out


def test_verify_reads_them_and_without_the_key_says_that_it_could_not(
    home: Home, capsys: Said
) -> None:
    run(home)
    assert run(home, "verify") == 0
    identity(home).rename(home.root / "elsewhere")
    capsys.readouterr()
    assert run(home, "verify") == 0
    assert run(home, "reconcile") == 0
    assert "3 encrypted originals are the bytes that were written" in capsys.readouterr().out
    one = files(home.archive)[0]
    whole = one.read_bytes()
    altered = bytearray(whole)
    altered[-20] ^= 1
    for _ in range(2):  # Without the key, and with it.
        one.write_bytes(altered)
        assert run(home, "verify") == 1
        assert f"{one.name[:16]}: its original was altered" in capsys.readouterr().out
        one.write_bytes(altered[:-70])
        assert run(home, "reconcile") == 1
        if not identity(home).exists():
            (home.root / "elsewhere").rename(identity(home))


def test_without_the_noted_digest_only_the_size_is_looked_at_and_that_is_said(
    home: Home, capsys: Said
) -> None:
    run(home)
    identity(home).unlink()
    with Ledger.open(home.state) as ledger:
        ledger.connection.execute("UPDATE file SET digests = '{}'")
    one = files(home.archive)[0]
    altered = bytearray(one.read_bytes())
    altered[-20] ^= 1
    one.write_bytes(altered)
    assert run(home, "verify") == 0
    assert "3 encrypted originals have their size" in capsys.readouterr().out


def test_a_key_that_is_none_is_an_error_and_no_look_at_sizes(home: Home, capsys: Said) -> None:
    run(home)
    for written in (
        "",
        "# only a remark",
        "AGE-SECRET-KEY-1MISTYPED",
        identity(home).read_text()[:-5],
    ):
        identity(home).write_text(written)
        for command in ("verify", "check"):
            capsys.readouterr()
            assert run(home, command) == (BAD_SETTINGS if command == "verify" else 1)
            both = capsys.readouterr()
            assert "state/keys/archive.identity: " in both.out + both.err


def test_check_says_what_the_keys_of_the_archive_are_good_for(home: Home, capsys: Said) -> None:
    run(home, "check")
    assert (
        "encrypted to 1 keys; state/keys/archive.identity opens 1 of them"
        in capsys.readouterr().out
    )
    (home.unsealed / "archive" / "north").mkdir(parents=True)
    (home.unsealed / "archive" / "north" / "0123456789abcdef.dcm").write_bytes(b"on the way")
    identity(home).unlink()
    run(home, "check")
    said = capsys.readouterr().out
    assert (
        "1 originals in state/unsealed/ until the next pass; originals are not opened here" in said
    )


def test_off_boarding_leaves_nothing_on_the_way(home: Home, capsys: Said) -> None:
    run(home)
    on_the_way = home.unsealed / "archive" / "north" / "2026" / "01" / "01"
    on_the_way.mkdir(parents=True)
    (on_the_way / "0123456789abcdef.image.dcm").write_bytes(real("CT_small.dcm"))
    with Ledger.open(home.state) as ledger:
        ledger.connection.execute("UPDATE file SET state = 'sent' WHERE state = 'waiting'")
    assert run(home, "offboard", "north") == BAD_SETTINGS
    assert files(home.unsealed) != []
    capsys.readouterr()
    assert run(home, "offboard", "north", "--confirm") == 0
    assert files(home.unsealed) == []
    assert "3 originals stay" in capsys.readouterr().out


def test_another_key_opens_nothing(home: Home, capsys: Said) -> None:
    run(home)
    identity(home).write_text(f"{pyrage.x25519.Identity.generate()}\n")
    with pytest.raises(SettingsError, match="a key that is not in state/keys"):
        unsealing.content(home, files(home.archive)[0])
    assert run(home, "verify") == 1
    assert "archive.identity: opens none of them" in capsys.readouterr().out
    identity(home).chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        unsealing.content(home, files(home.archive)[0])


def test_the_header_behind_an_answer_is_read_with_the_key(home: Home) -> None:
    run(home)
    (path,) = home.cleaned.glob("south/*.dcm")
    with Ledger.open(home.state) as ledger:
        found = Originals(home, Settings(), ledger)
        found.meet(str(pydicom.dcmread(path).StudyInstanceUID))
        original = found.first()
        assert original is not None
        assert original.PatientName == "CompressedSamples^MR1"
        identity(home).unlink()
        assert found.first() is None


def test_what_is_held_can_be_explained_and_released(home: Home, capsys: Said) -> None:
    drop(home)
    (home.local_dcm / "south" / "half.dcm").unlink()
    run(home)
    (held,) = home.quarantine.rglob("*.age")
    capsys.readouterr()
    assert run(home, "explain", str(held)) == HELD
    assert "bytes           26" in capsys.readouterr().out
    key = identity(home).read_bytes()
    identity(home).unlink()
    assert run(home, "held", "release", held.name[:16]) == 1
    assert "put the key to state/keys" in capsys.readouterr().err
    assert held.exists()
    identity(home).write_bytes(key)
    identity(home).chmod(0o600)
    assert run(home, "held", "release", held.name[:16]) == 0
    assert [path.read_bytes() for path in files(home.local_dcm)] == [PLAIN_WORDS[2]]
    assert files(home.quarantine) == []


def test_they_are_rebuilt_from_and_pruned_with_the_key_only(home: Home, capsys: Said) -> None:
    drop(home)
    run(home)
    with (home.root / "gateway.toml").open("a") as settings:
        settings.write("[retention.archive]\nkeep_days = 1e-9\n")
    before = sorted(unsealing.content(home, path) for path in originals(home))
    (home.state / "ledger.sqlite").unlink()
    key = identity(home).read_bytes()
    identity(home).unlink()
    assert run(home, "rebuild") == BAD_SETTINGS
    assert "put the key to state/keys/archive.identity" in capsys.readouterr().err
    identity(home).write_bytes(key)
    identity(home).chmod(0o600)
    assert run(home, "rebuild") == 0
    assert sorted(path.read_bytes() for path in files(home.local_dcm)) == before
    run(home)
    assert run(home, "verify") == 0


def test_a_key_that_is_none_or_a_missing_library_stops_before_anything(
    home: Home, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(home.local_dcm)
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "pyrage", None)
        assert run(home) == BAD_SETTINGS
    assert "requirements-archive.txt" in capsys.readouterr().err
    settings = (home.root / "gateway.toml").read_text()
    (home.root / "gateway.toml").write_text(settings.replace('"]', 'q"]'))
    assert run(home) == BAD_SETTINGS
    last = settings.index('"]') - 1
    other = "q" if settings[last] != "q" else "p"
    (home.root / "gateway.toml").write_text(settings[:last] + other + settings[last + 1 :])
    assert run(home) == BAD_SETTINGS
    assert "one of them is damaged" in capsys.readouterr().err
    assert files(home.local_dcm) == before


def test_killed_before_a_step_the_next_pass_completes(running: Gateway, tmp_path: Path) -> None:
    for step in itertools.count(1, STEP_APART):
        home = sealed_home(tmp_path / "home")
        if running.run(home, before_step=step).status != -signal.SIGKILL:
            break
        running.run(home)
        assert list(broken(home)) == [], step
        assert files(home.unsealed) == [], step
    assert step > 70, "the steps were not counted"


def test_without_catching_up_an_original_stays_on_the_way(running: Gateway, tmp_path: Path) -> None:
    needs("strace")
    home = sealed_home(tmp_path / "home")
    running.run(home, "rename:signal=SIGKILL:when=8", unprotected="sealing")
    running.run(home, unprotected="sealing")
    assert list(broken(home))


def test_a_full_archive_loses_nothing(home: Home, tmp_path: Path) -> None:
    shutil.rmtree(home.archive)
    full = tmp_path / "full"
    full.mkdir()
    home.archive.symlink_to(full)
    needs("mount")
    with mounted(full, "-t", "tmpfs", "-o", "size=16k", "tmpfs"):
        (full / "filler").write_bytes(bytes(12288))
        assert run(home) == 4
        assert files(home.local_dcm) or files(home.unsealed)
        (full / "filler").unlink()
        subprocess.run(["mount", "-o", "remount,size=8m", str(full)], check=True)
        run(home)
        digests = {sha256(unsealing.content(home, path)).hexdigest() for path in originals(home)}
        assert sha256(real("CT_small.dcm")).hexdigest() in digests
        assert files(home.local_dcm) == files(home.unsealed) == []
