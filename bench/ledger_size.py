"""
How a ledger grows: `python bench/ledger_size.py [--rows N,N]`.

The rows are those of one file that a pass entered (`coordinator.Null`) and a backend took,
over and over under other digests. For each size: bytes of the ledger a file; CPU seconds of a
`status` and of a pass that finds nothing; milliseconds by the clock to enter one more file.
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
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from coordinator import FIELDS, ROOT, STUDY, UID, Null, dropped

from img_ingestion.crew import Crew
from img_ingestion.deidentify import recipe
from img_ingestion.ingest import ingest
from img_ingestion.ledger import Contents, Ledger
from img_ingestion.ledger.entry import Entry
from img_ingestion.settings_file import load
from img_ingestion.shelves import Shelves

if TYPE_CHECKING:
    from img_ingestion.home import Home

ENTERED = 100


def grown(root: Path, rows: int) -> Home:
    """Give a home whose ledger knows so many files, all sent."""
    home = dropped(root, 1)
    settings, rules = load(home.root), recipe.load(ROOT / "deid.dicom")
    with Ledger.open(home.state) as ledger:
        crew = Crew(Null(Shelves(home)).work)
        list(ingest(home, settings, rules, ledger, workers=crew))
    with closing(sqlite3.connect(home.state / "ledger.sqlite")) as ledger, ledger:
        ledger.row_factory = sqlite3.Row
        first = dict(ledger.execute("SELECT * FROM file").fetchone()) | {"state": "sent"}
        ledger.execute("DELETE FROM file")
        sent = ", 'backend', 'customer_1', ?, 'sent', 1, 1, 0, '', '', '200 ok', ?)"
        marks = ", ".join(f":{column}" for column in first)
        for number in range(rows):
            row = first | _digests(number)
            ledger.execute(f"INSERT INTO file VALUES ({marks})", row)  # noqa: S608 - our columns
            values = (row["id"], row["sha256"], row["work"])
            ledger.execute(f"INSERT INTO delivery VALUES (?{sent}", values)  # noqa: S608
    return home


def _digests(number: int) -> dict[str, str]:
    """Give what is different from file to file, as long as it is in truth, in chance's order."""
    digest = sha256(str(number).encode()).hexdigest()
    name = f"dicom_{number:08}_000"
    files = (f"cleaned-{name}.dcm", f"cleaned-{name}.png", f"cleaned-{name}.png.txt")
    digests = "{" + ",".join(f'"{file}":"{digest}"' for file in files) + "}"
    uid = f"2.25.{int(digest[:32], 16):039}"
    return {
        **dict.fromkeys(("place", "sha256", "work"), digest),
        "id": digest[:16],
        "uid": uid,
        "name": name,
        "digests": digests,
    }


def cpu(home: Home, *words: str) -> float:
    """Give the CPU seconds of one command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, str(ROOT / "ingestion.py"), "--home", str(home.root), *words]
    subprocess.run(command, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def entered(home: Home) -> float:
    """Give the milliseconds that a further file takes to be entered."""
    with Ledger.open(home.state) as ledger:
        began = time.monotonic()
        for number in range(ENTERED):
            made = _digests(-1 - number)
            name = made["name"]
            entry = Entry(made["id"], "customer_1", made["place"], made["sha256"], 1, 0.0)
            entry = entry._replace(work=made["work"], name=name)
            images = [(FIELDS, f"cleaned-{name}.png.txt")]
            series = {"seriesInstanceUid": UID}
            ledger.enter([(entry, Contents(STUDY, series, images, 1, {}, made["uid"]))])
            ledger.archived([(entry, "")])
        return (time.monotonic() - began) / ENTERED * 1000


def main() -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default="1000,10000,100000,1000000", metavar="N,N")
    parser.add_argument("--home", metavar="DIR", help="where the homes are made")
    chosen = parser.parse_args()
    for rows in map(int, chosen.rows.split(",")):
        with tempfile.TemporaryDirectory(dir=chosen.home) as place:
            home = grown(Path(place), rows)
            size = (home.state / "ledger.sqlite").stat().st_size
            cpu(home)  # the first one reads the recipe
            print(
                f"{rows:>9} files: {size / rows:6.0f} bytes a file, {size / 1e6:8.1f} MB;"
                f" status {cpu(home, 'status'):5.2f} s, an empty pass {cpu(home):5.2f} s,"
                f" one more {entered(home):5.2f} ms",
                flush=True,
            )


if __name__ == "__main__":
    main()
