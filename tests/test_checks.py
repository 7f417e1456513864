"""`check`, `verify`, `audit`, `recipe` and `support-bundle`, on real homes."""

from __future__ import annotations

import json
import os
import socket
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from img_ingestion.backend.server import EmbeddedBackend
from img_ingestion.cli import main
from img_ingestion.settings_file import SHIPPED

if TYPE_CHECKING:
    from tests.conftest import MakeInstance

Said = pytest.CaptureFixture[str]
SETTLED = "[incoming]\nsettle_s = 0.0\n"


@pytest.fixture
def home(tmp_path: Path, make_instance: MakeInstance) -> Path:
    """Give a home after a pass: one file waits, one is held."""
    folder = tmp_path / "home" / "local_dcm" / "dr_quillfeather"
    folder.mkdir(parents=True)
    (tmp_path / "home" / "gateway.toml").write_text(SETTLED)
    (folder / "dicom_1.dcm").write_bytes(make_instance())
    (folder / "Quillfeather.txt").write_bytes(b"no image at all")
    run(tmp_path / "home")
    return tmp_path / "home"


def run(home: Path, *words: str) -> int:
    return main([*words[:1], "--home", str(home), *words[1:]])


def findings(home: Path, said: Said) -> tuple[int, dict[str, dict[str, object]]]:
    said.readouterr()
    status = run(home, "check", "--json")
    found = [json.loads(line) for line in said.readouterr().out.splitlines()]
    return status, {one["name"]: one for one in found}


def test_a_home_that_works_is_found_to_work_and_left_as_it_was(
    home: Path, tmp_path: Path, capsys: Said
) -> None:
    with EmbeddedBackend(tmp_path / "received") as url:
        (home / "gateway.toml").write_text(f'{SETTLED}[backend]\nurl = "{url}"\n')
        before = sorted(home.rglob("*"))
        status, found = findings(home, capsys)
    assert status == 0
    assert all(one["fine"] for one in found.values())
    assert {"file system", "codecs", "text detector", "keys", "contract", "round trip"} <= set(
        found
    )
    assert found["backend of all"]["detail"] == "answers on its port; plain http"
    assert sorted(home.rglob("*")) == before
    assert not list((tmp_path / "received").glob("*/body.json"))


def test_each_fault_is_found_by_itself(home: Path, capsys: Said) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        (home / "gateway.toml").write_text(
            f'{SETTLED}[backend]\nurl = "https://127.0.0.1:{port}"\n'
            f"[limits]\nmin_free_bytes = {2**62}\n"
        )
        (home / "state" / "keys" / "broken.key").write_bytes(b"short")
        status, found = findings(home, capsys)
    assert status == 1
    wrong = {name for name, one in found.items() if not one["fine"]}
    assert wrong == {"free space", "keys", "backend of all", "round trip"}


def test_a_server_that_speaks_no_tls_is_found(home: Path, tmp_path: Path, capsys: Said) -> None:
    with EmbeddedBackend(tmp_path / "received") as url:
        secure = url.replace("http:", "https:")
        (home / "gateway.toml").write_text(f'{SETTLED}[backend]\nurl = "{secure}"\n')
        _, found = findings(home, capsys)
    assert str(found["backend of all"]["detail"]).startswith("TLS: ")


def test_verify_says_that_all_is_as_it_was(home: Path, capsys: Said) -> None:
    capsys.readouterr()
    assert run(home, "verify") == 0
    said = capsys.readouterr().out
    assert "audit trail: 3 records, last " in said
    assert said.endswith("all is as it was\n")


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("local_dcm_dicomcleaner/*/*.png", "was altered"),
        ("quarantine/*/*.dcm", "its original was altered: another content"),
        ("state/audit.jsonl", "audit trail, line "),
    ],
)
def test_verify_finds_what_was_changed(home: Path, capsys: Said, pattern: str, words: str) -> None:
    (path,) = home.glob(pattern)
    content = bytearray(path.read_bytes())
    content[10] ^= 1
    path.write_bytes(content)
    assert run(home, "verify") == 1
    assert words in capsys.readouterr().out


def test_the_audit_trail_of_one_customer_can_be_handed_over(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "trail.jsonl"
    assert run(home, "audit", "--customer", "dr_quillfeather", "--export", str(out)) == 0
    assert [json.loads(line)["what"] for line in out.read_text().splitlines()] == ["file", "file"]
    assert run(home, "audit") == 0


def test_the_shipped_recipe_is_without_fault_and_covers_the_table(home: Path, capsys: Said) -> None:
    capsys.readouterr()
    assert run(home, "recipe", "lint") == 0
    assert "no fault" in capsys.readouterr().out
    assert run(home, "recipe", "coverage", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["missing"], found["weaker"]) == ([], [])
    assert run(home, "recipe", "diff", str(SHIPPED)) == 0


def test_what_a_site_changed_in_its_recipe_is_named(home: Path, capsys: Said) -> None:
    text = SHIPPED.read_text("utf-8")
    changed = text.replace("REPLACE PatientComments func:clean", "KEEP PatientComments")
    (home / "deid.dicom").write_text(changed)
    capsys.readouterr()
    status = run(home, "recipe", "diff", str(SHIPPED))
    said = capsys.readouterr()
    assert status == 1
    assert "(0010,4000) PatientComments" in said.out
    assert run(home, "recipe", "coverage") == 0
    assert "lets more through: (0010,4000) PatientComments" in capsys.readouterr().out


def test_a_faulty_recipe_is_named_with_its_line(home: Path, tmp_path: Path, capsys: Said) -> None:
    path = tmp_path / "site.dicom"
    path.write_text("FORMAT dicom\n\n%header\n\nREMOOVE PatientID\n")
    assert run(home, "recipe", "lint", str(path)) == 2
    assert "line 5" in capsys.readouterr().err


def test_the_support_bundle_has_no_patient_no_name_and_no_secret(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMG_INGESTION_BACKEND__TOKEN", "quillfeather-token")
    (home / "gateway.toml").write_text(
        f'{SETTLED}[backend]\nurl = "https://quillfeather.example.org"\n'
        '[customers.dr_quillfeather.pixels]\npolicy = "rules"\n'
    )
    out = tmp_path / "support.tar.gz"
    assert run(home, "support-bundle", str(out)) == 0
    assert out.stat().st_mode & 0o777 == 0o600
    with tarfile.open(out) as archive:
        parts = {
            Path(one.name).stem: archive.extractfile(one).read()  # type: ignore[union-attr]
            for one in archive
        }
    whole = b"".join(parts.values()).lower()
    for word in (b"quill", b"zq-4711", b"acc77", b"thistle", b"19510723", os.fsencode(home)):
        assert word.lower() not in whole
    status = json.loads(parts["status"])
    assert status["customers"] == {"customer-1": {"held": 1, "waiting": 1}}
    assert json.loads(parts["settings"])["backend"]["url"] == "(set)"
    assert json.loads(parts["settings"])["pixels"]["policy"] == "all"
    assert [one["code"] for one in json.loads(parts["held"])] == ["NotDicom"]
