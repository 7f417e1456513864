"""Why a server was not reached, in plain words: the network's own quote names and addresses."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WORDS: Mapping[type[BaseException] | str, str] = {
    socket.gaierror: "the server's name is not known",
    ConnectionRefusedError: "connection refused",
    ConnectionResetError: "connection reset",
    BrokenPipeError: "connection reset",
    "ConnectTimeout": "connection not taken in time",
    "ConnectTimeoutError": "connection not taken in time",
    "ReadTimeout": "no answer in time",
    "ReadTimeoutError": "no answer in time",
    TimeoutError: "no answer in time",
    ssl.SSLError: "TLS: no agreement with the server",
    "BadStatusLine": "the answer is not HTTP",
    "HTTPException": "the answer is not HTTP",
    "LineTooLong": "the answer is not HTTP",
    "ContentDecodingError": "the answer cannot be unpacked",
    "ChunkedEncodingError": "the connection ended amid the answer",
}
"""By type, or by name where the type is behind a wall; the first that fits."""
CERTIFICATES: Mapping[int, str] = {
    10: "its certificate is expired",
    9: "its certificate is not valid yet",
    18: "its certificate is self-signed",
    19: "its certificate is self-signed",
    20: "its certificate is of an unknown authority",
    21: "its certificate is of an unknown authority",
    62: "its certificate is another host's",
    64: "its certificate is another host's",
}
"""By the number of OpenSSL (X509_V_ERR)."""


def why(error: BaseException) -> str:
    """Say why a server was not reached; by types where there are no words for it."""
    found = list(chain(error))
    for each in reversed(found):
        if isinstance(each, ssl.SSLCertVerificationError):
            return f"TLS: {CERTIFICATES.get(each.verify_code, 'its certificate is not trusted')}"
    whose = "proxy: " if any(_is(each, "ProxyError") for each in found) else ""
    for kind, words in WORDS.items():
        if any(_is(each, kind) for each in found):
            return f"{whose}{words}"
    return ", ".join(dict.fromkeys(type(each).__name__ for each in (found[0], found[-1])))


def _is(error: BaseException, kind: type[BaseException] | str) -> bool:
    return type(error).__name__ == kind if isinstance(kind, str) else isinstance(error, kind)


def chain(error: BaseException) -> Iterator[BaseException]:
    """Give an error and those beneath it."""
    inner: BaseException | None = error
    while inner is not None:
        yield inner
        inner = inner.__cause__ or inner.__context__
