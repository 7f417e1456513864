"""
Where the one writer saturates: `python bench/coordinator.py [--files N] [--home DIR] [--dask]`.

Those who clean do nothing but write outputs of a few bytes and answer, so what is left is what one
pass does alone for every file, whoever cleans: find, read and hash it, enter it in the ledger, give
its outputs their names, put the original away, each of it synced. Files a second by the clock, and
the CPU milliseconds of the coordinator alone. `--home /dev/shm` leaves the disk out of it.

`--dask` starts a scheduler and two workers on loopback; the gateway's own `Cluster` hands out tasks
that do nothing, as many at a time as for 1, 10 and 100 workers of one thread.

`--postgres USER@HOST:PORT/DATABASE` has 1, 2 and 4 runs share one home and a ledger there; the
password is in PGPASSWORD. A ledger that was in that database before is removed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from pydantic import SecretStr

from img_ingestion.crew import Crew
from img_ingestion.deidentify import recipe
from img_ingestion.home import Home
from img_ingestion.ingest import ingest
from img_ingestion.instance import ReceivedInstance
from img_ingestion.ledger import Ledger
from img_ingestion.ledger_access import LedgerAccess
from img_ingestion.outputs import Outputs, Page
from img_ingestion.settings_file import load
from img_ingestion.shelves import Shelves

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SETTINGS = '[incoming]\nsettle_s = 0.0\n[pixels]\npolicy = "rules"\n'
CONTENT = b"x" * 1024
FIELDS = {
    "imageInstanceUid": "2.25.123456789012345678901234567890123456789",
    "sopClassUid": "1.2.840.10008.5.1.4.1.1.2",
    "photometricInterpretation": "MONOCHROME2",
    **dict.fromkeys(("height", "width", "bitsAllocated", "bitsStored", "highBit"), 512),
    **dict.fromkeys(("samplesPerPixel", "rescaleSlope", "rescaleIntercept"), 1),
}
UID = "2.25.210987654321098765432109876543210987654"
STUDY = {"studyInstanceUid": UID, "patientId": "P" * 16, "accessionNumber": "A" * 16}


@dataclass(frozen=True, slots=True)
class Null:
    """Looks at no file: outputs of a few bytes, an answer as a clean file's."""

    shelves: Shelves

    def work(self, request: Mapping[str, Any], _: bytes) -> Mapping[str, Any]:
        """Answer one request."""
        one, home = request["id"], self.shelves.home
        cleaned, encoded = (place / request["customer"] for place in (home.cleaned, home.encoded))
        places = str(cleaned), str(encoded)
        made: list[str] = []
        digest = sha256(one.encode()).hexdigest()
        page = Page(
            frame=1,
            fields=FIELDS,
            png=self.shelves.stage(CONTENT, cleaned, made, one),
            text=self.shelves.stage(CONTENT, encoded, made, one),
            size=len(CONTENT),
            digest=digest,
        )
        instance = self.shelves.stage(CONTENT, cleaned, made, one)
        series = {"seriesInstanceUid": UID}
        uid = f"2.25.{int(digest[:32], 16):039}"
        outputs = Outputs(*places, instance, digest, (page,), STUDY, series, uid, 1)
        replaced = [["uid", f"1.2.840.{int(digest[:24], 16)}", uid]]
        return {
            "name": one,
            "replaced": replaced,
            "outputs": outputs.words(),
            "seconds": {},
            "temporaries": made,
        }


def dropped(root: Path, files: int) -> Home:
    """Give a home with so many small files of one customer."""
    folder = root / "local_dcm" / "customer_1"
    folder.mkdir(parents=True)
    (root / "gateway.toml").write_text(SETTINGS)
    for number in range(files):
        (folder / f"{number:07}.dcm").write_bytes(b"\0" * 128 + b"DICM" + f"{number:07}".encode())
    home = Home(root)
    home.prepare()
    return home


def one_writer(where: str | None, files: int, size: int) -> str:
    """Measure a pass of the whole first line with so many who do nothing."""
    with tempfile.TemporaryDirectory(dir=where) as place:
        home = dropped(Path(place), files)
        settings, rules = load(home.root), recipe.load(ROOT / "deid.dicom")
        crew = Crew(Null(Shelves(home)).work, size)
        with Ledger.open(home.state) as ledger:
            clock, cpu = time.monotonic(), time.process_time()
            done = [one.outcome for one in ingest(home, settings, rules, ledger, workers=crew)]
            clock, cpu = time.monotonic() - clock, time.process_time() - cpu
        if done != ["waiting"] * files:
            raise SystemExit("not every file was taken")
    return (
        f"{size:>4} that do nothing: {files / clock:6.0f} files/s, {clock / files * 1000:5.2f} ms"
        f" a file by the clock, {cpu / files * 1000:5.2f} ms of CPU in the coordinator"
    )


def several(where: str | None, files: int, runs: int, url: str) -> str:
    """Measure as many runs that share one home and one ledger."""
    from img_ingestion.ledger.postgres import reached  # noqa: PLC0415 - an extra

    password = SecretStr(os.environ.get("PGPASSWORD", ""))
    access = LedgerAccess(url=f"postgresql://{url}", password=password)
    database = reached(access)
    database.execute("DROP SCHEMA IF EXISTS img_ingestion CASCADE")
    database.close()
    with tempfile.TemporaryDirectory(dir=where) as place:
        home, clock = dropped(Path(place), files), time.monotonic()
        at_work = [_forked(home, access) for _ in range(runs)]
        cpu = sum(float(os.read(end, 64)) for _, end in at_work)
        clock = time.monotonic() - clock
        for process, _ in at_work:
            os.waitpid(process, 0)
        with Ledger.looking(home.state, access) as ledger:
            if ledger.totals()["waiting"] != files:
                raise SystemExit("not every file was taken")
    return (
        f"{runs:>4} runs of one ledger: {files / clock:6.0f} files/s,"
        f" {cpu / files * 1000:5.2f} ms of CPU a file in all coordinators"
    )


def _forked(home: Home, access: LedgerAccess) -> tuple[int, int]:
    """Start a run; give its process, and where it writes the seconds of CPU that it took."""
    ours, theirs = os.pipe()
    if process := os.fork():
        os.close(theirs)
        return process, ours
    settings, rules, cpu = load(home.root), recipe.load(ROOT / "deid.dicom"), time.process_time()
    with Ledger.open(home.state, access, together=True) as ledger:
        crew = Crew(Null(Shelves(home)).work)
        for _ in ingest(home, settings, rules, ledger, workers=crew):
            pass
    os.write(theirs, str(time.process_time() - cpu).encode())
    os._exit(0)


def _nothing(where: tuple[str, str], received: ReceivedInstance, version: str) -> dict[str, str]:
    del where, version
    return {"id": received.id}


@contextmanager
def scheduler(scratch: Path) -> Iterator[str]:
    """Start a scheduler and two workers of one thread; give its address."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> None:
        command = [sys.executable, "-m", "distributed.cli." + words[0], *words[1:]]
        more = {"cwd": scratch, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        started.append(
            subprocess.Popen([*command, "--no-dashboard"], env=environment, **more)  # type: ignore[call-overload]
        )

    try:
        where = scratch / "scheduler.json"
        local = ("--host", "127.0.0.1")
        start("dask_scheduler", *local, "--port", "0", "--scheduler-file", str(where))
        while not where.exists():
            time.sleep(0.1)
        for _ in range(2):
            start("dask_worker", "--scheduler-file", str(where), "--nthreads", "1", *local)
        yield json.loads(where.read_text())["address"]
    finally:
        for process in reversed(started):
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def over_dask(tasks: int, workers: int) -> str:
    """Measure the gateway's own Cluster with tasks that do nothing."""
    from img_ingestion import cluster  # noqa: PLC0415 - an extra
    from img_ingestion.cluster_access import Dask  # noqa: PLC0415

    cluster.cleaned = _nothing  # type: ignore[assignment]
    policy: Any = SimpleNamespace(version="")
    with tempfile.TemporaryDirectory() as place, scheduler(Path(place)) as address:
        home = Home(Path(place))
        with cluster.Cluster(address, home, None, Dask()) as there:
            cluster.AGAIN_S = float("inf")
            there._window = cluster.AHEAD * workers  # noqa: SLF001 - as of so many workers
            clock, cpu = time.monotonic(), time.process_time()
            for number in range(tasks):
                there.begin(ReceivedInstance(str(number), "c", Path("x"), b"", ""), policy)
                if not there.free:
                    there.ended()
            while there._begun:  # noqa: SLF001 - so many are still out
                there.ended()
            clock, cpu = time.monotonic() - clock, time.process_time() - cpu
    return (
        f"{workers:>4} workers' tasks begun: {tasks / clock:6.0f} tasks/s,"
        f" {cpu / tasks * 1000:5.2f} ms of CPU in the coordinator"
    )


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000, metavar="N")
    parser.add_argument("--home", metavar="DIR", help="where the homes are made")
    parser.add_argument("--dask", action="store_true", help="of a cluster, too")
    parser.add_argument("--postgres", metavar="URL", help="of several runs, too")
    chosen = parser.parse_args()
    for runs in (1, 2, 4) if chosen.postgres else ():
        print(several(chosen.home, chosen.files, runs, chosen.postgres), flush=True)
    for size in (1, 2, 8):
        print(one_writer(chosen.home, chosen.files, size), flush=True)
    if chosen.dask:
        for workers in (1, 10, 100):
            print(over_dask(chosen.files, workers), flush=True)


if __name__ == "__main__":
    main()
