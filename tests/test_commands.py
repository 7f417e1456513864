"""The commands: one table, one shape, and the same said in JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from img_ingestion import options
from img_ingestion.cli import main
from img_ingestion.commands import COMMANDS

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith(f"usage: ingestion.py {name} ")
    assert COMMANDS[name].DESCRIPTION.splitlines()[0] in said
    assert ("--json" in said) == COMMANDS[name].REPORTS


def test_the_list_of_commands_has_all_of_them() -> None:
    said = options.ingestion().format_help()
    assert all(f"  {name} " in said and one.HELP in said for name, one in COMMANDS.items())


def test_run_is_what_happens_without_a_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--home", str(tmp_path)]) == 0
    first = capsys.readouterr()
    assert main(["run", "--home", str(tmp_path)]) == 0
    assert capsys.readouterr() == first


def test_help_and_version_load_neither_numpy_nor_pydicom() -> None:
    program = (
        "import sys; from img_ingestion import options; options.ingestion().format_help();"
        "sys.exit(bool({'numpy', 'pydicom', 'deid', 'requests'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


def test_a_pass_says_the_same_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "local_dcm" / "north").mkdir(parents=True)
    (tmp_path / "local_dcm" / "north" / "Quillfeather.txt").write_text("no image at all")
    (tmp_path / "gateway.toml").write_text("[incoming]\nsettle_s = 0.0\n")
    assert main(["--home", str(tmp_path), "--json"]) == 3
    said = capsys.readouterr().out
    file, summary = map(json.loads, said.splitlines())
    assert (file["file"]["outcome"], file["file"]["code"]) == ("held", "NotDicom")
    assert summary == {"summary": {"sent": 0, "waiting": 0, "held": 1, "duplicate": 0}}
    assert "Quill" not in said


def test_a_problem_is_said_in_json_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--home", str(tmp_path / "absent"), "--json"]) == 2
    assert "is no folder" in json.loads(capsys.readouterr().err)["problem"]
