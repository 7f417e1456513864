"""
What the header costs: `python bench/header_cost.py [--peers PYTHON] [--files N] [--memory N]`.

For each set of `sets.py`: CPU milliseconds a file of each way of `header_work.py`, and as ratios to
pydicom reading and writing the same file; the best of some rounds in which all take their turn.
Files of a set are instances of one series, each with UIDs of its own; `new patients` gives each
file another patient as well. PYTHON is an interpreter that has deid, dicognito and
dicom-anonymizer; gdcmanon is taken from the path. What is missing is named.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import sets
from header_work import ROOT, WAYS

PEERS = ("dicognito", "dicom_anonymizer", "deid")
NOT_HERE = (*PEERS, "dicom_cleaner")
NAME, NUMBER, LETTERS = b"Quillfeather", b"77.1234", "bcdfghjklmnpqrstvwxz"
SEVERAL = {"N": 2}
"""Files of a set that takes long."""


def written(content: bytes, folder: Path, count: int, *, patients: bool = False) -> None:
    """Write instances of one series, or each of another patient."""
    folder.mkdir()
    for number in range(count):
        one = content.replace(sets.INSTANCE, sets.INSTANCE[:-6] + f"{100_000 + number}".encode())
        if patients:
            digits = [LETTERS[number // 20**place % 20] for place in range(4)]
            one = one.replace(NAME, b"Quillfeq" + "".join(digits).encode())
            one = one.replace(NUMBER, f"77.{1000 + number}".encode())
        (folder / f"{number:05}.dcm").write_bytes(one)


def asked(python: str, way: str, folder: Path) -> float | None:
    """Give the milliseconds of one way, or nothing where the interpreter does not have it."""
    command = [python, "-W", "ignore", str(ROOT / "bench/header_work.py"), way, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return float(done.stdout.split()[-1])
    except (IndexError, ValueError):
        return None


def gdcmanon(folder: Path, out: Path) -> float | None:
    """Give the milliseconds of gdcmanon, which deletes a fixed list of elements."""
    program = shutil.which("gdcmanon")
    if program is None:
        return None
    removed = [word for tag in ("10,10", "10,20", "10,30", "8,50") for word in ("--empty", tag)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for source in sorted(folder.iterdir()):
        command = [program, "--dumb", *removed, "-i", str(source), "-o", str(out)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return None
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    taken = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return taken * 1000 / len(list(folder.iterdir()))


def table(name: str, content: bytes, chosen: argparse.Namespace) -> None:
    """Print the lines of one set."""
    with tempfile.TemporaryDirectory() as place:
        series, patients = Path(place, "series"), Path(place, "patients")
        count = SEVERAL.get(name, chosen.files)
        written(content, series, count)
        written(content, patients, count, patients=True)
        own, peers = sys.executable, str(chosen.peers or "")
        asked_for = {way: (own, way, series) for way in WAYS if way not in NOT_HERE}
        asked_for["here, new patients"] = (own, "here", patients)
        asked_for |= {way: (peers, way, series) for way in PEERS if peers}
        taken: dict[str, float | None] = dict.fromkeys((*asked_for, *PEERS))
        for _ in range(chosen.rounds):
            # In turn, because another program on the machine would slow one way and not the next.
            for name_of_way, question in asked_for.items():
                best = [each for each in (taken[name_of_way], asked(*question)) if each]
                taken[name_of_way] = min(best, default=None)
        taken["gdcmanon (a process a file)"] = gdcmanon(series, Path(place, "out.dcm"))
    base = taken["pydicom"] or 1.0
    print(f"{name}: {len(content)} bytes")
    for way, took in taken.items():
        print(f"  {way:28}" + (f"{took:9.2f} ms {took / base:7.2f}" if took else "  missing"))


def memory(count: int) -> None:
    """Print the resident set after 100, 1000 ... files, each of another patient."""
    sys.path.insert(0, str(ROOT))
    work = WAYS["here"]()
    content = sets.small()
    with tempfile.TemporaryDirectory() as place:
        source, target = Path(place, "in"), Path(place, "out.dcm")
        for number in range(count):
            if not source.exists() or number % 100 == 0:
                shutil.rmtree(source, ignore_errors=True)
                written(content, source, 100, patients=True)
            path = source / f"{number % 100:05}.dcm"
            of_nobody_else = f"Quill{number:07}".translate(
                str.maketrans("0123456789", "bcdfghjklm")
            )
            path.write_bytes(path.read_bytes().replace(NAME[:8], of_nobody_else.encode()[:8]))
            work(path, target)
            if number + 1 in {100, 1000, 10_000, count}:
                status = Path("/proc/self/status").read_text()
                resident = next(line.split()[1] for line in status.splitlines() if "VmRSS" in line)
                print(f"after {number + 1} files: {int(resident) // 1024} MiB resident", flush=True)


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, metavar="PYTHON")
    parser.add_argument("--files", type=int, default=10, metavar="N", help="files of each set")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="the best of N rounds")
    parser.add_argument("--memory", type=int, metavar="N", help="only the memory, over N files")
    parser.add_argument("--sets", default="", help="only these, for example A,B")
    chosen = parser.parse_args()
    if chosen.memory:
        memory(chosen.memory)
        return
    for name, content in sets.sets().items():
        if not chosen.sets or name in chosen.sets.split(","):
            table(name, content, chosen)


if __name__ == "__main__":
    main()
