"""Each thing that a backend, or the network before it, can do; row by row on loopback."""

from __future__ import annotations

import socket
import threading
import time
import tracemalloc
from base64 import b64encode
from contextlib import contextmanager
from email.utils import formatdate
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from img_ingestion import png_header
from img_ingestion.backend import EmbeddedBackend
from img_ingestion.backend.misbehaviour import parsed
from img_ingestion.destinations import DESTINATIONS
from img_ingestion.destinations.backend import destination
from img_ingestion.errors import DestinationBusy, DestinationRefused, NotDescribed
from img_ingestion.settings import Backend, CustomerSettings
from tests import certificates
from tests.delivering import ANSWER, listening, parcel, png, request_read, settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from img_ingestion.instance import Parcel, Receipt
    from img_ingestion.protocols import Destination


@contextmanager
def reached(url: str, **backend: object) -> Iterator[Destination]:
    with destination(settings(url, **backend).backend) as one:
        yield one


def delivered(url: str, one: Parcel, **backend: object) -> Receipt:
    with reached(url, **backend) as there:
        return there.deliver(one)


def after(misbehaviour: str, folder: Path, **backend: object) -> Receipt:
    """Deliver one parcel to a backend that misbehaves so."""
    with EmbeddedBackend(folder / "received", [parsed(misbehaviour)]) as url:
        return delivered(url, parcel(folder), **backend)


def test_200_ok_is_a_receipt_with_the_digest_of_the_answer(tmp_path: Path) -> None:
    with EmbeddedBackend(tmp_path / "received") as url:
        receipt = delivered(url, parcel(tmp_path, 2))
    assert receipt.status == "200 ok"
    assert receipt.digest == sha256(b'{"success": "ok"}').hexdigest()


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 507, 599])
def test_what_may_pass_later_is_busy(status: int, tmp_path: Path) -> None:
    with pytest.raises(DestinationBusy, match=str(status)):
        after(f"status={status}", tmp_path)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 411, 413, 415, 418, 422, 451])
def test_another_4xx_is_refused(status: int, tmp_path: Path) -> None:
    with pytest.raises(DestinationRefused, match=str(status)) as refused:
        after(f"status={status}", tmp_path)
    assert not refused.value.perhaps_taken


@pytest.mark.parametrize("status", [201, 202, 206, 301, 302, 303, 307, 308])
def test_another_2xx_or_3xx_is_refused_and_perhaps_taken(status: int, tmp_path: Path) -> None:
    with pytest.raises(DestinationRefused, match=str(status)) as refused:
        after(f"status={status}", tmp_path)
    assert refused.value.perhaps_taken


@pytest.mark.parametrize("fault", ["html", "wrong", "cut", "bomb", "redirect"])
def test_an_answer_not_as_the_contract_says_is_no_success(fault: str, tmp_path: Path) -> None:
    with pytest.raises(DestinationRefused) as refused:
        after(f"fault={fault}", tmp_path)
    assert refused.value.perhaps_taken


def test_a_gzip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    one = parcel(tmp_path)
    with EmbeddedBackend(tmp_path / "received", [parsed("fault=bomb,times=1")]) as url:
        with pytest.raises(DestinationRefused, match="too long"):
            delivered(url, one)
        assert delivered(url, one).status == "200 ok"


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    backend = EmbeddedBackend(tmp_path / "received", [parsed("fault=redirect,times=1")])
    with backend as url, pytest.raises(DestinationRefused, match="302"):
        delivered(url, parcel(tmp_path))
    assert backend.desk.statuses == [0]


@pytest.mark.parametrize("fault", ["short", "reset"])
def test_a_connection_that_ends_too_soon_is_busy(fault: str, tmp_path: Path) -> None:
    with pytest.raises(DestinationBusy, match="network"):
        after(f"fault={fault}", tmp_path)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("said", "heard"), [("7", 7.0), ("86400", 86400.0), ("0", 0.0)])
def test_retry_after_in_seconds_is_heard(
    status: int, said: str, heard: float, tmp_path: Path
) -> None:
    with pytest.raises(DestinationBusy) as busy:
        after(f"status={status},retry-after={said}", tmp_path)
    assert busy.value.retry_after_s == heard


@pytest.mark.parametrize(("ahead_s", "least", "most"), [(3600, 3500, 3600), (-3600, 0, 0)])
def test_retry_after_as_a_date_is_heard(
    ahead_s: int, least: float, most: float, tmp_path: Path
) -> None:
    date = formatdate(time.time() + ahead_s, usegmt=True)
    head = f"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: {date}\r\n\r\n".encode()

    def answer(stream: socket.socket) -> None:
        request_read(stream)
        stream.sendall(head)

    with listening(answer) as address, pytest.raises(DestinationBusy) as busy:
        delivered(f"http://{address}", parcel(tmp_path))
    assert busy.value.retry_after_s is not None
    assert least <= busy.value.retry_after_s <= most


@pytest.mark.parametrize("said", ["soon", "-5", "1.5", "99999999-99-99"])
def test_retry_after_that_says_nothing_is_not_heard(said: str, tmp_path: Path) -> None:
    with pytest.raises(DestinationBusy) as busy:
        after(f"status=503,retry-after={said}", tmp_path)
    assert busy.value.retry_after_s is None


def test_nobody_listening_is_busy(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(DestinationBusy, match="network: connection refused"):
        delivered(f"http://{address}", parcel(tmp_path))


def test_a_name_that_cannot_be_reached_is_busy(tmp_path: Path) -> None:
    # The tests' own guard refuses the look-up, as a machine without network would.
    with pytest.raises(DestinationBusy, match="network"):
        delivered("https://backend.invalid", parcel(tmp_path))


def test_silence_is_busy(tmp_path: Path) -> None:
    with pytest.raises(DestinationBusy, match="no answer in time"):
        after("delay=60", tmp_path, read_timeout_s=0.2)


def test_a_connection_that_is_not_taken_is_busy(tmp_path: Path) -> None:
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        # A full queue of one: Linux lets the next ones wait.
        for each in (first, second):
            each.settimeout(0)
            each.connect_ex(server.getsockname())
        with pytest.raises(DestinationBusy, match="connection not taken in time"):
            delivered(
                f"http://127.0.0.1:{server.getsockname()[1]}",
                parcel(tmp_path),
                connect_timeout_s=0.2,
                total_timeout_s=5,
            )


def test_an_answer_that_drips_ends_at_the_deadline(tmp_path: Path) -> None:
    with pytest.raises(DestinationBusy, match="total_timeout_s"):
        after("fault=drip,delay=0.05", tmp_path, total_timeout_s=0.5)


def test_a_body_that_drips_without_a_length_ends_at_the_deadline(tmp_path: Path) -> None:
    def drip(stream: socket.socket) -> None:
        request_read(stream)
        stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        while True:
            stream.sendall(b" ")
            time.sleep(0.02)

    with (
        listening(drip) as address,
        pytest.raises(DestinationBusy, match="total_timeout_s"),
    ):
        delivered(f"http://{address}", parcel(tmp_path), total_timeout_s=0.5)


def test_a_tls_handshake_that_drips_ends_at_the_deadline(tmp_path: Path) -> None:
    def drip(stream: socket.socket) -> None:
        stream.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xf0")
        while True:
            stream.sendall(b"\0")
            time.sleep(0.02)

    with (
        listening(drip) as address,
        pytest.raises(DestinationBusy, match="total_timeout_s"),
    ):
        delivered(f"https://{address}", parcel(tmp_path), total_timeout_s=0.5)


def test_a_backend_that_does_not_read_ends_at_the_deadline(tmp_path: Path) -> None:
    large = parcel(tmp_path)
    start = png()[: png_header.LENGTH]
    large.images[0].data.write_bytes(b64encode(start + bytes(24_000_000) + png_header.END))
    done = threading.Event()

    def wait(_: socket.socket) -> None:
        done.wait(10)

    with listening(wait) as address:
        with pytest.raises(DestinationBusy, match="total_timeout_s"):
            delivered(f"http://{address}", large, total_timeout_s=0.5, connect_timeout_s=30)
        done.set()


def test_after_a_cut_the_next_parcel_goes_through(tmp_path: Path) -> None:
    script = [parsed("fault=drip,delay=0.05,times=1")]
    one = parcel(tmp_path)
    backend = EmbeddedBackend(tmp_path / "received", script)
    with backend as url, reached(url, total_timeout_s=2) as there:
        with pytest.raises(DestinationBusy):
            there.deliver(one)
        assert there.deliver(one).status == "200 ok"


def test_one_connection_is_kept_for_all_parcels(tmp_path: Path) -> None:
    taken = []

    def answer(stream: socket.socket) -> None:
        taken.append(stream)
        for _ in range(3):
            request_read(stream)
            stream.sendall(ANSWER)

    one = parcel(tmp_path)
    with listening(answer) as address, reached(f"http://{address}") as there:
        for _ in range(3):
            there.deliver(one)
    assert len(taken) == 1


def test_the_head_says_what_it_must_and_the_environment_adds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    heads = []

    def answer(stream: socket.socket) -> None:
        heads.append(request_read(stream))
        stream.sendall(ANSWER)

    one = parcel(tmp_path)
    with listening(answer) as address:
        delivered(f"http://{address}/behind/", one, token="s3cret")
        delivered(f"http://{address}", one)
    with_token, without = (head.decode().split("\r\n") for head in heads)
    assert with_token[0] == "POST /behind/v1/images/upload HTTP/1.1"
    assert without[0] == "POST /v1/images/upload HTTP/1.1"
    assert f"Idempotency-Key: {one.key}" in without
    assert "Content-Type: application/json" in without
    assert "Authorization: Bearer s3cret" in with_token
    assert not any(line.startswith(("Authorization", "Transfer-Encoding")) for line in without)


def test_no_message_quotes_the_answer(tmp_path: Path) -> None:
    planted = b"Quillfeather"

    def echo(stream: socket.socket) -> None:
        request_read(stream)
        stream.sendall(
            b"HTTP/1.1 422 %b\r\nContent-Type: application/json\r\nX-%b: 1\r\n"
            b'Content-Length: 14\r\n\r\n"%b"' % (planted, planted, planted)
        )

    with listening(echo) as address, pytest.raises(DestinationRefused) as refused:
        delivered(f"http://{address}", parcel(tmp_path))
    assert planted.decode() not in str(refused.value)


def test_a_refusal_before_the_body_was_read_is_heard(tmp_path: Path) -> None:
    def refuse(stream: socket.socket) -> None:
        stream.recv(1)
        stream.sendall(b"HTTP/1.1 413 Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        stream.shutdown(socket.SHUT_WR)
        while stream.recv(1 << 16):
            pass

    with listening(refuse) as address, pytest.raises(DestinationRefused, match="413"):
        delivered(f"http://{address}", parcel(tmp_path))


def test_an_image_whose_data_are_gone_is_not_half_sent(tmp_path: Path) -> None:
    one = parcel(tmp_path, 2)
    one.images[1].data.unlink()
    backend = EmbeddedBackend(tmp_path / "received")
    with backend as url, pytest.raises(NotDescribed):
        delivered(url, one)
    assert backend.desk.statuses == []


def test_a_hundred_megabytes_are_posted_in_flat_memory(tmp_path: Path) -> None:
    large = parcel(tmp_path, 4)
    start = png()[: png_header.LENGTH]
    for image in large.images:
        image.data.write_bytes(b64encode(start + bytes(19_000_000) + png_header.END))

    def swallow(stream: socket.socket) -> None:
        request_read(stream)
        stream.sendall(ANSWER)

    with listening(swallow) as address, reached(f"http://{address}") as there:
        there.deliver(large._replace(images=()))
        tracemalloc.start()
        try:
            there.deliver(large)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 16 * 1024 * 1024


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates.made(tmp_path_factory.mktemp("tls"))


def answer_well(stream: socket.socket) -> None:
    request_read(stream)
    stream.sendall(ANSWER)


def over_tls(
    folder: Path, server: str, trusted: str, here: Path, *, trusting: str = "", **backend: object
) -> Receipt:
    """Deliver to a server with one certificate, trusting another ("" for the usual ones)."""
    tls = certificates.server(folder, server, trusting=trusting)
    ca_file = str(folder / f"{trusted}.pem") if trusted else ""
    with listening(answer_well, tls) as address:
        return delivered(f"https://{address}", parcel(here), ca_file=ca_file, **backend)


def test_a_trusted_certificate_of_the_right_host_is_enough(folder: Path, tmp_path: Path) -> None:
    assert over_tls(folder, "right", "right", tmp_path).status == "200 ok"


@pytest.mark.parametrize(
    ("server", "trusted"), [("right", ""), ("elsewhere", "elsewhere"), ("over", "over")]
)
def test_a_certificate_of_nobody_of_another_host_or_that_is_over_is_busy(
    folder: Path, server: str, trusted: str, tmp_path: Path
) -> None:
    with pytest.raises(DestinationBusy, match="TLS: its certificate is"):
        over_tls(folder, server, trusted, tmp_path)


def test_without_an_address_there_is_no_destination() -> None:
    assert CustomerSettings().destinations == {}
    asked = CustomerSettings(backend=Backend(url="https://ai.example.org"))
    assert list(asked.destinations) == ["backend"]
    assert set(DESTINATIONS) >= set(asked.destinations)
