"""A real PostgreSQL for the tests: Debian's, on loopback, under an account that is not root."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests import certificates

psycopg = pytest.importorskip("psycopg")

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = Path("/usr/lib/postgresql")
NOBODY = 65534
PASSWORD = "zq-secret-zq"
CONFIGURATION = """\
listen_addresses = '127.0.0.1,127.0.0.2'
ssl = on
ssl_ca_file = '{folder}/authority.pem'
ssl_cert_file = '{folder}/there.pem'
ssl_key_file = '{folder}/there.key'
unix_socket_directories = '{folder}'
shared_buffers = 16MB
max_connections = 40
fsync = off
autovacuum = off
"""
"""
The server is never cut from power here; what is entered is what is looked at. Its certificate is
good for 127.0.0.1 and not for 127.0.0.2.
"""
BY_CERTIFICATE = "hostssl all here 127.0.0.1/32 cert\n"


def _program(name: str) -> str:
    found = [*map(str, sorted(PROGRAMS.glob(f"*/bin/{name}")))] or [shutil.which(name) or ""]
    if not found[-1]:
        pytest.skip("PostgreSQL is not installed")
    return found[-1]


def _run(*command: str, **more: str) -> None:
    """Run one of PostgreSQL's programs; it refuses to be root."""
    root = os.getuid() == 0
    subprocess.run(
        command,
        check=True,
        capture_output=True,
        cwd="/",
        env=os.environ | {"LC_ALL": "C"} | more,
        user=NOBODY if root else None,
        group=NOBODY if root else None,
        extra_groups=[] if root else None,
    )


def _started(control: str, data: str, log: Path) -> int:
    """Start the server on a free port; somebody else may take it first."""
    for left in (2, 1, 0):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = int(free.getsockname()[1])
        try:
            _run(control, "-D", data, "-w", "-l", str(log), "-o", f"-p {port}", "start")
            break
        except subprocess.CalledProcessError:
            if not left:
                raise
    return port


@contextmanager
def server() -> Iterator[str]:
    """Start a server; give `gateway@127.0.0.1:PORT`."""
    initdb, control = _program("initdb"), _program("pg_ctl")
    # Not below pytest's folders: each run of pytest closes those to other accounts.
    folder = Path(tempfile.mkdtemp(prefix="gateway-postgres-"))
    secret = folder / f"password-{uuid4()}"
    secret.write_text(PASSWORD)
    certificates.issued(folder, "there", "here")
    if os.getuid() == 0:
        for each in (folder, *folder.iterdir()):
            os.chown(each, NOBODY, NOBODY)
    data = str(folder / "data")
    asked = ("-U", "gateway", "--pwfile", str(secret), "-A", "scram-sha-256", "--no-sync")
    _run(initdb, "-D", data, "-E", "UTF8", "--locale=C", *asked)
    with (folder / "data/postgresql.conf").open("a") as file:
        file.write(CONFIGURATION.format(folder=folder))
    accounts = folder / "data/pg_hba.conf"
    accounts.write_text(BY_CERTIFICATE + accounts.read_text())
    port = _started(control, data, folder / "log")
    try:
        yield f"gateway@127.0.0.1:{port}"
    finally:
        _run(control, "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def database(where: str) -> str:
    """Make a new database; give `USER@HOST:PORT/NAME`."""
    name = f"home_{uuid4().hex[:12]}"
    user, _, address = where.partition("@")
    with psycopg.connect(
        f"postgresql://{where}/postgres", password=PASSWORD, autocommit=True
    ) as one:
        one.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    return f"{user}@{address}/{name}"


def certified(where: str) -> Path:
    """Give the folder of the server's certificates; in it are those of the account `here`."""
    with psycopg.connect(f"postgresql://{where}/postgres", password=PASSWORD) as one:
        return Path(one.execute("SHOW ssl_ca_file").fetchone()[0]).parent
