"""One connection to the embedded backend: HTTP, and what is said when it is not an upload."""

from __future__ import annotations

import json
import socket
import struct
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import urlsplit

from img_ingestion.backend.misbehaviour import Fault, Misbehaviour, answer
from img_ingestion.contract import JSON, UPLOAD

if TYPE_CHECKING:
    from img_ingestion.backend.desk import Desk

_CHUNK = 1024 * 1024
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER, on, no time: closing sends a reset instead of an end."""
_AMID = ("reset",)
_AFTER = tuple(fault for fault in get_args(Fault) if fault not in _AMID)


class Handler(BaseHTTPRequestHandler):
    """Speak HTTP/1.1 for a desk."""

    protocol_version = "HTTP/1.1"
    server_version = "img-ingestion-backend"
    sys_version = ""
    timeout = 60.0

    def __init__(self, desk: Desk, *connection: Any) -> None:  # noqa: ANN401 (http.server's own)
        self.desk = desk
        super().__init__(*connection)

    def log_message(self, *_: object) -> None:
        """Log nothing: the index has a line for each upload."""

    def do_POST(self) -> None:
        """Take an upload, or fail as the script says."""
        if (length := self._length()) is None:
            return
        if urlsplit(self.path).path != UPLOAD:
            self._skip(length)
            self._say(HTTPStatus.NOT_FOUND, "no such path")
        elif length > self.desk.max_bytes:
            self._skip(length)
            self._say(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too long")
        elif self.desk.misbehaviour(b"", _AMID).fault:
            self._reset(length)
        else:
            self._upload(self.rfile.read(length), length)

    def _refuse_method(self) -> None:
        """Answer 405 where another method would be right, else 404."""
        # What follows may be a body; without reading it the connection cannot be used again.
        self.close_connection = True
        if urlsplit(self.path).path == UPLOAD:
            self._say(HTTPStatus.METHOD_NOT_ALLOWED, "use POST", {"Allow": "POST"})
        else:
            self._say(HTTPStatus.NOT_FOUND, "no such path")

    # http.server looks methods up by these names.
    do_GET = do_HEAD = do_PUT = do_PATCH = _refuse_method  # noqa: N815
    do_DELETE = do_OPTIONS = do_TRACE = _refuse_method  # noqa: N815

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what http.server itself refuses in the contract's words, too."""
        del message, explain  # They echo the request.
        if code == HTTPStatus.NOT_IMPLEMENTED:
            self._refuse_method()
        else:
            self.close_connection = True
            self._say(code, HTTPStatus(code).phrase.lower())

    def _length(self) -> int | None:
        """Give the length of the body; None once the lack of one has been answered."""
        said = self.headers.get("Content-Length")
        if said is not None and said.isascii() and said.isdigit():
            return int(said)
        self.close_connection = True
        if said is None:
            self._say(HTTPStatus.LENGTH_REQUIRED, "Content-Length is missing")
        else:
            self._say(HTTPStatus.BAD_REQUEST, "Content-Length is no number")
        return None

    def _upload(self, body: bytes, length: int) -> None:
        if len(body) < length:
            self.close_connection = True
            return
        wanted = self.desk.misbehaviour(body, _AFTER)
        if wanted.fault != "drip":
            self.desk.closing.wait(wanted.delay)
        if wanted.status:
            headers = {"Retry-After": wanted.retry_after} if wanted.retry_after else {}
            self._say(wanted.status, "as the script says", headers)
            return
        status, wrong = HTTPStatus.OK, ""
        if wanted.takes_the_upload:
            key, kind = self.headers.get("Idempotency-Key", ""), self.headers.get_content_type()
            status, wrong = self.desk.answered(key, kind, body)
        if wanted.fault and not wrong:
            self._spoil(wanted)
        else:
            self._say(status, wrong)

    def _say(self, status: int, wrong: str, headers: dict[str, str] | None = None) -> None:
        """Answer in the contract's words."""
        words = {"status": "error", "message": wrong} if wrong else {"success": "ok"}
        content = json.dumps(words).encode()
        self.desk.statuses.append(int(status))
        self.send_response(status)
        for name, value in {"Content-Type": JSON, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _spoil(self, wanted: Misbehaviour) -> None:
        self.desk.statuses.append(0)
        self.close_connection = True
        content = answer(wanted.fault)
        if wanted.fault != "drip":
            self.wfile.write(content)
            return
        for place in range(len(content)):
            self.wfile.write(content[place : place + 1])
            if self.desk.closing.wait(wanted.delay or 1.0):
                return

    def _reset(self, length: int) -> None:
        self.desk.statuses.append(0)
        self._skip(length // 2)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.close_connection = True

    def _skip(self, length: int) -> None:
        """Read what is not looked at: a client that is still sending would not hear us."""
        while length > 0 and (chunk := self.rfile.read(min(_CHUNK, length))):
            length -= len(chunk)
