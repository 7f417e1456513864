"""
What a pass costs by its number of files, and by what the ledger has: `python bench/pass_cost.py`.

First the start-up of `ingestion.py` on an empty folder. Then a folder with N files that a pass
leaves where they are (their names say that they are still being written): nothing is read, each is
looked at (`--files N,N`). Then a ledger with N entries: a pass that finds nothing, one that cleans
one small film, and to look up one file (`--rows N,N`). Then N small films of one series that are
cleaned and sent to the embedded backend in one pass (`--taken N,N`). CPU seconds, user and system,
of the program as cron starts it.
"""

from __future__ import annotations

import argparse
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import line_cost
import sets
from header_cost import written

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from img_ingestion.ledger import Ledger
from img_ingestion.ledger.entry import Entry

LOOKUPS = 1000
SETTINGS = '[incoming]\nsettle_s = 0.0\ngive_up_s = 0.0\n[pixels]\npolicy = "rules"\n'


def passed(home: Path) -> float:
    """Give the CPU seconds of one pass."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, str(ROOT / "ingestion.py"), "--home", str(home)]
    subprocess.run(command, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def home(root: Path) -> Path:
    """Make a home that has seen a pass."""
    (root / "local_dcm" / "customer_1").mkdir(parents=True)
    (root / "gateway.toml").write_text(SETTINGS)
    passed(root)
    return root


def of_files(place: Path, count: int) -> str:
    """Measure a pass over files that all stay."""
    root = home(place)
    for number in range(count):
        folder = root / "local_dcm" / "customer_1" / f"{number // 1000:04}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number:06}.dcm.part").write_bytes(b"x")
    return f"{count:>9} files that stay: {passed(root):7.2f} s"


def of_rows(place: Path, count: int) -> str:
    """Measure a pass, and looking up files, over a ledger of so many entries."""
    root = home(place)
    with closing(sqlite3.connect(root / "state" / "ledger.sqlite")) as ledger, ledger:
        ledger.executemany(
            "INSERT INTO file (id, customer, place, sha256, size, work, state, seen_at,"
            " changed_at, archived, name) VALUES (?, 'customer_1', ?, ?, 1, ?, 'sent', 0, 0,"
            " 1, ?)",
            ((f"{one:016x}", f"p{one}", f"s{one}", f"w{one}", f"n{one}") for one in range(count)),
        )
    took = passed(root)
    written(sets.small(), root / "local_dcm" / "bench", 1)
    busy = passed(root)
    with Ledger.open(root / "state") as ledger_there:
        start = time.process_time()
        for one in range(LOOKUPS):
            entry = Entry(f"{one:x}", "customer_1", f"p{one}", f"s{one}", 1, 0.0)
            ledger_there.known(entry)
            ledger_there.done(f"w{one}")
        each = (time.process_time() - start) / LOOKUPS * 1000
    said = f"{took:7.2f} s an empty pass, {busy:7.2f} s one with a file"
    return f"{count:>9} entries: {said}, {each:6.3f} ms to look up a file"


def taken(place: Path, count: int) -> str:
    """Measure a pass that cleans and sends so many files."""
    with line_cost.backend(place) as url:
        root = line_cost.home(place / "home", sets.small(), count, url)
        took, clock = line_cost.passed(root)
    each = took / count * 1000
    return (
        f"{count:>9} files taken: {took:7.2f} s, {each:6.2f} ms a file; {clock:.0f} s by the clock"
    )


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", default="100,1000,10000,100000", metavar="N,N")
    parser.add_argument("--rows", default="1000,10000,100000,1000000", metavar="N,N")
    parser.add_argument("--taken", default="1,100,1000,10000,100000", metavar="N,N")
    chosen = parser.parse_args()
    tables = ((of_files, chosen.files), (of_rows, chosen.rows), (taken, chosen.taken))
    # Nothing is deleted before the end, as `line_cost` says.
    with tempfile.TemporaryDirectory() as place:
        root = home(Path(place, "empty"))
        print(f"start-up, empty folder: {min(passed(root) for _ in range(5)):.2f} s")
        for measure, counts in tables:
            for count in filter(None, counts.split(",")):
                print(measure(Path(place, f"{measure.__name__}-{count}"), int(count)), flush=True)


if __name__ == "__main__":
    main()
