"""Pictures, parcels, an outbox and a raw server for the tests of line two."""

from __future__ import annotations

import socket
from base64 import b64encode
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from img_ingestion.home import Home
from img_ingestion.instance import Parcel, ParcelImage, Picture
from img_ingestion.ledger import Contents, Entry, Ledger
from img_ingestion.settings import Backend, Settings

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from pathlib import Path

STUDY: dict[str, object] = {
    "studyInstanceUid": "2.25.1",
    "accessionNumber": "A1B2",
    "patientId": "P1Q2",
    "patientAge": "058Y",
}
SERIES: dict[str, object] = {"seriesInstanceUid": "2.25.2"}
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n"
    b'{"success": "ok"}'
)


def png(rows: int = 4, columns: int = 6, samples: int = 1, bits: int = 8) -> bytes:
    """Give a PNG of grey or RGB whose samples count up."""
    shape = (rows, columns) if samples == 1 else (rows, columns, samples)
    values = np.arange(np.prod(shape)).reshape(shape)
    buffer = BytesIO()
    Image.fromarray(values.astype(np.uint16 if bits == 16 else np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def picture(**changes: Any) -> Picture:  # noqa: ANN401 (any field of a Picture)
    """Give a true picture of 8-bit grey, with these fields changed."""
    words: dict[str, Any] = {
        "frame": 1,
        "png": png(),
        "rows": 4,
        "columns": 6,
        "samples_per_pixel": 1,
        "photometric_interpretation": "MONOCHROME2",
        "bits_allocated": 8,
        "bits_stored": 8,
        "high_bit": 7,
        "rescale_slope": 1.0,
        "rescale_intercept": 0.0,
    }
    return Picture(**(words | changes))


def fields(uid: str = "2.25.3", **changes: object) -> dict[str, object]:
    """Give the contract's words for `picture()`."""
    words: dict[str, object] = {
        "imageInstanceUid": uid,
        "sopClassUid": "1.2.840.10008.5.1.4.1.1.7",
        "height": 4,
        "width": 6,
        "rescaleSlope": 1,
        "rescaleIntercept": 0.0,
        "photometricInterpretation": "MONOCHROME2",
        "samplesPerPixel": 1,
        "bitsAllocated": 8,
        "bitsStored": 8,
        "highBit": 7,
    }
    return words | changes


def parcel(folder: Path, count: int = 1) -> Parcel:
    """Give a parcel of so many instances of one image, with data on the disk."""
    images = []
    for number in range(count):
        data = folder / f"{number}.png.txt"
        data.write_bytes(b64encode(png()))
        images.append(ParcelImage(fields(f"2.25.3{number}"), data))
    ids = tuple(f"{number:016x}" for number in range(count))
    return Parcel(
        "customer_1", ids, sha256(repr(ids).encode()).hexdigest(), STUDY, SERIES, tuple(images)
    )


@dataclass(frozen=True, slots=True)
class Outbox:
    """A home whose ledger has instances waiting."""

    home: Home
    ledger: Ledger

    def add(
        self, number: int, *, customer: str = "customer_1", series: str = "2.25.2", frames: int = 1
    ) -> str:
        """Enter an instance with this Instance Number; give its ledger id."""
        folder = self.home.encoded / customer
        folder.mkdir(exist_ok=True)
        work = sha256(f"{customer} {series} {number}".encode()).hexdigest()
        one, uid = work[:16], f"2.25.{int(work[:12], 16)}"
        names = [f"cleaned-{one}.f{frame:04d}.png.txt" for frame in range(1, frames + 1)]
        for name in names:
            (folder / name).write_bytes(b64encode(png()))
        contents = Contents(
            STUDY,
            {"seriesInstanceUid": series},
            [(fields(uid), name) for name in names],
            number,
        )
        self.ledger.enter(
            [(Entry(one, customer, work, work, 1, seen_at=1.0, work=work, name=one), contents)]
        )
        return one

    def uid(self, one: str) -> str:
        """Give the image UID of an instance that is due."""
        (found,) = [each for each in self.ledger.waiting(2e9) if each.id == one]
        return str(found.images[0].fields["imageInstanceUid"])

    def data(self, one: str) -> Path:
        """Give the data file of an instance of one frame."""
        return self.home.encoded / "customer_1" / f"cleaned-{one}.f0001.png.txt"

    def row(self, one: str) -> dict[str, Any]:
        """Give what the ledger says of an instance."""
        return self._only("SELECT * FROM file WHERE id = ?", one)

    def delivery(self, one: str, destination: str = "backend") -> dict[str, Any]:
        """Give what the ledger says of an instance at a destination; empty before it is tried."""
        query = "SELECT * FROM delivery WHERE file = ? AND destination = ?"
        return self._only(query, one, destination)

    def due(self) -> None:
        """Let the time until the next attempts pass."""
        self.ledger.connection.execute("UPDATE delivery SET next_attempt_at = 0")

    def _only(self, query: str, *values: str) -> dict[str, Any]:
        cursor = self.ledger.connection.execute(query, values)
        names = [column[0] for column in cursor.description]
        return dict(zip(names, cursor.fetchone() or (), strict=False))

    def state(self, one: str) -> str:
        """Give the state of an instance."""
        return str(self.row(one)["state"])


@contextmanager
def opened_outbox(root: Path) -> Iterator[Outbox]:
    """Give an empty outbox."""
    home = Home(root)
    home.prepare()
    with Ledger.open(home.state) as ledger:
        yield Outbox(home, ledger)


def settings(url: str, **backend: object) -> Settings:
    """Give settings with this backend, and patience that fits a test."""
    patience = {"connect_timeout_s": 5, "read_timeout_s": 5, "total_timeout_s": 20}
    return Settings(backend=Backend.model_validate({"url": url} | patience | backend))


@contextmanager
def listening(
    behave: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Serve one connection after another by `behave`; give `127.0.0.1:PORT`."""
    server = socket.create_server(("127.0.0.1", 0))
    thread = Thread(target=_serve, args=(server, behave, tls), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.getsockname()[1]}"
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


def _serve(
    server: socket.socket, behave: Callable[[socket.socket], None], tls: ssl.SSLContext | None
) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        # A client that does not trust us, or has hung up, is what these tests are about.
        try:
            with tls.wrap_socket(connection, server_side=True) if tls else connection as stream:
                behave(stream)
        except OSError:
            connection.close()


def request_read(stream: socket.socket) -> bytes:
    """Read one request to its end; give its head."""
    head, _, body = _until(stream, b"\r\n\r\n").partition(b"\r\n\r\n")
    (length,) = [
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length")
    ]
    left = length - len(body)
    while left > 0:
        left -= len(stream.recv(1 << 16)) or left
    return head


def _until(stream: socket.socket, end: bytes) -> bytes:
    read = b""
    while end not in read:
        more = stream.recv(1 << 16)
        if not more:
            raise ConnectionError("the client hung up")
        read += more
    return read
