"""What the answers of a server by HTTP mean: busy, refused, shut, or worth reading."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import responses
from typing import TYPE_CHECKING

from img_ingestion.errors import (
    DestinationBusy,
    DestinationRefused,
    DestinationShut,
    ParcelTooLarge,
)

if TYPE_CHECKING:
    import requests

MAX_ANSWER_BYTES = 64 * 1024
"""Of an answer, decompressed. The contract's own answers have some dozens."""

_CHUNK = 4096
_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_OF_US = {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
}
"""What a wrong token or a wrong URL is answered with, whatever the parcel."""


def unclear(fault: str) -> DestinationShut:
    """Say that an answer is none of those that were agreed upon: the parcel may have arrived."""
    return DestinationShut(f"answer not as the contract says: {fault}", perhaps_taken=True)


def check_status(response: requests.Response, good: set[int]) -> None:
    """Let good statuses pass; the body of any other answer is not read, it may echo ours."""
    code = response.status_code
    if code in good:
        return
    # The standard's words for the status: the answer's own could echo the body.
    words = f"{code} {responses.get(code, '')}".strip().lower()
    if code in _LATER or code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise DestinationBusy(words, _retry_after_s(response))
    if code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        raise ParcelTooLarge(words)
    if code in _OF_US:
        raise DestinationShut(words)
    if code < HTTPStatus.BAD_REQUEST:
        raise DestinationShut(words, perhaps_taken=True)
    raise DestinationRefused(words)


def content(response: requests.Response) -> bytes:
    """Read an answer, decompressed, up to the limit."""
    read = bytearray()
    for chunk in response.iter_content(_CHUNK):
        read += chunk
        if len(read) > MAX_ANSWER_BYTES:
            raise unclear("too long")
    return bytes(read)


def _retry_after_s(response: requests.Response) -> float | None:
    """Read Retry-After (RFC 9110 10.2.3): seconds, or a date; None when it is neither."""
    asked = response.headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit():
        return float(asked)
    try:
        return max(0.0, parsedate_to_datetime(asked).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
