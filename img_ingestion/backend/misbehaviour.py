"""How the embedded backend can be told to fail, so that the gateway can be seen to cope."""

from __future__ import annotations

import gzip
from typing import Literal

from pydantic import Field

from img_ingestion.settings import Section

_BOMB_BYTES = 64 * 1024 * 1024

Fault = Literal["", "html", "wrong", "cut", "short", "drip", "reset", "bomb", "redirect"]


class Misbehaviour(Section):
    """
    One way to fail. On the command line: `status=503,retry-after=120,times=2`.

    `html`, `wrong`, `bomb`, `redirect` answer in the backend's place. `cut`, `short`, `drip`
    take the upload and then spoil the answer. `reset` ends the connection amid the upload.
    """

    status: int = Field(default=0, ge=0, lt=600)
    """Answer this status, without looking at the upload."""
    fault: Fault = ""
    delay: float = Field(default=0.0, ge=0)
    """Seconds before the answer; for `drip`, between two bytes of it."""
    retry_after: str = ""
    """Retry-After of the answer."""
    only: str = ""
    """Fail only where the body has this text, e.g. the UID of one image."""
    times: int = Field(default=0, ge=0)
    """Fail so many times, then behave; 0: always."""

    @property
    def takes_the_upload(self) -> bool:
        """Whether the upload is looked at and stored, and only the answer is spoiled."""
        return not self.status and self.fault in {"", "cut", "short", "drip"}


def parsed(text: str) -> Misbehaviour:
    """
    Read a misbehaviour of the command line.

    Raises
    ------
    ValueError
        A word that means nothing here.

    """
    given = [word.partition("=") for word in text.split(",")]
    return Misbehaviour.model_validate({word.replace("-", "_"): value for word, _, value in given})


def answer(fault: Fault) -> bytes:
    """Give the bytes that a faulty answer consists of; `reset` has none."""
    taken = _raw("200 OK", "application/json", b'{"success": "ok"}')
    answers = {
        "html": _raw("200 OK", "text/html", b"<!doctype html><title>Log in</title>"),
        "wrong": _raw("200 OK", "application/json", b'{"result": "taken"}'),
        "cut": _raw("200 OK", "application/json", b'{"succ'),
        "short": taken[:-8],
        "redirect": _raw("302 Found", "text/plain", b"", "Location: /elsewhere\r\n"),
    }
    if fault == "bomb":
        zeros = gzip.compress(bytes(_BOMB_BYTES))
        return _raw("200 OK", "application/json", zeros, "Content-Encoding: gzip\r\n")
    return answers.get(fault, taken)


def _raw(status: str, content_type: str, content: bytes, more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nConnection: close\r\n"
        f"Content-Length: {len(content)}\r\n{more}\r\n"
    )
    return head.encode() + content
