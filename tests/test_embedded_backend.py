"""The embedded backend is strict, stores what it got, and fails when it is told to."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import sys
from base64 import b64encode
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from img_ingestion.backend import EmbeddedBackend, Misbehaviour
from img_ingestion.backend.__main__ import main
from img_ingestion.backend.misbehaviour import parsed
from img_ingestion.contract import UPLOAD, answer_fault
from tests.delivering import SERIES, STUDY, fields, png

ROOT = Path(__file__).resolve().parents[1]
JSON = {"Content-Type": "application/json"}


def body(**image: object) -> bytes:
    entry = {**fields(), "data": b64encode(png()).decode(), **image}
    return json.dumps({"study": STUDY, "series": SERIES, "images": [entry]}).encode()


def asked(
    url: str,
    content: bytes = b"",
    *,
    method: str = "POST",
    path: str = UPLOAD,
    headers: dict[str, str] = JSON,
) -> tuple[int, bytes]:
    """Make one request; give status and answer."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request(method, path, content, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def index(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "index.jsonl").read_text().splitlines()]


def test_an_upload_is_stored_so_that_one_can_look_into_it(tmp_path: Path) -> None:
    with EmbeddedBackend(tmp_path) as url:
        assert asked(url, body()) == (200, b'{"success": "ok"}')
    (folder,) = tmp_path.glob("0001-*")
    assert (folder / "0001.png").read_bytes() == png()
    stored = json.loads((folder / "body.json").read_text())
    assert stored["study"] == STUDY
    assert stored["images"] == [{**fields(), "data": "0001.png"}]
    assert [entry["outcome"] for entry in index(tmp_path)] == ["stored"]


def test_what_is_stored_is_for_its_owner_alone(tmp_path: Path) -> None:
    with EmbeddedBackend(tmp_path / "received") as url:
        asked(url, body())
    for path in [tmp_path / "received", *(tmp_path / "received").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


@pytest.mark.parametrize(("samples", "bits"), [(1, 8), (1, 16), (3, 8)])
def test_each_kind_of_png_is_known_by_its_samples_and_bits(
    samples: int, bits: int, tmp_path: Path
) -> None:
    colour = "RGB" if samples == 3 else "MONOCHROME2"
    image = {
        "data": b64encode(png(4, 6, samples, bits)).decode(),
        "samplesPerPixel": samples,
        "photometricInterpretation": colour,
        "bitsAllocated": bits,
        "bitsStored": bits,
        "highBit": bits - 1,
    }
    with EmbeddedBackend(tmp_path) as url:
        assert asked(url, body(**image))[0] == 200
        assert asked(url, body(**(image | {"samplesPerPixel": 4 - samples})))[0] == 400
        assert asked(url, body(**(image | {"bitsAllocated": 24 - bits})))[0] == 400


@pytest.mark.parametrize(
    ("image", "says"),
    [
        ({"rescaleSlope": 1.5}, "images[0].rescaleSlope: type"),
        ({"height": 5}, "images[0].height: the PNG says otherwise"),
        ({"width": 4}, "images[0].width: the PNG says otherwise"),
        ({"samplesPerPixel": "1"}, "images[0].samplesPerPixel: the PNG says otherwise"),
        ({"highBit": 6}, "images[0].bitsStored, highBit: do not agree with bitsAllocated"),
        ({"data": ""}, "images[0].data: no PNG that can be decoded"),
        ({"data": "####"}, "images[0].data: no PNG that can be decoded"),
        ({"data": b64encode(png()[:-20]).decode()}, "images[0].data: no PNG that can be decoded"),
    ],
)
def test_a_wrong_upload_is_400_in_the_contracts_words_and_not_stored(
    image: dict[str, object], says: str, tmp_path: Path
) -> None:
    with EmbeddedBackend(tmp_path) as url:
        status, answer = asked(url, body(**image))
    assert status == 400
    assert answer_fault(400, "application/json", answer) == ""
    assert json.loads(answer) == {"status": "error", "message": says}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_object_is_400(content: bytes, tmp_path: Path) -> None:
    with EmbeddedBackend(tmp_path) as url:
        assert asked(url, content)[0] == 400


def test_another_content_type_is_400(tmp_path: Path) -> None:
    with EmbeddedBackend(tmp_path) as url:
        assert asked(url, body(), headers={"Content-Type": "text/plain"})[0] == 400


def test_the_same_key_again_is_200_and_stored_once_over_restarts_too(tmp_path: Path) -> None:
    headers = {**JSON, "Idempotency-Key": "k1"}
    for _ in range(2):
        with EmbeddedBackend(tmp_path) as url:
            assert asked(url, body(), headers=headers)[0] == 200
            assert asked(url, body(), headers=headers)[0] == 200
    assert len(list(tmp_path.glob("0*"))) == 1
    assert [entry["outcome"] for entry in index(tmp_path)] == ["stored", *["again"] * 3]


def test_another_body_under_a_known_key_is_422(tmp_path: Path) -> None:
    headers = {**JSON, "Idempotency-Key": "k1"}
    with EmbeddedBackend(tmp_path) as url:
        assert asked(url, body(), headers=headers)[0] == 200
        assert asked(url, body(imageInstanceUid="2.25.9"), headers=headers)[0] == 422


def test_without_a_key_each_upload_is_stored(tmp_path: Path) -> None:
    with EmbeddedBackend(tmp_path) as url:
        asked(url, body())
        asked(url, body())
    assert sorted(path.name[:4] for path in tmp_path.glob("0*")) == ["0001", "0002"]


@pytest.mark.parametrize("path", ["/", "/v1/images", f"{UPLOAD}/", "/v1/images/download"])
def test_another_path_is_404(path: str, tmp_path: Path) -> None:
    with EmbeddedBackend(tmp_path) as url:
        status, answer = asked(url, body(), path=path)
    assert (status, json.loads(answer)["status"]) == (404, "error")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "QUERY"])
def test_another_method_is_405(method: str, tmp_path: Path) -> None:
    with EmbeddedBackend(tmp_path) as url:
        assert asked(url, method=method)[0] == 405


def test_what_is_no_http_is_400_in_the_contracts_words(tmp_path: Path) -> None:
    with EmbeddedBackend(tmp_path) as url, socket.create_connection(address(url)) as stream:
        stream.sendall(b"GET / Quillfeather HTTP/1.1\r\n\r\n")
        said = b"".join(iter(lambda: stream.recv(4096), b""))
    head, _, content = said.partition(b"\r\n\r\n")
    assert b" 400 " in head.splitlines()[0]
    assert answer_fault(400, "application/json", content) == ""
    assert b"Quill" not in said


def address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return str(parts.hostname), int(parts.port or 0)


def test_a_body_without_a_length_is_411(tmp_path: Path) -> None:
    with EmbeddedBackend(tmp_path) as url:
        connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
        connection.putrequest("POST", UPLOAD)
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        assert connection.getresponse().status == 411
        connection.close()


def test_a_body_above_the_limit_is_413_and_the_connection_goes_on(tmp_path: Path) -> None:
    with EmbeddedBackend(tmp_path, max_bytes=1000) as url:
        connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
        for content, status in [(bytes(1001), 413), (body(), 200)]:
            connection.request("POST", UPLOAD, content, JSON)
            response = connection.getresponse()
            response.read()
            assert response.status == status
        connection.close()


def test_a_script_is_followed_in_turns_and_then_it_behaves(tmp_path: Path) -> None:
    script = [parsed("status=503,times=2"), parsed("status=429,times=1")]
    with EmbeddedBackend(tmp_path, script) as url:
        assert [asked(url, body())[0] for _ in range(5)] == [503, 503, 429, 200, 200]


def test_a_misbehaviour_can_be_for_one_image_only(tmp_path: Path) -> None:
    with EmbeddedBackend(tmp_path, [parsed("status=400,only=2.25.9")]) as url:
        assert asked(url, body())[0] == 200
        assert asked(url, body(imageInstanceUid="2.25.9"))[0] == 400


def test_a_spoiled_answer_comes_after_the_upload_was_stored(tmp_path: Path) -> None:
    with EmbeddedBackend(tmp_path, [parsed("fault=cut")]) as url:
        assert asked(url, body()) == (200, b'{"succ')
    assert len(index(tmp_path)) == 1


def test_a_reset_ends_the_connection_and_stores_nothing(tmp_path: Path) -> None:
    with (
        EmbeddedBackend(tmp_path, [parsed("fault=reset")]) as url,
        pytest.raises((ConnectionError, RemoteDisconnected)),
    ):
        asked(url, body())
    assert list(tmp_path.iterdir()) == []


def test_a_misbehaviour_is_read_from_words() -> None:
    said = "status=503,retry-after=120,delay=0.5,only=2.25.9,times=2"
    assert parsed(said) == Misbehaviour(
        status=503, retry_after="120", delay=0.5, only="2.25.9", times=2
    )


@pytest.mark.parametrize("said", ["", "fault=nothing", "status=abc", "staus=500", "times=-1"])
def test_a_misbehaviour_that_means_nothing_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match="Misbehaviour"):
        parsed(said)


@pytest.mark.parametrize("argument", ["--misbehave=fault=nothing", "--host=0.0.0.0"])
def test_the_command_refuses_what_it_does_not_know(argument: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([argument])
    assert ended.value.code == 2


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_the_command_says_its_url_serves_and_ends_cleanly(
    end: signal.Signals, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "img_ingestion.backend", "--port", "0", "--out", "received"]
    with subprocess.Popen(
        [*command, "--misbehave", "status=503,times=1"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        line = program.stdout.readline()
        url = line.split()[3].rstrip(",")
        assert url.startswith("http://127.0.0.1:")
        assert [asked(url, body())[0] for _ in range(2)] == [503, 200]
        program.send_signal(end)
        rest, errors = program.communicate(timeout=30)
    assert (program.returncode, rest, errors) == (0, "", "")
    assert len(list((tmp_path / "received").glob("0001-*"))) == 1
