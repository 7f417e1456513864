"""Cleaned instances and pictures go to a real object store, and it has what we have."""

from __future__ import annotations

import hashlib
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file

from img_ingestion.cli import main
from img_ingestion.errors import SettingsError
from img_ingestion.ledger import Ledger
from img_ingestion.settings_file import load
from tests import ceph

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.ceph import CephGateway
    from tests.conftest import MakeInstance

pytestmark = [
    # boto3's sockets are left to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Outlet:
    """A home whose outputs go to a bucket of its own."""

    home: Path
    client: Any
    bucket: str

    def settle(self, endpoint: str, secret: str = ceph.SECRET) -> None:
        (self.home / "secret").write_text(secret)
        (self.home / "gateway.toml").write_text(
            '[incoming]\nsettle_s = 0.0\n[pixels]\npolicy = "rules"\n'
            f'[objects]\nurl = "s3://{self.bucket}/out"\nendpoint = "{endpoint}"\n'
            f'access_key = "{ceph.ACCESS}"\nsecret_key_file = "secret"\nmax_images = 2\n'
        )

    def make(self, *command: str) -> int:
        return main(["--home", str(self.home), *command])

    def there(self) -> dict[str, bytes]:
        """Give what is in the bucket."""
        answer = self.client.list_objects_v2(Bucket=self.bucket)
        keys = [one["Key"] for one in answer.get("Contents", ())]
        get = self.client.get_object
        return {key: get(Bucket=self.bucket, Key=key)["Body"].read() for key in keys}

    def here(self) -> dict[str, bytes]:
        """Give what the pass made, by the names that it is to have there."""
        made: dict[str, bytes] = {}
        for path in (self.home / "local_dcm_dicomcleaner").rglob("*.dcm"):
            one = pydicom.dcmread(path)
            parts = path.parent.name, one.StudyInstanceUID, one.SeriesInstanceUID
            name = "/".join(["out", *parts, one.SOPInstanceUID])
            for each in path.parent.glob(f"{path.stem}.*"):
                made[name + each.name.removeprefix(path.stem)] = each.read_bytes()
        return made

    def states(self) -> set[str]:
        with Ledger.open(self.home / "state") as ledger:
            return set(ledger.totals())


@pytest.fixture
def outlet(
    tmp_path: Path, store: CephGateway, make_instance: MakeInstance, request: pytest.FixtureRequest
) -> Outlet:
    """Give a home with images of two customers, one of several frames, and a plan."""
    name = "o" + hashlib.sha256(request.node.name.encode()).hexdigest()[:20]
    store.client.create_bucket(Bucket=name)
    frames = (np.arange(768, dtype="<u2") * 5).tobytes()
    instances = {
        "north/one.dcm": make_instance(),
        "north/two.dcm": make_instance(SOPInstanceUID="1.2.3.2", PatientName="Zq^Zq"),
        "north/three.dcm": make_instance(
            SOPInstanceUID="1.2.3.3", NumberOfFrames=3, PixelData=frames
        ),
        "south/one.dcm": make_instance(),
    }
    for place, content in instances.items():
        path = tmp_path / "local_dcm" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    plan = str(get_testdata_file("rtplan.dcm", download=False))
    shutil.copyfile(plan, tmp_path / "local_dcm" / "south" / "plan.dcm")
    outlet = Outlet(tmp_path, store.client, name)
    outlet.settle(store.endpoint)
    return outlet


def test_what_was_made_is_there_under_pseudonymous_names(outlet: Outlet) -> None:
    assert outlet.make() == 0
    made = outlet.here()
    # Five instances, four with pictures, one of these with three.
    assert len(made) == 5 + 3 + 3
    assert outlet.there() == made
    assert outlet.states() == {"sent"}
    assert outlet.make("reconcile") == 0


def test_the_same_again_takes_the_place_of_itself(outlet: Outlet) -> None:
    assert outlet.make() == 0
    before = outlet.there()
    with Ledger.open(outlet.home / "state") as ledger:
        ledger.connection.execute("UPDATE delivery SET state = 'waiting'")
        ledger.connection.execute("UPDATE file SET state = 'waiting'")
    assert outlet.make() == 0
    assert outlet.there() == before
    assert outlet.states() == {"sent"}


def test_killed_at_any_time_everything_gets_there(outlet: Outlet) -> None:
    command = [sys.executable, str(ROOT / "ingestion.py"), "--home", str(outlet.home)]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    for least in (1, 4, 7):
        with subprocess.Popen(command, **silent) as program:  # type: ignore[call-overload]
            while program.poll() is None and len(outlet.there()) < least:
                time.sleep(0.005)
            program.kill()
    assert outlet.make() in {0, 5}
    with Ledger.open(outlet.home / "state") as ledger:
        ledger.connection.execute("UPDATE delivery SET next_attempt_at = 0")
    assert outlet.make() == 0
    assert outlet.there() == outlet.here()
    assert outlet.states() == {"sent"}


@contextmanager
def spoiling(endpoint: str) -> Iterator[str]:
    """Give an address that leads to the store, and changes a byte of each instance on the way."""
    host, _, port = endpoint.removeprefix("http://").partition(":")

    def hand_on(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data.replace(b"DICM", b"DICN"))
            target.shutdown(socket.SHUT_WR)

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                here = listener.accept()[0]
                there = socket.create_connection((host, int(port)))
                for ends in ((here, there), (there, here)):
                    Thread(target=hand_on, args=ends, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=serve, args=(listener,), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def test_bytes_that_changed_on_the_way_are_refused_and_wait(
    outlet: Outlet, store: CephGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    with spoiling(store.endpoint) as endpoint:
        outlet.settle(endpoint)
        assert outlet.make() == 5
    assert outlet.states() == {"waiting"}
    assert not [key for key in outlet.there() if key.endswith(".dcm")]
    assert "object store, asked to put an object: " in capsys.readouterr().out
    outlet.settle(store.endpoint)
    with Ledger.open(outlet.home / "state") as ledger:
        ledger.connection.execute("UPDATE delivery SET next_attempt_at = 0")
    assert outlet.make() == 0
    assert outlet.there() == outlet.here()


def test_a_store_that_refuses_or_is_not_there_is_waited_for(
    outlet: Outlet, store: CephGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    outlet.settle(store.endpoint, "zq-wrong-zq")
    assert outlet.make() == 5
    outlet.settle("http://127.0.0.1:9")
    with Ledger.open(outlet.home / "state") as ledger:
        ledger.connection.execute("UPDATE delivery SET next_attempt_at = 0")
    assert outlet.make() == 5
    assert outlet.states() == {"waiting"}
    said = capsys.readouterr()
    assert "SignatureDoesNotMatch" in said.out
    assert "EndpointConnectionError" in said.out
    assert "zq-" not in said.err + said.out


def test_a_customer_with_a_store_of_its_own_does_not_inherit_our_keys(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("zq-secret-zq")
    common = (
        '[objects]\nurl = "s3://bucket/out"\naccess_key = "AKIA"\nsecret_key_file = "secret"\n'
        '[customers.north.objects]\nurl = "s3://other"\n'
    )
    (tmp_path / "gateway.toml").write_text(common)
    assert load(tmp_path).of("north").objects.access_key == "AKIA"
    (tmp_path / "gateway.toml").write_text(common + 'endpoint = "https://store.example.org"\n')
    with pytest.raises(SettingsError, match="access_key and secret_key"):
        load(tmp_path)
