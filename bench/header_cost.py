"""
CPU time of the header: `python bench/header_cost.py FILE... [--peers PYTHON]`.

For each file, in one process and the best of several rounds: the whole of `deidentify()` with the
pixel policy `rules`, against pydicom reading and writing the same bytes, once raw and once with
each element decoded. PYTHON is an interpreter that has dicognito and dicom-anonymizer; each of them
is timed in it on the same file, reading and writing included.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from img_ingestion.deidentify import deidentify, policy, recipe
from img_ingestion.instance import ReceivedInstance
from img_ingestion.settings import Pixels, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 20

PEERS = {
    "dicognito": "from dicognito.anonymizer import Anonymizer as One; work = One().anonymize",
    "dicom-anonymizer": "from dicomanonymizer import anonymize_dataset as work",
}
PEER = """
import io, sys, time, pydicom
{setup}
content, best = open(sys.argv[1], "rb").read(), 1e9
for _ in range({rounds}):
    start = time.process_time()
    dataset = pydicom.dcmread(io.BytesIO(content))
    work(dataset)
    dataset.save_as(io.BytesIO())
    best = min(best, time.process_time() - start)
print(f"{{best * 1000:.1f}}")
"""


def best(work: Callable[[], object]) -> float:
    """Give the shortest CPU time of several rounds, in milliseconds."""
    taken = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken) * 1000


def copied(content: bytes, *, decode: bool) -> None:
    """Read and write a file with pydicom."""
    dataset = pydicom.dcmread(BytesIO(content))
    if decode:
        for _ in dataset.iterall():
            pass
    dataset.save_as(BytesIO())


def peer(python: Path, setup: str, path: Path) -> str:
    """Give the time of another de-identifier, or how it ended."""
    script = PEER.format(setup=setup, rounds=ROUNDS)
    command = [python, "-W", "ignore", "-c", script, path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = (done.stdout or done.stderr).strip().splitlines()
    return said[-1] if said else "nothing"


def main() -> None:
    """Print a line for each file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--peers", type=Path)
    chosen = parser.parse_args()
    settings = Settings(pixels=Pixels(policy="rules"))
    rules = policy("bench", settings, recipe.load(ROOT / "deid.dicom"), bytes(32))
    for path in chosen.files:
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        one = ReceivedInstance(digest[:16], "bench", path, content, digest)
        times = {
            "here": best(lambda one=one: deidentify(one, rules)),
            "pydicom, raw": best(lambda content=content: copied(content, decode=False)),
            "pydicom, decoded": best(lambda content=content: copied(content, decode=True)),
        }
        print(path.name, *(f"{name} {ms:.1f} ms" for name, ms in times.items()), sep=" | ")
        for name, setup in PEERS.items() if chosen.peers else ():
            print(f"  {name}: {peer(chosen.peers, setup, path)} ms")


if __name__ == "__main__":
    main()
