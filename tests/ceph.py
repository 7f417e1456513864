"""A real object store for the tests: Ceph's gateway over one monitor and one disk in memory."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACCESS, SECRET = "AKIAGATEWAY", "zq-secret-zq"
PROGRAMS = ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
PATIENCE_S = 60
CONFIGURATION = """\
[global]
fsid = {fsid}
mon_host = [v1:127.0.0.1:{monitor}/0]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_msgr2 = false
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
mon_allow_pool_size_one = true
mon_data_avail_crit = 1
osd_crush_chooseleaf_type = 0
osd_objectstore = memstore
memstore_device_bytes = 1073741824
mon_data = {folder}/mon
osd_data = {folder}/osd
rgw_data = {folder}/rgw
run_dir = {folder}
admin_socket =
pid_file =
log_file = {folder}/$name.log
mon_cluster_log_file = {folder}/cluster.log
keyring = {folder}/keyring
monmap = {folder}/monmap
rgw_frontends = beast endpoint=127.0.0.1:{gateway}
"""


@dataclass(frozen=True)
class CephGateway:
    """The store, reached as a customer reaches it."""

    endpoint: str
    client: Any


@contextmanager
def running(folder: Path) -> Iterator[CephGateway]:
    """Start all of it on loopback; end it with the block. Skip where it is not installed."""
    boto3 = pytest.importorskip("boto3", reason="boto3 (requirements-s3.txt) is not installed")
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        pytest.skip(f"Debian's ceph-mon, ceph-osd and radosgw: no {missing[0]}")
    fsid, monitor, gateway = str(uuid4()), _free_port(), _free_port()
    for name in ("mon", "osd"):
        (folder / name).mkdir()
    (folder / "keyring").touch()
    words = {"fsid": fsid, "monitor": monitor, "gateway": gateway, "folder": folder}
    (folder / "ceph.conf").write_text(CONFIGURATION.format(**words))
    with ExitStack() as daemons:
        address = f"[v1:127.0.0.1:{monitor}/0]"
        _run(folder, "monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, "monmap")
        _run(folder, "ceph-mon", "-i", "a", "--mkfs", "--monmap", "monmap")
        daemons.enter_context(_daemon(folder, "ceph-mon", "-i", "a", "-f"))
        _run(folder, "ceph", "osd", "new", fsid)
        _run(folder, "ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", fsid)
        _start_disk(folder, daemons)
        who = ("--uid=gateway", "--display-name=gateway")
        keys = (f"--access-key={ACCESS}", f"--secret-key={SECRET}")
        _run(folder, "radosgw-admin", "user", "create", *who, *keys)
        daemons.enter_context(_daemon(folder, "radosgw", "-f", "-n", "client.gateway"))
        _wait_for(gateway)
        endpoint = f"http://127.0.0.1:{gateway}"
        client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id=ACCESS,
            aws_secret_access_key=SECRET,
        )
        yield CephGateway(endpoint, client)
        client.close()


def _start_disk(folder: Path, daemons: ExitStack) -> None:
    """Start the disk, again where it ended because the monitor was not ready for it."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        process = daemons.enter_context(_daemon(folder, "ceph-osd", "-i", "0", "-f"))
        while process.poll() is None and time.monotonic() < until:
            if "1 up" in _run(folder, "ceph", "osd", "stat"):
                return
            time.sleep(0.5)
    pytest.fail("ceph-osd does not come up")


def _run(folder: Path, *command: str) -> str:
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"CEPH_CONF": str(folder / "ceph.conf")},
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    ).stdout


@contextmanager
def _daemon(folder: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    silent = subprocess.DEVNULL
    environment = os.environ | {"CEPH_CONF": str(folder / "ceph.conf")}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=silent, stderr=silent
    ) as process:
        try:
            yield process
        finally:
            # Nothing of it is worth an orderly end.
            process.kill()


def _wait_for(port: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < until, "radosgw does not listen"
            time.sleep(0.1)
        else:
            return


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
