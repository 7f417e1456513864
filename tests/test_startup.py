"""A pass imports nothing that it has no use for: cron starts it often."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

from pydicom.data import get_testdata_file

ROOT = Path(__file__).parents[1]
HEAVY = {
    "PIL",
    "asyncio",
    "cv2",
    "deid",
    "gdcm",
    "imagecodecs",
    "importlib.metadata",
    "jsonschema",
    "numpy",
    "onnxruntime",
    "openapi_core",
    "pydantic_settings",
    "pydicom",
    "pynetdicom",
    "requests",
    "img_ingestion.apart",
    "img_ingestion.four_steps",
    "img_ingestion.ingest",
    "img_ingestion.instance",
    "img_ingestion.sources.folder",
    "img_ingestion.transfer",
}
PASS = """
import sys
import venv
import ingestion
status = ingestion.main(["--home", sys.argv[1]])
print(status, *sorted(set(sys.modules) & set(sys.argv[2:])))
"""


UNUSED = {
    "deid",
    "numpy.ma",
    "onnxruntime",
    "openapi_core",
    "img_ingestion.deidentify.pixels.compressed",
    "img_ingestion.deidentify.pixels.text",
    "img_ingestion.destinations.backend",
    "img_ingestion.destinations.store",
}
"""What a plain picture needs nothing of where nobody looks for text and nothing is sent."""


def _pass(home: Path, heavy: set[str] = HEAVY) -> list[str]:
    """Make a pass in a process of its own; give its status and the heavy modules that it has."""
    command = [sys.executable, "-c", PASS, str(home), *heavy]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout.splitlines()[-1].split()


def test_an_empty_pass_imports_nothing_that_only_a_file_needs(tmp_path: Path) -> None:
    (tmp_path / "local_dcm" / "customer_1").mkdir(parents=True)
    first = _pass(tmp_path)
    assert first[0] == "0"
    assert "pydicom" in first  # the recipe is read once
    assert _pass(tmp_path) == ["0"]


def test_a_pass_with_a_file_imports_nothing_that_this_file_has_no_use_for(tmp_path: Path) -> None:
    sent = tmp_path / "local_dcm" / "customer_1"
    sent.mkdir(parents=True)
    (tmp_path / "gateway.toml").write_text('[pixels]\npolicy = "rules"\n[incoming]\nsettle_s = 0\n')
    assert "deid" in _pass(tmp_path, UNUSED)  # it reads the recipe as well, once
    shutil.copy(str(get_testdata_file("CT_small.dcm")), sent)
    assert _pass(tmp_path, UNUSED) == ["0"]
    assert not list(sent.iterdir())


def test_a_recipe_that_was_changed_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "local_dcm").mkdir()
    recipe = tmp_path / "deid.dicom"
    recipe.write_bytes((ROOT / "deid.dicom").read_bytes())
    _pass(tmp_path)
    assert _pass(tmp_path) == ["0"]
    recipe.write_text("FORMAT dicom\n\n%header\n\nREMOOVE PatientID\n")
    assert _pass(tmp_path)[0] == "2"
    assert _pass(tmp_path)[0] == "2"


def test_an_own_venv_that_is_a_link_and_lacks_something_is_told_and_not_begun_for_ever(
    tmp_path: Path,
) -> None:
    shutil.copytree(ROOT / "img_ingestion", tmp_path / "img_ingestion")
    shutil.copy(ROOT / "ingestion.py", tmp_path)
    venv.create(tmp_path / "elsewhere", symlinks=True)
    (tmp_path / ".venv").symlink_to(tmp_path / "elsewhere")
    command = [tmp_path / ".venv" / "bin" / "python", tmp_path / "ingestion.py"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert ran.returncode == 2
    assert "This Python has no pydantic_settings" in ran.stderr
