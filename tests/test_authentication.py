"""Each way of saying who we are, against a server that asks; and no secret in what we say."""

from __future__ import annotations

import os
import socket
from base64 import b64encode
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from img_ingestion.cli import main
from img_ingestion.destinations.backend import destination
from img_ingestion.errors import DestinationBusy, DestinationShut, SettingsError
from img_ingestion.settings_file import load
from tests import certificates
from tests.delivering import ANSWER, listening, parcel, request_read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from img_ingestion.instance import Receipt
    from tests.conftest import MakeInstance

SECRET = "zq-secret-zq"
DENIED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
NO_PROXY = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
CONNECTED = b"HTTP/1.1 200 Connected\r\n\r\n"
BASIC = b64encode(f"gateway:{SECRET}".encode()).decode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates.made(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give a home with every secret in a file."""
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    return tmp_path


def sent(home: Path, url: str, words: str) -> Receipt:
    """Deliver one parcel, as the settings of the home have it."""
    (home / "gateway.toml").write_text(f'[backend]\nurl = "{url}"\n{words}\n')
    with destination(load(home).backend) as there:
        return there.deliver(parcel(home))


def asking(line: str) -> Callable[[socket.socket], None]:
    """Give a server that answers well where the head has this line, and else 401."""

    def answer(stream: socket.socket) -> None:
        lines = request_read(stream).decode().split("\r\n")
        stream.sendall(ANSWER if line in lines else DENIED)

    return answer


WAYS = {
    "bearer": ('token_file = "secret"', f"Authorization: Bearer {SECRET}"),
    "api key": ('api_key_file = "secret"', f"X-API-Key: {SECRET}"),
    "api key in a header of its own": (
        'api_key_file = "secret"\napi_key_header = "Ocp-Apim-Subscription-Key"',
        f"Ocp-Apim-Subscription-Key: {SECRET}",
    ),
    "basic": ('user = "gateway"\npassword_file = "secret"', f"Authorization: Basic {BASIC}"),
    "basic and an api key": (
        'user = "gateway"\npassword_file = "secret"\napi_key_file = "secret"',
        f"X-API-Key: {SECRET}",
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_of_saying_who_we_are_opens_the_door(way: str, home: Path) -> None:
    words, line = WAYS[way]
    with listening(asking(line)) as address:
        assert sent(home, f"http://{address}", words).status == "200 ok"
        with pytest.raises(DestinationShut, match="401"):
            sent(home, f"http://{address}", "")


@pytest.mark.parametrize(
    ("variable", "line"),
    [
        ("TOKEN", f"Authorization: Bearer {SECRET}"),
        ("API_KEY", f"X-API-Key: {SECRET}"),
        ("PASSWORD", f"Authorization: Basic {BASIC}"),
    ],
)
def test_each_secret_comes_from_the_environment_too(
    variable: str, line: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"IMG_INGESTION_BACKEND__{variable}", SECRET)
    words = 'user = "gateway"' if variable == "PASSWORD" else ""
    with listening(asking(line)) as address:
        assert sent(home, f"http://{address}", words).status == "200 ok"


def mutual(folder: Path, home: Path, words: str) -> Receipt:
    for path in folder.iterdir():
        (home / path.name).write_bytes(path.read_bytes())
    tls = certificates.server(folder, "right", trusting="ours")
    with listening(asking("Accept: application/json"), tls) as address:
        return sent(home, f"https://{address}", f'ca_file = "right.pem"\n{words}')


def test_a_client_certificate_opens_the_door(folder: Path, home: Path) -> None:
    words = 'client_cert = "ours.pem"\nclient_key = "ours.key"'
    assert mutual(folder, home, words).status == "200 ok"


def test_certificate_and_key_may_be_one_file(folder: Path, home: Path) -> None:
    both = (folder / "ours.pem").read_bytes() + (folder / "ours.key").read_bytes()
    (home / "both.pem").write_bytes(both)
    assert mutual(folder, home, 'client_cert = "both.pem"').status == "200 ok"


def test_no_certificate_or_another_one_is_busy(folder: Path, home: Path) -> None:
    with pytest.raises(DestinationBusy):
        mutual(folder, home, "")
    with pytest.raises(DestinationBusy):
        mutual(folder, home, 'client_cert = "elsewhere.pem"\nclient_key = "elsewhere.key"')


def test_a_certificate_without_its_key_is_a_wrong_setting(folder: Path, home: Path) -> None:
    with pytest.raises(SettingsError, match="client_cert, client_key: SSLError"):
        mutual(folder, home, 'client_cert = "ours.pem"\nclient_key = "right.key"')


def tunnel(line: str = "") -> Callable[[socket.socket], None]:
    """Give a proxy that opens tunnels, to those who say this line if there is one."""

    def answer(stream: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += stream.recv(1)
        lines = head.decode().split("\r\n")
        if line and line not in lines:
            stream.sendall(NO_PROXY)
            return
        host, port = lines[0].split()[1].split(":")
        with socket.create_connection((host, int(port))) as there:
            stream.sendall(CONNECTED)
            back = Thread(target=_pumped, args=(there, stream), daemon=True)
            back.start()
            _pumped(stream, there)
            back.join()

    return answer


def _pumped(source: socket.socket, sink: socket.socket) -> None:
    while chunk := source.recv(1 << 16):
        sink.sendall(chunk)
    sink.shutdown(socket.SHUT_WR)


def through(folder: Path, home: Path, proxy: Callable[[socket.socket], None], words: str) -> str:
    """Deliver over TLS through a proxy; give the status."""
    for path in folder.iterdir():
        (home / path.name).write_bytes(path.read_bytes())
    tls = certificates.server(folder, "right")
    with (
        listening(asking("Accept: application/json"), tls) as address,
        listening(proxy) as way,
    ):
        words = f'ca_file = "right.pem"\nproxy = "http://{way}"\n{words}'
        return sent(home, f"https://{address}", words).status


def test_tls_goes_through_a_proxy_unopened(folder: Path, home: Path) -> None:
    assert through(folder, home, tunnel(), "") == "200 ok"


def test_a_proxy_that_asks_is_told_who_we_are(folder: Path, home: Path) -> None:
    known = 'proxy_user = "gateway"\nproxy_password_file = "secret"'
    asks = tunnel(f"Proxy-Authorization: Basic {BASIC}")
    assert through(folder, home, asks, known) == "200 ok"
    with pytest.raises(DestinationShut, match="407"):
        through(folder, home, asks, "")


def test_a_port_that_reads_as_407_is_no_proxys_refusal(home: Path) -> None:
    with pytest.raises(DestinationBusy, match="connection refused"):
        sent(home, "http://127.0.0.1:4407", "")


def test_plain_http_goes_through_a_proxy_too(home: Path) -> None:
    heads = []

    def proxy(stream: socket.socket) -> None:
        heads.append(request_read(stream).decode())
        stream.sendall(ANSWER)

    with listening(proxy) as way:
        words = f'proxy = "http://{way}"\nproxy_user = "gateway"\nproxy_password_file = "secret"'
        assert sent(home, "http://127.0.0.1:9", words).status == "200 ok"
    assert heads[0].startswith("POST http://127.0.0.1:9/v1/images/upload HTTP/1.1\r\n")
    assert f"Proxy-Authorization: Basic {BASIC}" in heads[0]


def test_a_proxy_that_is_not_there_is_busy(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(DestinationBusy, match="network: proxy: connection refused"):
        sent(home, "https://127.0.0.1:9", f'proxy = "http://127.0.0.1:{port}"')


def test_no_secret_is_in_anything_that_we_print_or_keep(
    home: Path, capfd: pytest.CaptureFixture[str], make_instance: MakeInstance
) -> None:
    (home / "local_dcm" / "north").mkdir(parents=True)
    (home / "local_dcm" / "north" / "dicom_1.dcm").write_bytes(make_instance())

    def echo(stream: socket.socket) -> None:
        request_read(stream)
        stream.sendall(f"HTTP/1.1 403 {SECRET}\r\nContent-Length: 12\r\n\r\n{SECRET}".encode())

    with listening(echo) as address:
        (home / "gateway.toml").write_text(
            f'[incoming]\nsettle_s = 0.0\n[backend]\nurl = "http://{address}"\n'
            'user = "gateway"\npassword_file = "secret"\napi_key_file = "secret"\n'
        )
        main(["--home", str(home)])
        main(["--home", str(home), "reconcile", "--json"])
    said = capfd.readouterr()
    kept = [
        path.read_bytes() for path in home.rglob("*") if path.is_file() and path.stem != "secret"
    ]
    for text in [said.out.encode(), said.err.encode(), *kept]:
        assert SECRET.encode() not in text
        assert BASIC.encode() not in text
    assert SECRET not in str(os.environ)
