"""
Score the gateway on an answer-keyed benchmark: `bench/midib.py MAKER SOURCES SEED... [policy]`.

MAKER is a folder with make_bench.py and judge.py (../shared/bench/midib), SOURCES what its
sources.py lays out. For each seed a benchmark is made, every file of it goes through the real doors
(a home of its own, `ingestion.py` as a process, the embedded backend), `identify --export` makes
the map, and the judge counts. Prints the scores, and what was held, by reason: a held file has no
output, so all that it had to keep counts against us. So the judge counts once more, over the files
that were not held.
"""

from __future__ import annotations

import csv
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from pydicom import dcmread

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from img_ingestion.backend import EmbeddedBackend

CUSTOMER = "midib"


def run(script: Path, *arguments: str | Path) -> str:
    """Run a Python script and give what it prints, whatever its exit status says."""
    command = [sys.executable, script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout


def clean(bench: Path, home: Path, policy: str) -> str:
    """Make one pass over a benchmark's input, and give its last line."""
    incoming = home / "local_dcm" / CUSTOMER
    incoming.mkdir(parents=True)
    for number, source in enumerate(sorted((bench / "input").rglob("*.dcm"))):
        shutil.copyfile(source, incoming / f"{number:05}.dcm")
    with EmbeddedBackend(home / "received") as url:
        settings = f'[backend]\nurl = "{url}"\n[incoming]\nsettle_s = 0.0\n'
        (home / "gateway.toml").write_text(f'{settings}[pixels]\npolicy = "{policy}"\n')
        lines = run(ROOT / "ingestion.py", "--home", home).splitlines()
    run(ROOT / "ingestion.py", "--home", home, "identify", "--export", home / "map.csv")
    return lines[-1] if lines else "nothing was printed"


def held(home: Path) -> list[str]:
    """Count what was held, by reason."""
    query = "SELECT count(*), reason FROM file WHERE reason != '' GROUP BY reason ORDER BY 1 DESC"
    with closing(sqlite3.connect(home / "state" / "ledger.sqlite")) as ledger:
        return [f"  {count} held: {reason}" for count, reason in ledger.execute(query)]


def forget_held(bench: Path, home: Path) -> None:
    """Take out of the key what it asks of files that have no output."""
    with (home / "map.csv").open(encoding="utf-8") as rows:
        names = {row["pseudonym"]: row["original"] for row in csv.DictReader(rows)}
    outputs = (home / "local_dcm_dicomcleaner").rglob("*.dcm")
    sent = [dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID for path in outputs]
    with closing(sqlite3.connect(bench / "answers.db")) as key:
        key.execute("CREATE TEMP TABLE sent (uid TEXT PRIMARY KEY)")
        key.executemany("INSERT INTO sent VALUES (?)", [(names[str(uid)],) for uid in sent])
        key.execute("DELETE FROM answer_data WHERE SOPInstanceUID NOT IN (SELECT uid FROM sent)")
        key.commit()


def main(maker: Path, sources: Path, seeds: list[str], policy: str) -> None:
    """Print the scores of each seed."""
    for seed in seeds:
        with tempfile.TemporaryDirectory() as scratch:
            bench, home = Path(scratch, "bench"), Path(scratch, "home")
            print(f"seed {seed}:", run(maker / "make_bench.py", sources, bench, "--seed", seed))
            print(clean(bench, home, policy), *held(home), sep="\n")
            cleaned = home / "local_dcm_dicomcleaner"
            print(run(maker / "judge.py", bench, cleaned, home / "map.csv"), flush=True)
            forget_held(bench, home)
            judged = run(maker / "judge.py", bench, cleaned, home / "map.csv")
            print("files that were not held:", *judged.splitlines()[-1:], flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 4 or not Path(sys.argv[1], "judge.py").is_file():  # noqa: PLR2004
        sys.exit(__doc__)
    given = [each for each in sys.argv[3:] if each.isdigit()]
    chosen = next((each for each in sys.argv[3:] if not each.isdigit()), "rules")
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), given, chosen)
