"""
Score header and text alone by an answer key: `bench/midib_header.py MAKER SOURCES SEED...`.

As `bench/midib.py`, without doors, and with the pixels left as they are: every file goes through
the engine, in seconds. So `pixels_hidden` is 0 here, hiding is not measured, and what would be held
for its kind, or because it has no picture, is cleaned all the same.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from img_ingestion import deidentify as engine
from img_ingestion.deidentify.pixels import PixelsCleaned
from img_ingestion.errors import InstanceError
from img_ingestion.instance import ReceivedInstance
from img_ingestion.settings import Settings
from img_ingestion.vault import Vault


def clean(source: Path, target: Path) -> None:
    """Clean every file of a folder, and write the map of what was replaced."""
    engine.pixels.clean = lambda *_: PixelsCleaned()
    engine.admission.check = lambda _: None
    engine.part10._has_its_pixels = lambda _: None  # noqa: SLF001  no door to it, and none wanted
    site = engine.recipe.load(ROOT / "deid.dicom")
    rules = engine.policy("midib", Settings(), site, b"k" * 32)
    vault = Vault(target / "vault.sqlite")
    for number, path in enumerate(sorted(source.rglob("*.dcm"))):
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        try:
            done = engine.deidentify(ReceivedInstance("", "midib", path, content, digest), rules)
        except InstanceError as error:
            print("held:", error)
            continue
        (target / f"{number:05}.dcm").write_bytes(done.content)
        vault.remember("midib", done.replaced)
    vault.export(target / "map.csv")


def main(maker: Path, sources: Path, seeds: list[str]) -> None:
    """Print the scores of each seed."""
    for seed in seeds:
        with tempfile.TemporaryDirectory() as scratch:
            bench, target = Path(scratch, "bench"), Path(scratch, "clean")
            target.mkdir()
            make = [sys.executable, maker / "make_bench.py", sources, bench, "--seed", seed]
            subprocess.run(make, check=True)
            clean(bench / "input", target)
            judge = [sys.executable, maker / "judge.py", bench, target, target / "map.csv"]
            subprocess.run(judge, check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
