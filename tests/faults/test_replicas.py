"""Several replicas on one home and one PostgreSQL: killed, or asleep, they lose and repeat nothing."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pydicom
import pytest
from pydantic import SecretStr

import img_ingestion.ingest
import img_ingestion.transfer  # noqa: F401 (loaded once for all replicas)
from img_ingestion.backend import EmbeddedBackend
from img_ingestion.cli import main
from img_ingestion.home import Home
from img_ingestion.ledger import Ledger
from img_ingestion.ledger_access import LedgerAccess
from img_ingestion.review import synthetic
from tests import ceph
from tests.postgres import PASSWORD, database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.ceph import CephGateway

ROOT = Path(__file__).resolve().parents[2]
IMAGES, SERIES, TWICE, STRANGERS = 54, 9, 3, 3
FEWER = 12
FINE = {0, 3, 5}
"""Nothing to say; some is held; some waits: another replica is at it."""
KILLS = 8
SETTINGS = """\
[backend]
url = "{url}"
max_images = 2
[ledger]
url = "postgresql://{where}"
password_file = "password"
lease_s = 12
[incoming]
settle_s = 0.0
[limits]
min_free_bytes = 0
max_wall_s = 10
[pixels]
policy = "rules"
"""


@dataclass(frozen=True)
class Replicas:
    """A program that loaded everything once, and forks a replica whenever it is asked to."""

    program: subprocess.Popen[str]
    said: Path

    def start(self, home: Home, *command: str) -> int:
        """Start a replica; give its process id."""
        return self._asked({"command": [*command, "--home", str(home.root)]})

    def wait(self, process: int) -> int:
        """Wait for a replica; give its exit status, negative for a signal."""
        return self._asked({"wait": process})

    def run(self, home: Home, *command: str) -> int:
        """Run a replica to its end."""
        return self.wait(self.start(home, *command))

    def _asked(self, what: dict[str, object]) -> int:
        assert self.program.stdin is not None
        assert self.program.stdout is not None
        print(json.dumps(what), file=self.program.stdin, flush=True)
        return int(self.program.stdout.readline())


def _serve(said: str) -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        if "wait" in asked:
            answer = os.waitstatus_to_exitcode(os.waitpid(asked["wait"], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                _replica(asked["command"], said)
        print(answer, flush=True)  # noqa: T201 (the answer)


def _replica(command: list[str], said: str) -> None:
    output = os.open(said, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for each in (1, 2):
        os.dup2(output, each)
    status = 1
    try:
        status = main(command)
    finally:
        sys.stdout.flush()
        os._exit(status)


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    """Load the program once."""
    said = tmp_path_factory.mktemp("replicas") / "said"
    with subprocess.Popen(
        [sys.executable, __file__, str(said)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as program:
        yield Replicas(program, said)


@contextmanager
def shared_home(root: Path, postgres: str, count: int = IMAGES) -> Iterator[Home]:
    """Give a home with files that have arrived, a backend and a ledger."""
    home, images = Home(root / "home"), [_image(number) for number in range(count)]
    home.root.mkdir()
    home.prepare()
    folder = home.local_dcm / "north"
    (folder / "again").mkdir(parents=True)
    for number, content in enumerate(images):
        (folder / f"{number}.dcm").write_bytes(content)
    for number in range(min(TWICE, count)):
        (folder / "again" / f"{number}.dcm").write_bytes(images[number])
    for number in range(STRANGERS):
        (folder / f"stranger-{number}").write_bytes(b"no DICOM %d" % number)
    (home.root / "password").write_text(PASSWORD)
    with EmbeddedBackend(root / "received") as url:
        settings = SETTINGS.format(url=url, where=database(postgres))
        (home.root / "gateway.toml").write_text(settings)
        yield home


def _image(number: int) -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(synthetic.image()))
    dataset.SOPInstanceUID = f"{dataset.SOPInstanceUID}.{number}"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.SeriesInstanceUID = f"{dataset.SeriesInstanceUID}.{number % SERIES}"
    dataset.SeriesNumber, dataset.InstanceNumber = number % SERIES, number
    written = io.BytesIO()
    dataset.save_as(written)
    return written.getvalue()


def access(home: Home) -> LedgerAccess:
    """Give the ledger's place, as the settings have it."""
    (url,) = [
        line.split('"')[1]
        for line in (home.root / "gateway.toml").read_text().splitlines()
        if "postgresql" in line
    ]
    return LedgerAccess(url=url, password=SecretStr(PASSWORD), lease_s=12)


def complete(home: Home, replicas: Replicas, count: int = IMAGES, twice: int = TWICE) -> None:
    """See that nothing is lost, nothing was accepted twice, and the folders agree."""
    index = (home.root.parent / "received" / "index.jsonl").read_text().splitlines()
    stored = [one for one in map(json.loads, index) if one["outcome"] == "stored"]
    assert len({one["key"] for one in stored}) == len(stored)
    bodies = [
        json.loads(path.read_text()) for path in (home.root.parent / "received").glob("*/body.json")
    ]
    accepted = Counter(image["imageInstanceUid"] for body in bodies for image in body["images"])
    assert sorted(accepted.values()) == [1] * count
    with Ledger.open(home.state, access(home)) as ledger:
        assert ledger.totals() == Counter(sent=count, duplicate=twice, held=STRANGERS)
        assert ledger.connection.execute("SELECT count(*) FROM claim").fetchone() == (0,)
    left = [path for path in home.root.rglob(".*") if path.is_file()]
    assert left == []
    assert [path for path in home.local_dcm.rglob("*") if path.is_file()] == []
    assert replicas.run(home, "reconcile") == 0
    assert replicas.run(home, "verify") == 0


def test_three_replicas_at_once_share_the_files_and_send_each_once(
    replicas: Replicas, postgres: str, tmp_path: Path
) -> None:
    with shared_home(tmp_path, postgres) as home:
        at_work = [replicas.start(home, "run") for _ in range(3)]
        statuses = {replicas.wait(one) for one in at_work}
        assert statuses <= FINE
        # What two of them held at the same moment was left to a later pass.
        assert replicas.run(home, "run") in FINE
        complete(home, replicas)


def test_replicas_killed_at_any_moment_lose_nothing_and_repeat_nothing(
    replicas: Replicas, postgres: str, tmp_path: Path
) -> None:
    with shared_home(tmp_path, postgres) as home:
        killed(home, replicas, "run")
        complete(home, replicas)


def killed(home: Home, replicas: Replicas, *command: str) -> None:
    """Have three replicas at work, each killed some time and followed by another; then end it."""
    chance = random.Random(os.environ.get("REPLICAS_SEED", "8"))  # noqa: S311
    at_work = [replicas.start(home, *command) for _ in range(3)]
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.05, 0.5))
        victim = at_work.pop(chance.randrange(3))
        os.kill(victim, signal.SIGKILL)
        replicas.wait(victim)
        at_work.append(replicas.start(home, *command))
    for one in at_work:
        os.kill(one, signal.SIGKILL)
        replicas.wait(one)
    for _ in range(2):
        replicas.run(home, "run")


# boto3's sockets are left to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_archives_and_an_object_store_are_shared_by_replicas_that_watch_and_are_killed(
    replicas: Replicas, postgres: str, store: CephGateway, tmp_path: Path
) -> None:
    bucket, images = "replicas", [_image(number) for number in range(3 * SERIES)]
    packed, loose = images[: 2 * SERIES], images[2 * SERIES :]
    put = {"Bucket": bucket, "VersioningConfiguration": {"Status": "Enabled"}}
    store.client.create_bucket(Bucket=bucket)
    store.client.put_bucket_versioning(**put)
    for number, content in enumerate(loose):
        store.client.put_object(Bucket=bucket, Key=f"in/north/{number}", Body=content)
    with shared_home(tmp_path, postgres, 0) as home:
        for number in range(SERIES):
            with ZipFile(home.local_dcm / "north" / f"{number}.zip", "w") as archive:
                for which, content in enumerate(packed[number::SERIES]):
                    archive.writestr(f"{which}.dcm", content)
        (home.root / "secret").write_text(ceph.SECRET)
        (home.root / "gateway.toml").write_text(
            (home.root / "gateway.toml")
            .read_text()
            .replace("settle_s", "unpack_zip = true\nsettle_s")
            + f'[s3]\nurl = "s3://{bucket}/in"\nendpoint = "{store.endpoint}"\n'
            f'access_key = "{ceph.ACCESS}"\nsecret_key_file = "secret"\nafter = "move"\n'
        )
        killed(home, replicas, "run", "--watch", "0.2", "--workers", "2")
        complete(home, replicas, len(images), twice=0)
        originals = [path.read_bytes() for path in home.archive.rglob("*") if path.is_file()]
        assert sorted(originals) == sorted(images)
        assert "Contents" not in store.client.list_objects_v2(Bucket=bucket, Prefix="in/")


def test_a_replica_that_slept_through_its_lease_enters_nothing(
    replicas: Replicas, postgres: str, tmp_path: Path
) -> None:
    with shared_home(tmp_path, postgres, FEWER) as home:
        with Ledger.open(home.state, access(home), together=True) as look:
            sleeper = replicas.start(home, "run")
            ask = look.connection.execute
            asleep = ""
            while not asleep:
                found = _in_hand(ask)
                if found:
                    os.kill(sleeper, signal.SIGSTOP)
                    asleep = found if _in_hand(ask) == found else ""
                    if not asleep:
                        os.kill(sleeper, signal.SIGCONT)
            ask("UPDATE claim SET lease_ends = now() - interval '1 second'")
            assert replicas.run(home, "run") in FINE
            entered = ask("SELECT state FROM file WHERE id = ?", (asleep,)).fetchone()
            assert entered in {("sent",), ("held",), ("duplicate",)}
        replicas.said.write_text("")
        os.kill(sleeper, signal.SIGCONT)
        assert replicas.wait(sleeper) in FINE
        # Told as what it is to this run: not its own.
        assert "1 still arriving" in replicas.said.read_text()
        complete(home, replicas, FEWER)


def _in_hand(ask: object) -> str:
    """Give the file that is being cleaned and is not entered; empty if there is none."""
    query = (
        "SELECT claim.file FROM claim WHERE file <> '' AND name = ''"
        " AND NOT EXISTS (SELECT 1 FROM file AS one WHERE one.id = claim.file)"
    )
    row = ask(query).fetchone()  # type: ignore[operator]
    return str(row[0]) if row else ""


if __name__ == "__main__":
    _serve(sys.argv[1])
