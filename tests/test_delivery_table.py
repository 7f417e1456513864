"""Every row of docs/delivery.md happens, and ends as it says."""

from __future__ import annotations

import re
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from img_ingestion.backend import EmbeddedBackend
from img_ingestion.backend.misbehaviour import parsed
from img_ingestion.patience import FIRST_WAIT_S
from img_ingestion.transfer import transfer
from tests import certificates
from tests.delivering import ANSWER, listening, opened_outbox, request_read, settings

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

PAGE = Path(__file__).resolve().parents[1] / "docs" / "delivery.md"
TABLE = PAGE.read_text("utf-8").split("| next attempt |\n|---|---|---|---|\n")[1].split("\n\n")[0]
ROWS = [tuple(re.split(r"\s*\|\s*", line.strip("|"))) for line in TABLE.splitlines()]
ROWS = [tuple(cell.strip() for cell in row) for row in ROWS]


@dataclass(frozen=True)
class Scene:
    """How a row is made to happen."""

    serve: Callable[[Path], AbstractContextManager[str]]
    """Give the URL of a server that does it."""
    backend: dict[str, Any] = field(default_factory=dict)
    trusted: str = ""


def script(words: str, **backend: object) -> Scene:
    """Have the embedded backend do it."""

    @contextmanager
    def serve(folder: Path) -> Iterator[str]:
        with EmbeddedBackend(folder / "received", [parsed(words)] if words else []) as url:
            yield url

    return Scene(serve, backend)


def in_ten_minutes() -> Scene:
    """Have a server of a few lines ask for patience until a date."""

    def answer(stream: socket.socket) -> None:
        request_read(stream)
        date = formatdate(time.time() + 600, usegmt=True)
        head = f"HTTP/1.1 429 Too Many Requests\r\nRetry-After: {date}\r\nContent-Length: 0"
        stream.sendall(f"{head}\r\n\r\n".encode())

    @contextmanager
    def serve(_: Path) -> Iterator[str]:
        with listening(answer) as address:
            yield f"http://{address}"

    return Scene(serve)


def over_tls(name: str, *, trusted: str, trusting: str = "") -> Scene:
    """Have a server with this certificate answer well."""

    def answer(stream: socket.socket) -> None:
        request_read(stream)
        stream.sendall(ANSWER)

    @contextmanager
    def serve(folder: Path) -> Iterator[str]:
        tls: ssl.SSLContext = certificates.server(folder, name, trusting=trusting)
        with listening(answer, tls) as address:
            yield f"https://{address}"

    return Scene(serve, trusted=trusted)


@contextmanager
def nobody(_: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@contextmanager
def unknown(_: Path) -> Iterator[str]:
    # The tests' own guard refuses the look-up, as a machine without network would.
    yield "https://backend.invalid"


@contextmanager
def full(_: Path) -> Iterator[str]:
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        # A full queue of one: Linux lets the next ones wait.
        for each in (first, second):
            each.settimeout(0)
            each.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


SCENES = {
    "200 in the contract's words": script(""),
    "connection refused": Scene(nobody),
    "connection reset amid the body": script("fault=reset"),
    "connection ends amid the answer": script("fault=short"),
    "name not known": Scene(unknown),
    "connection not taken in time": Scene(full, {"connect_timeout_s": 0.2}),
    "no answer in time": script("delay=60", read_timeout_s=0.2),
    "an answer of one byte a second": script("fault=drip,delay=1", total_timeout_s=1.5),
    "TLS: certificate expired": over_tls("over", trusted="over"),
    "TLS: certificate of another host": over_tls("elsewhere", trusted="elsewhere"),
    "TLS: self-signed certificate": over_tls("right", trusted=""),
    "TLS: our certificate is asked for, and we have none": over_tls(
        "right", trusted="right", trusting="ours"
    ),
    "200 with HTML": script("fault=html"),
    "200 with other JSON": script("fault=wrong"),
    "200 with half the JSON": script("fault=cut"),
    "200 with a gzip bomb": script("fault=bomb"),
    "302": script("fault=redirect"),
    "400 with a message": script("status=400"),
    "429 with Retry-After: 600": script("status=429,retry-after=600"),
    "429 with Retry-After: a date ten minutes ahead": in_ten_minutes(),
    "429 with Retry-After: 86400": script("status=429,retry-after=86400"),
    "503 with Retry-After: 600": script("status=503,retry-after=600"),
    "a picture that is gone or cut on our own disk": script(""),
} | {row[0]: script(f"status={row[0]}") for row in ROWS if re.fullmatch(r"[4-5]\d\d", row[0])}


SAID = {
    "connection refused": "network: connection refused",
    "connection not taken in time": "network: connection not taken in time",
    "no answer in time": "network: no answer in time",
    "200 with HTML": "answer not as the contract says: not said to be JSON",
    "200 with half the JSON": "answer not as the contract says: no JSON",
    "TLS: certificate expired": "network: TLS: its certificate is expired",
    "TLS: certificate of another host": "network: TLS: its certificate is another host's",
    "TLS: self-signed certificate": "network: TLS: its certificate is self-signed",
}
"""What the operator is told, where a type of an exception would be no help."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates.made(tmp_path_factory.mktemp("tls"))


def test_the_page_and_this_test_know_the_same_rows() -> None:
    assert [row[0] for row in ROWS] == list(dict.fromkeys(row[0] for row in ROWS))
    assert {row[0] for row in ROWS} == set(SCENES)
    assert len(ROWS) > 35


@pytest.mark.parametrize("row_of_page", ROWS, ids=[row[0] for row in ROWS])
def test_each_row_of_the_page_ends_as_it_says(
    row_of_page: tuple[str, ...], folder: Path, tmp_path: Path
) -> None:
    happens, becomes, code, after = row_of_page
    scene = SCENES[happens]
    trusted = {"ca_file": str(folder / f"{scene.trusted}.pem")} if scene.trusted else {}
    for certificate in folder.iterdir():
        (tmp_path / certificate.name).write_bytes(certificate.read_bytes())
    with opened_outbox(tmp_path / "home") as outbox, scene.serve(tmp_path) as url:
        one = outbox.add(1)
        if "our own disk" in happens:
            outbox.data(one).unlink()
        before = time.time()
        (delivered,) = transfer(outbox.ledger, settings(url, **trusted, **scene.backend))
        row, took = outbox.delivery(one), time.time() - before
        assert (delivered.outcome, delivered.code) == (becomes, code)
        assert delivered.status.startswith(SAID.get(happens, ""))
        assert (outbox.state(one), row["state"], row["code"]) == (becomes, becomes, code)
        assert row["attempts"] == 1
        assert (len(row["receipt_digest"]) == 64) == (becomes == "sent")
    waited = row["next_attempt_at"] - before
    if after == "backoff":
        assert FIRST_WAIT_S / 2 <= waited <= FIRST_WAIT_S + took
    elif after:
        asked = float(after.removesuffix(" s"))
        assert asked - 60 <= waited <= asked + took
    else:
        assert row["next_attempt_at"] == 0
