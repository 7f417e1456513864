"""The pages: every command in them runs, every link leads somewhere, the manual is of today."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from img_ingestion import contract, errors, options
from img_ingestion.cli import main
from tools import make_manual

if TYPE_CHECKING:
    from tests.conftest import MakeInstance

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
FAULTS = re.findall(r"`([\w/]+\.py)::(\w+)`", (DOCS / "faults.md").read_text("utf-8"))
PAGES = sorted(DOCS.glob("*.md"))
WITH_COMMANDS = [page.stem for page in PAGES if "```sh" in page.read_text("utf-8")]
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
    (tmp_path / "elsewhere").mkdir()
    settings = f'[incoming]\nsettle_s = 0.0\n[folder]\npath = "{tmp_path}/elsewhere"\n'
    (tmp_path / "gateway" / "gateway.toml").write_text(settings)
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
    if "review" in words:
        return reviewed(work, words)
    with chdir(work):
        return main(words[1:])


def reviewed(work: Path, words: list[str]) -> int:
    """Start a review, and end it once it has given its address."""
    command = [sys.executable, str(ROOT / "ingestion.py"), *words[1:]]
    with subprocess.Popen(command, cwd=work, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        assert serving.stdout.readline().startswith("open http://127.0.0.1:")
        serving.terminate()
        return serving.wait(30)


@pytest.mark.parametrize("page", WITH_COMMANDS)
def test_every_command_of_a_page_runs(
    page: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    run(home.parent, "python3 ingestion.py --home /srv/gateway held list --json")
    one = json.loads(capsys.readouterr().out)["held"][0]["id"]
    assert lines(page)
    for line in lines(page):
        assert run(home.parent, re.sub(r"\bID\b", one, line)) in DONE, line


def spoken(text: str) -> list[list[str]]:
    """Give what follows `ingestion.py` wherever a text names a whole command in code."""
    blocks = re.findall(r"```.*?```", text, re.DOTALL)
    within = re.findall(r"`[^`]+`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    code = [*blocks, *(each.replace("\n", " ") for each in within)]
    found = re.findall(r"ingestion\.py(?: |\", |$)([^`\n]*)", "\n".join(code), re.MULTILINE)
    # Placeholders stand for themselves; what may be left out is left out.
    said = [re.sub(r"\[[A-Z]+\.\.\.\]|[|\"\],]|\.\.\.", " ", each).split() for each in found]
    return [each for each in said if "-m" not in each]


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.stem)
def test_every_command_that_a_page_names_can_be_said(page: Path) -> None:
    for words in spoken(page.read_text("utf-8")):
        if {"-h", "--help", "COMMAND", "usage:"} & set(words):
            continue
        name, rest = options.command(words)
        options.ingestion(name).parse_args(rest)


def test_the_request_that_is_shown_keeps_the_contract() -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", (DOCS / "delivery.md").read_text(), re.DOTALL)
    assert contract.request_fault(shown.encode()) == ""
    assert f"POST {contract.UPLOAD} HTTP/1.1" in (DOCS / "delivery.md").read_text("utf-8")


def test_the_operator_is_told_what_to_do_about_each_code() -> None:
    table = (DOCS / "operate.md").read_text("utf-8").split("| code | why it is held |")[1]
    said = re.findall(r"^\| ([\w, ]+) \|", table.split("\n\n")[0], re.MULTILINE)
    kinds = (errors.InstanceError, errors.DestinationRefused)
    codes = {
        one.__name__
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, kinds) and one is not errors.InstanceError
    }
    assert set(", ".join(said).split(", ")) == codes


@pytest.mark.parametrize("kind", ["yaml", "ini"])
def test_what_a_page_gives_to_other_programs_can_be_read(kind: str) -> None:
    for page in PAGES:
        for block in re.findall(rf"```{kind}\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            if kind == "yaml":
                assert yaml.safe_load(block)["kind"]
            else:
                units = ConfigParser(strict=False)
                units.read_string(block)
                assert units.sections()


def test_the_pages_make_a_site_without_a_warning(tmp_path: Path) -> None:
    site = tmp_path / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    for page in site.rglob("*.html"):
        assert not re.findall(r"""(?:src|<link[^>]*href)=["']?(?:https?:)?//""", page.read_text())


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


def test_every_test_that_the_page_of_faults_names_is_there() -> None:
    assert len(FAULTS) > 50
    gone = [
        f"{file}::{name}"
        for file, name in FAULTS
        if not re.search(
            rf"^(def {name}\(|{name} = )", (ROOT / "tests" / file).read_text(), re.MULTILINE
        )
    ]
    assert gone == []
