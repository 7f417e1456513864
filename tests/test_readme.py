"""README says what the programs say."""

from __future__ import annotations

import re
import sys
from itertools import groupby
from pathlib import Path

import pytest

import tools.demo
from img_ingestion import options
from img_ingestion.deidentify.tables import edition

ROOT = Path(__file__).resolve().parents[1]
SENT = re.compile(r"(?:Sending|No picture)\.+ ")
README = (ROOT / "README.md").read_text("utf-8")


def block(mark: str) -> list[str]:
    """Give the lines of the code block that follows a mark."""
    return README.split(f"<!-- {mark} -->\n```\n")[1].split("\n```")[0].splitlines()


def shape(lines: list[str]) -> list[str]:
    """Blur what is different from run to run: UIDs, which series they put first, ids, the home."""
    text = re.sub(r"2\.25\.\d+", "UID", "\n".join(lines))
    text = re.sub(r"\b[0-9a-f]{16}\b", "ID", text)
    text = re.sub(r"--home \S+ --config \S+", "--home HOME --config FILE", text)
    return [
        line
        for sent, some in groupby(text.splitlines(), lambda line: SENT.match(line) is not None)
        for line in (sorted(some) if sent else some)
    ]


def test_readme_shows_what_the_demo_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tools.demo, "DEMO", tmp_path / "demo")
    monkeypatch.setattr(tools.demo, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(tools.demo, "inside_venv", str)
    assert tools.demo.main() == 0
    assert tools.demo.main() == 0
    once = shape(block("demo"))
    said = capfd.readouterr()
    assert shape(said.out.splitlines()) == once * 2
    assert said.err == ""


def test_the_demo_deletes_no_folder_that_it_did_not_make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools.demo, "DEMO", tmp_path)
    (tmp_path / "precious").write_text("")
    with pytest.raises(SystemExit, match="move it away"):
        tools.demo.fill()
    assert (tmp_path / "precious").exists()


def test_readme_shows_what_help_says() -> None:
    said = options.ingestion().format_help().rstrip().splitlines()
    assert block("help") == ["$ python3 ingestion.py --help", *said]


def test_every_exit_status_is_explained_and_answered() -> None:
    page = (ROOT / "docs" / "operate.md").read_text("utf-8")
    said = {re.split(r"\s{2,}", line.strip())[0] for line in options.STATUSES.splitlines()[1:]}
    assert said == set(re.findall(r"^\| (\d[\d, ]*) \|", page, re.MULTILINE))
    for parser in (options.ingestion(), options.transfer()):
        assert options.STATUSES in parser.format_help()


def test_readme_names_the_edition_of_the_standard() -> None:
    assert f"edition {edition()}" in README


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/architecture.md"]
)
def test_every_file_that_a_page_names_is_there(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    links = {link.split("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text)}
    here = (ROOT / page).parent
    assert not [link for link in links if "://" not in link and not (here / link).exists()]
    # What is named in code style and looks like a file of the project has to be one.
    named = re.findall(r"`((?:img_ingestion|tools|tests|docs)/[\w./]+)`", text)
    assert not [name for name in named if not (ROOT / name).exists()]


def test_readme_has_two_commands_that_set_everything_up() -> None:
    for command in ("tools/demo.py", "tools/test.py"):
        assert f"\n```\npython3 {command}\n```\n" in README
        assert (ROOT / command).is_file()
    assert "python3 tools/test.py" in (ROOT / ".ci" / "run").read_text("utf-8")
