"""
What a file costs by stage: `python bench/stages.py [--files N] [--sets A,B] [--policy all]`.

N files of a set of `sets.py`, one pass with the embedded backend beside it: milliseconds a file by
the clock, as the pass itself says them (`--json`, the stages of the page that `--report` writes).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from io import BytesIO
from pathlib import Path

import pydicom
import sets
from coordinator import ROOT, SETTINGS
from pydicom.uid import generate_uid

from img_ingestion.backend import EmbeddedBackend


def measured(content: bytes, files: int, policy: str) -> Counter[str]:
    """Give the milliseconds of each stage for all files together."""
    spent: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place, EmbeddedBackend(Path(place) / "received") as url:
        home = Path(place)
        (home / "local_dcm" / "customer_1").mkdir(parents=True)
        said = SETTINGS.replace('"rules"', f'"{policy}"') + f'[backend]\nurl = "{url}"\n'
        (home / "gateway.toml").write_text(said)
        for number in range(files):
            dataset = pydicom.dcmread(BytesIO(content))
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            dataset.InstanceNumber = number
            dataset.save_as(home / "local_dcm" / "customer_1" / f"{number}.dcm")
        command = [sys.executable, str(ROOT / "ingestion.py"), "--home", str(home), "--json"]
        told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        for line in map(json.loads, told.splitlines()):
            for kind in ("file", "parcel"):
                for stage, seconds in line.get(kind, {}).get("seconds", {}).items():
                    spent[stage] += seconds * 1000
    return spent


def main() -> None:
    """Print a line for each set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10, metavar="N")
    parser.add_argument("--sets", default="A,B,C,U", metavar="A,B")
    parser.add_argument("--policy", default="rules", help="of the pixels: rules, all")
    chosen = parser.parse_args()
    made = sets.sets()
    for name in chosen.sets.split(","):
        spent = measured(made[name], chosen.files, chosen.policy)
        stages = ", ".join(f"{each} {value / chosen.files:.1f}" for each, value in spent.items())
        print(f"{name} {chosen.policy}: {stages} ms", flush=True)


if __name__ == "__main__":
    main()
