"""The pages: every command in them runs, every link leads somewhere, the manual is of today."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from img_ingestion.cli import main
from tools import make_manual

if TYPE_CHECKING:
    from tests.conftest import MakeInstance

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
OURS = ("getting-started", "operate", "privacy", "developer", "faq")
DONE = {0, 3}
"""Status 3: something is held, as the reader is told."""


def lines(page: str) -> list[str]:
    """Give the shell lines of a page."""
    blocks = re.findall(r"```sh\n(.*?)```", (DOCS / f"{page}.md").read_text("utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


@pytest.fixture
def home(tmp_path: Path, make_instance: MakeInstance) -> Path:
    """Give the home and the files that the pages speak of."""
    folder = tmp_path / "gateway" / "local_dcm" / "north"
    folder.mkdir(parents=True)
    (tmp_path / "gateway" / "gateway.toml").write_text("[incoming]\nsettle_s = 0.0\n")
    (tmp_path / "some.dcm").write_bytes(make_instance())
    shutil.copy(ROOT / "deid.dicom", tmp_path)
    (folder / "notes.txt").write_text("no image at all")
    (folder / "first.dcm").write_bytes(make_instance(InstanceNumber=2))
    assert run(tmp_path, "python3 ingestion.py --home /srv/gateway") == 3
    (folder / "some.dcm").write_bytes(make_instance(InstanceNumber=3))
    return tmp_path / "gateway"


def run(work: Path, line: str) -> int:
    program, *words = line.replace("/srv/gateway", str(work / "gateway")).split()
    if program != "python3":
        return subprocess.run([program, *words], cwd=work, check=False).returncode
    assert words[0] == "ingestion.py"
    with chdir(work):
        return main(words[1:])


@pytest.mark.parametrize("page", OURS)
def test_every_command_of_a_page_runs(
    page: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    run(home.parent, "python3 ingestion.py --home /srv/gateway held list --json")
    one = json.loads(capsys.readouterr().out)["held"][0]["id"]
    assert lines(page)
    for line in lines(page):
        assert run(home.parent, re.sub(r"\bID\b", one, line)) in DONE, line


def test_every_page_is_reached_from_the_first() -> None:
    links = set(re.findall(r"\]\(([\w-]+\.md)\)", (DOCS / "index.md").read_text("utf-8")))
    assert links == {page.name for page in PAGES if page.name != "index.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = {link.split("#")[0] for link in re.findall(r"\]\(([^)]+)\)", page.read_text("utf-8"))}
    local = {link for link in links if link and "://" not in link}
    assert not [link for link in local if not (page.parent / link).exists()]


def test_the_manual_and_the_completion_are_of_today() -> None:
    assert make_manual.MANUAL.read_text("utf-8") == make_manual.manual()
    assert make_manual.COMPLETION.read_text("utf-8") == make_manual.completion()


@pytest.mark.skipif(not shutil.which("man"), reason="man is not installed")
def test_man_reads_the_manual_without_a_warning() -> None:
    command = ["man", "--warnings", "-l", str(make_manual.MANUAL)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stderr == ""
    assert "held release ID" in ended.stdout


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("ingestion.py hel", "held"),
        ("ingestion.py --home x exp", "explain"),
        ("ingestion.py held re", "release reject"),
        ("ingestion.py explain --sh", "--show-values"),
        ("ingestion.py --wat", "--watch"),
    ],
)
def test_bash_completes_commands_and_options(typed: str, offered: str) -> None:
    words = typed.split()
    program = (
        f"source {make_manual.COMPLETION}; COMP_WORDS=({' '.join(words)}); "
        f"COMP_CWORD={len(words) - 1}; _ingestion; echo ${{COMPREPLY[@]}}"
    )
    ended = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == offered
