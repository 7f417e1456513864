"""A pass over an empty folder imports nothing that only a file needs: cron starts it often."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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
import ingestion
status = ingestion.main(["--home", sys.argv[1]])
print(status, *sorted(set(sys.modules) & set(sys.argv[2:])))
"""


def _pass(home: Path) -> list[str]:
    """Make a pass in a process of its own; give its status and the heavy modules that it has."""
    command = [sys.executable, "-c", PASS, str(home), *HEAVY]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout.splitlines()[-1].split()


def test_an_empty_pass_imports_nothing_that_only_a_file_needs(tmp_path: Path) -> None:
    (tmp_path / "local_dcm" / "customer_1").mkdir(parents=True)
    first = _pass(tmp_path)
    assert first[0] == "0"
    assert "pydicom" in first  # the recipe is read once
    assert _pass(tmp_path) == ["0"]


def test_a_recipe_that_was_changed_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "local_dcm").mkdir()
    recipe = tmp_path / "deid.dicom"
    recipe.write_bytes((ROOT / "deid.dicom").read_bytes())
    _pass(tmp_path)
    assert _pass(tmp_path) == ["0"]
    recipe.write_text("FORMAT dicom\n\n%header\n\nREMOOVE PatientID\n")
    assert _pass(tmp_path)[0] == "2"
    assert _pass(tmp_path)[0] == "2"
