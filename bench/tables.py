"""
All tables of `docs/performance.md`, in one run: `python bench/tables.py [--quick]`.

deid, dicognito and dicom-anonymizer are installed into `.peers/`, an environment of their own;
gdcmanon (libgdcm-tools) and dcmj2pnm (dcmtk) are taken from the path. What is missing is named. It
wants a machine that does nothing else, and an hour and a half of it; `--quick` a quarter of one.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PEERS = ("deid==0.4.13", "dicognito==0.19.0", "dicom-anonymizer==2.1.0")
LONG = (
    ("line_cost", "--workers", "2", "--sets", "A", "--policy", "all", "--files", "40"),
    ("flat_memory", "--files", "10000"),
)
"""What `--quick` leaves out."""


def peers() -> Path:
    """Give the interpreter that has the others."""
    place = ROOT / ".peers"
    python = place / "bin" / "python"
    if not python.exists():
        venv.create(place, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PEERS], check=True)
    return python


def main() -> None:
    """Run each program of the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer files, smaller ledgers")
    quick = parser.parse_args().quick
    others = ("--peers", str(peers()))
    few = ("--files", "60") if quick else ()
    small = ("--files", "100,1000", "--rows", "1000,10000", "--taken", "1,100") if quick else ()
    two = ("--workers", "2", "--sets", "A,B", "--files", "100" if quick else "400")
    for name, *arguments in (
        ("header_cost", *others),
        ("line_cost", *others, *few),
        ("line_cost", *two),
        ("pass_cost", *small),
        ("size_cost",),
        ("text_cost",),
        *(() if quick else LONG),
    ):
        print(f"\n== {name} {' '.join(arguments)}".rstrip(), flush=True)
        command = [sys.executable, str(ROOT / "bench" / f"{name}.py"), *arguments]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
