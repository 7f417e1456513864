"""
Outcomes of one pass over a folder of DICOM files: `python bench/corpus.py FOLDER [policy]`.

The files go through the real doors: a home of their own, `ingestion.py` as a process, the embedded
backend. Then every file that was sent is held against its source: dcmdump opens it (where dcmtk
is installed), dciodvfy finds no error that the source had not, every frame has its PNG. Prints the
table of outcomes by modality and transfer syntax, and what is held, by reason.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from img_ingestion.backend import EmbeddedBackend

CUSTOMER = "corpus"
NO_GROUPS = frozenset({0x0001, 0x0003, 0x0005, 0x0007, 0xFFFF})
"""No element may stand there (PS3.5 7.8.1); dciodvfy reads no further."""
UNREAD = re.compile("Object Not found|Tag read failed|Tags out of order|Seek failed")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file."""

    source: Path
    modality: str
    transfer_syntax: str
    state: str
    code: str
    reason: str
    cleaned: Path | None


def run(folder: Path, home: Path, policy: str) -> str:
    """Copy the files into a home, make one pass, and give its last line."""
    incoming = home / "local_dcm" / CUSTOMER
    incoming.mkdir(parents=True)
    for source in sorted(folder.rglob("*")):
        if source.is_file():
            shutil.copyfile(source, incoming / source.name)
    with EmbeddedBackend(home / "received") as url:
        settings = f'[backend]\nurl = "{url}"\n[incoming]\nsettle_s = 0.0\ngive_up_s = 0.0\n'
        (home / "gateway.toml").write_text(f'{settings}[pixels]\npolicy = "{policy}"\n')
        command = [sys.executable, str(ROOT / "ingestion.py"), "--home", str(home)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(done.stderr, end="", file=sys.stderr)
    return f"exit {done.returncode}: {done.stdout.splitlines()[-1]}"


def outcomes(folder: Path, home: Path) -> list[Outcome]:
    """Read the ledger and say of each file what became of it."""
    query = "SELECT sha256, state, code, reason, name FROM file"
    with closing(sqlite3.connect(home / "state" / "ledger.sqlite")) as ledger:
        rows = {row[0]: row[1:] for row in ledger.execute(query)}
    found = []
    for source in sorted(path for path in folder.rglob("*") if path.is_file()):
        state, code, reason, name = rows[hashlib.sha256(source.read_bytes()).hexdigest()]
        cleaned = home / "local_dcm_dicomcleaner" / CUSTOMER / f"cleaned-{name}.dcm"
        modality, syntax = _kind(source)
        found.append(
            Outcome(source, modality, syntax, state, code, reason, cleaned if name else None)
        )
    return found


def _kind(source: Path) -> tuple[str, str]:
    try:
        dataset = pydicom.dcmread(source, force=True, specific_tags=["Modality"])
        syntax = dataset.file_meta.get("TransferSyntaxUID")
        return str(dataset.get("Modality") or "-"), "-" if syntax is None else syntax.name
    except Exception:  # noqa: BLE001 - a file that pydicom cannot read has no kind
        return "-", "-"


def new_errors(before: Path, after: Path) -> list[str]:
    """
    Give the dciodvfy errors that a cleaned file has and its source had not.

    What dciodvfy cannot read to the end (deflated, or with elements in impossible groups)
    is written again, element by element, before it is looked at: the source like the cleaned file.
    """
    found = [_errors(path) for path in (before, after)]
    if any(UNREAD.search(line) for errors in found for line in errors):
        found = [_errors_written_again(path) for path in (before, after)]
    return sorted((found[1] - found[0]).elements())


def _errors(path: Path) -> Counter[str]:
    program = Path(sys.executable).with_name("dciodvfy")
    done = subprocess.run([program, "-new", path], capture_output=True, check=False)
    lines = (done.stdout + done.stderr).decode(errors="replace").splitlines()
    return Counter(re.sub(r"<[^>/]*>|'[^']*'", "", line) for line in lines if line[:5] == "Error")


def _errors_written_again(path: Path) -> Counter[str]:
    with tempfile.NamedTemporaryFile(suffix=".dcm") as copy:
        dataset = pydicom.dcmread(path)
        for tag in [each.tag for each in dataset if each.tag.group in NO_GROUPS]:
            del dataset[tag]
        if dataset.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian:
            dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.save_as(copy.name)
        return _errors(Path(copy.name))


def opens_in_dcmtk(path: Path) -> bool:
    """Tell whether dcmdump reads a file to its end; true where dcmtk is not installed."""
    program = shutil.which("dcmdump")
    if program is None:
        return True
    return subprocess.run([program, "-q", path], capture_output=True, check=False).returncode == 0


def main(folder: Path, policy: str) -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        print(run(folder, home, policy))
        found = outcomes(folder, home)
        kinds = Counter((one.modality, one.transfer_syntax, one.state, one.code) for one in found)
        print("\nmodality | transfer syntax | outcome | files")
        for (modality, syntax, state, code), count in sorted(kinds.items()):
            print(f"{modality} | {syntax} | {state} {code} | {count}")
        print("\nheld because | files")
        for reason, count in Counter(one.reason for one in found if one.reason).most_common():
            print(f"{reason} | {count}")
        sent = [one for one in found if one.cleaned is not None]
        unopened = [one.source.name for one in sent if not opens_in_dcmtk(_of(one))]
        worse = {one.source.name: new_errors(one.source, _of(one)) for one in sent}
        print(f"\nsent {len(sent)}; not opened by dcmdump: {unopened or 'none'}")
        for name, errors in worse.items():
            if errors:
                print(f"new dciodvfy errors in {name}: {len(errors)}, e.g. {errors[0]}")


def _of(outcome: Outcome) -> Path:
    if outcome.cleaned is None:
        raise ValueError("a file that was not sent has no cleaned one")
    return outcome.cleaned


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "all")  # noqa: PLR2004
