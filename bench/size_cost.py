"""
What a file costs by its size: `python bench/size_cost.py [--policy all]`.

Files that differ in one thing: elements, identifying numbers, pixels, frames. CPU milliseconds,
user and system, of all that is made of one in the process apart: read, header, device rules,
residue, cleaned instance and pictures, written and synced; and by a unit of the size, which stays
where cost is linear. Each in a process of its own, which has made one before; the best of three.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import sets

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from img_ingestion.apart import Apart
from img_ingestion.deidentify import recipe
from img_ingestion.home import Home
from img_ingestion.making import Maker
from img_ingestion.settings import Settings
from img_ingestion.shelves import Shelves

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

TABLES = {
    "elements": (sets.of_elements, (100, 1_000, 10_000, 100_000), 1_000, "ms a thousand"),
    "identifying numbers": (sets.of_numbers, (100, 1_000, 4_000, 16_000), 1_000, "ms a thousand"),
    "pixels, side": (sets.of_pixels, (512, 1024, 2048, 4096), 1_024, "ms a megapixel"),
    "frames of 256 x 256": (sets.of_frames, (1, 4, 16, 64, 256), 1, "ms a frame"),
}
TIMES = 4


def measured(content: bytes, policy: str) -> float:
    """Give the milliseconds of one file."""
    with tempfile.TemporaryDirectory() as place:
        home = Home(Path(place))
        home.prepare()
        settings = Settings.model_validate({"pixels": {"policy": policy}})
        maker = Maker(settings, recipe.load(ROOT / "deid.dicom"), Shelves(home))

        def timed(request: Mapping[str, Any], content: bytes) -> Mapping[str, Any]:
            before = time.process_time()
            answer = maker.work(request, content)
            took = (time.process_time() - before) * 1000
            return {"took": took, "problem": answer.get("reason", "")}

        asked = {"customer": "bench", "path": "x", "key": "00" * 32}
        with Apart(timed) as apart:
            answers = []
            for number in range(TIMES):
                one = {"id": f"{number:016x}", "sha256": sha256(content).hexdigest()}
                answers.append(apart.ask(asked | one, content, settings.limits))
    if problems := {one["problem"] for one in answers} - {""}:
        raise SystemExit(f"it was not cleaned: {problems}")
    return float(min(one["took"] for one in answers[1:]))


def main() -> None:
    """Print a table for each thing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policy", default="rules", help="of the pixels: rules, all")
    policy = parser.parse_args().policy
    for name, (made, sizes, unit, each) in TABLES.items():
        for size in sizes:
            took = measured(made(size), policy)
            units = (size / unit) ** (2 if "side" in name else 1)
            print(f"{size:>7} {name:20}{took:9.1f} ms {took / units:9.2f} {each}", flush=True)


if __name__ == "__main__":
    main()
