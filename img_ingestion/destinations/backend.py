"""The contract's POST: the default destination, and the wall around requests."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from hashlib import sha256
from http import HTTPStatus
from http.client import responses
from typing import TYPE_CHECKING

import requests
from requests.adapters import HTTPAdapter

from img_ingestion.contract import JSON, UPLOAD, answer_fault
from img_ingestion.destinations.wire import Wire
from img_ingestion.errors import DestinationBusy, DestinationRefused
from img_ingestion.instance import Receipt
from img_ingestion.upload_body import checked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from img_ingestion.instance import Parcel
    from img_ingestion.protocols import Destination
    from img_ingestion.settings import Backend

MAX_ANSWER_BYTES = 64 * 1024
"""Of an answer, decompressed. The contract's own answers have some dozens."""

_CHUNK = 4096
_LATER = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
}


@contextmanager
def destination(settings: Backend) -> Iterator[Destination]:
    """Give the backend of the settings, with one session that is kept for all parcels."""
    wire = Wire()
    with requests.Session() as session:
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=1)
        adapter.poolmanager.pool_classes_by_scheme = wire.pools()
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        # Nothing from the environment: no proxy, no .netrc, no other authority.
        session.trust_env = False
        session.verify = settings.ca_file or True
        session.headers["Content-Type"] = JSON
        session.headers["Accept"] = JSON
        if token := settings.token.get_secret_value():
            session.headers["Authorization"] = f"Bearer {token}"
        try:
            yield _ContractPost(settings, session, wire)
        finally:
            wire.hang_up()


@dataclass(frozen=True, slots=True)
class _ContractPost:
    """The backend, reached."""

    settings: Backend
    session: requests.Session = field(repr=False)
    wire: Wire = field(repr=False)

    def deliver(self, parcel: Parcel) -> Receipt:
        """
        Post one parcel; return when the backend has said, in the contract's words, "ok".

        Raises
        ------
        NotDescribed
            The body would break the contract; nothing was sent.
        DestinationBusy
            408, 425, 429, 5xx, no network, no trust, or no answer before the deadline.
        DestinationRefused
            Any other answer than the contract's 200.

        """
        body = checked(parcel)
        with self._network(), self.wire.within(self.settings.total_timeout_s):
            response = self.session.post(
                self.settings.url.rstrip("/") + UPLOAD,
                data=body,
                headers={"Idempotency-Key": parcel.key},
                timeout=(self.settings.connect_timeout_s, self.settings.read_timeout_s),
                allow_redirects=False,
                stream=True,
            )
            with response:
                _check_status(response)
                answer = _answer(response)
        content_type = response.headers.get("Content-Type", "")
        if fault := answer_fault(response.status_code, content_type, answer):
            raise _unclear(fault)
        return Receipt("200 ok", sha256(answer).hexdigest())

    @contextmanager
    def _network(self) -> Iterator[None]:
        """Turn whatever the network does into DestinationBusy, by type: URLs have no place."""
        try:
            yield
        except (requests.RequestException, OSError) as error:
            if self.wire.was_cut:
                raise DestinationBusy("no answer before total_timeout_s") from error
            raise DestinationBusy(f"network: {_kind(error)}") from error
        # An answer that ends when its connection does looks whole when we have cut it.
        if self.wire.was_cut:
            raise DestinationBusy("no answer before total_timeout_s")


def _check_status(response: requests.Response) -> None:
    """Let 200 pass; the body of any other answer is not read, it may echo ours."""
    code = response.status_code
    # The standard's words for the status: the answer's own could echo the body.
    words = f"{code} {responses.get(code, '')}".strip().lower()
    if code in _LATER or code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise DestinationBusy(words, _retry_after_s(response))
    if code >= HTTPStatus.BAD_REQUEST:
        raise DestinationRefused(words)
    if code != HTTPStatus.OK:
        raise DestinationRefused(words, perhaps_taken=True)


def _answer(response: requests.Response) -> bytes:
    """Read an answer, decompressed, up to the limit."""
    answer = bytearray()
    for chunk in response.iter_content(_CHUNK):
        answer += chunk
        if len(answer) > MAX_ANSWER_BYTES:
            raise _unclear("too long")
    return bytes(answer)


def _unclear(fault: str) -> DestinationRefused:
    return DestinationRefused(f"answer not as the contract says: {fault}", perhaps_taken=True)


def _retry_after_s(response: requests.Response) -> float | None:
    """Read Retry-After (RFC 9110 10.2.3): seconds, or a date; None when it is neither."""
    asked = response.headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit():
        return float(asked)
    try:
        return max(0.0, parsedate_to_datetime(asked).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _kind(error: BaseException) -> str:
    """Name an error and the one at its root, e.g. `ConnectionError, ConnectionRefusedError`."""
    root = error
    while inner := root.__cause__ or root.__context__:
        root = inner
    return ", ".join(dict.fromkeys(type(each).__name__ for each in (error, root)))
