"""
What the whole line costs: `python bench/line_cost.py [--peers PYTHON] [--files N] [--sets A,B]`.

For each set of `sets.py` a home with N files of one series, the embedded backend on loopback, and
one pass of `ingestion.py` without text detection: CPU milliseconds a file of all processes of the
gateway, user and system; the backend's are not counted. The median of three passes, without the
best of three with ten files, which is shown apart. Then the same by stage, by `line_stages.py`, and
others on the same files: header alone (pip), PNG alone (dcmj2pnm), and deid's DicomCleaner. What is
missing is named.

Nothing is deleted before the end: ext4 does not give away a number of an inode that was freed in
the last minutes, and looks at each of them whenever a file is made.

`--workers 2` measures pairs of passes by one process and by two, one after the other, by the clock:
files a second, without what a pass with one file takes. `--policy all` has text looked for.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sets
from header_cost import PEERS, asked, written
from header_work import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTINGS = """
[incoming]
settle_s = 0.0
[pixels]
policy = "{policy}"
[backend]
url = "{url}"
"""
PAIRS = 3
FIRST = 10
"""Files of the pass that is taken off: the first of a pass warm what the others find."""
MOST_BYTES = 2**29
"""Of the originals of a pass."""


@contextmanager
def backend(place: Path) -> Iterator[str]:
    """Run the embedded backend; give its address."""
    command = ["-m", "img_ingestion.backend", "--port", "0", "--out", str(place / "received")]
    with subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None  # noqa: S101 - it was asked for above
        try:
            yield running.stdout.readline().split(" at ")[1].split(",")[0]
        finally:
            running.terminate()


def home(place: Path, content: bytes, count: int, url: str, policy: str = "rules") -> Path:
    """Make a home with files of one series."""
    (place / "local_dcm").mkdir(parents=True)
    (place / "gateway.toml").write_text(SETTINGS.format(url=url, policy=policy))
    written(content, place / "local_dcm" / "bench", count)
    return place


def passed(root: Path, *arguments: str) -> tuple[float, float]:
    """Make one pass; give the seconds of CPU and of the clock."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [sys.executable, str(ROOT / "ingestion.py"), "--home", str(root), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    if done.returncode or list((root / "local_dcm").rglob("*.dcm")):
        raise SystemExit(f"the pass ended with {done.returncode}: {done.stderr[-200:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, ended - began


def line(place: Path, content: bytes, count: int) -> tuple[float, float]:
    """Give the milliseconds of a file, and the seconds of a pass with the first ten."""
    with backend(place) as url:

        def taken(name: str, files: int) -> float:
            return passed(home(place / name, content, files, url))[0]

        few = min(taken(f"few-{turn}", FIRST) for turn in range(PAIRS))
        many = statistics.median(taken(f"many-{turn}", FIRST + count) for turn in range(PAIRS))
    return (many - few) * 1000 / count, few


def stages(place: Path, content: bytes, count: int) -> dict[str, float]:
    """Give the milliseconds of a file by stage, everything in one process."""
    with backend(place) as url:
        root = home(place / "stages", content, count, url)
        command = [sys.executable, str(ROOT / "bench/line_stages.py"), str(root)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return dict(json.loads(done.stdout)) if done.returncode == 0 else {}


def others(place: Path, content: bytes, count: int, peers: Path | None) -> dict[str, float | None]:
    """Give the milliseconds of a file of others."""
    folder = place / "others"
    written(content, folder, count)
    ways = ("pydicom", *PEERS, "dicom_cleaner")
    taken = {way: asked(str(peers), way, folder) if peers else None for way in ways}
    taken["here, header alone"] = asked(sys.executable, "here", folder)
    taken["dcmj2pnm, PNG alone"] = dcmj2pnm(folder, place / "out.png")
    return taken


def dcmj2pnm(folder: Path, out: Path) -> float | None:
    """Give the milliseconds of dcmtk's PNG, a process a file."""
    program = shutil.which("dcmj2pnm")
    if program is None:
        return None
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for source in folder.iterdir():
        command = [program, "--write-png", "--all-frames", str(source), str(out)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return None
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    taken = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return taken * 1000 / len(list(folder.iterdir()))


def paired(place: Path, content: bytes, chosen: argparse.Namespace) -> str:
    """Compare one process with several, in pairs of passes one after the other."""
    count, more = chosen.files, ("--workers", str(chosen.workers))
    ratios, cpu, rates, turns = [], [], [], itertools.count()
    with backend(place) as url:

        def taken(files: int, *arguments: str) -> tuple[float, float]:
            root = home(place / str(next(turns)), content, files, url, chosen.policy)
            return passed(root, *arguments)

        first = [min(taken(1, *words) for _ in range(2)) for words in ((), more)]
        for _ in range(PAIRS):
            passes = [taken(count), taken(count, *more)]
            spent = [
                [here - there for here, there in zip(took, one, strict=True)]
                for took, one in zip(passes, first, strict=True)
            ]
            ratios.append(spent[0][1] / spent[1][1])
            cpu.append(spent[1][0] / spent[0][0])
            rates.append((count - 1) / spent[1][1])
    said = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    return (
        f"{chosen.workers} workers: {said} times as many files a second as one process"
        f" ({max(rates):.1f} at best), for {statistics.median(cpu):.2f} times the CPU"
    )


def table(place: Path, name: str, content: bytes, chosen: argparse.Namespace) -> None:
    """Print the lines of one set."""
    files = min(chosen.files, MOST_BYTES // len(content))
    took, few = line(place, content, files)
    print(f"{name}: {len(content)} bytes; a pass with {FIRST} files takes {few:.2f} s")
    print(f"  {'the whole line':28}{took:9.2f} ms", flush=True)
    for stage, part in stages(place, content, min(files, 60)).items():
        print(f"    {stage:26}{part:9.2f} ms")
    for way, other in others(place, content, min(files, 10), chosen.peers).items():
        print(f"  {way:28}" + (f"{other:9.2f} ms {other / took:7.2f}" if other else "  missing"))


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, metavar="PYTHON")
    parser.add_argument(
        "--files", type=int, default=200, metavar="N", help="of each pass, at the most"
    )
    parser.add_argument("--sets", default="A,B,C,D,D2,E1,U", help="only these, for example A,B")
    parser.add_argument("--workers", type=int, metavar="N", help="only one process against N")
    parser.add_argument("--policy", default="rules", help="of the pixels, with --workers")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as places:
        for name, content in sets.sets().items():
            if name in chosen.sets.split(","):
                place = Path(places, name)
                place.mkdir()
                if chosen.workers:
                    print(f"{name}: {paired(place, content, chosen)}", flush=True)
                else:
                    table(place, name, content, chosen)


if __name__ == "__main__":
    main()
