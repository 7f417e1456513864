"""The contract's POST: the default destination."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING

from img_ingestion.contract import JSON, UPLOAD, answer_fault
from img_ingestion.destinations import answers, http_session
from img_ingestion.instance import Receipt
from img_ingestion.upload_body import checked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from img_ingestion.destinations.http_session import HttpSession
    from img_ingestion.instance import Parcel
    from img_ingestion.protocols import Destination
    from img_ingestion.settings import Backend


@contextmanager
def destination(settings: Backend) -> Iterator[Destination]:
    """Give the backend of the settings, with one session that is kept for all parcels."""
    with http_session.opened(settings) as session:
        yield _ContractPost(session)


@dataclass(frozen=True, slots=True)
class _ContractPost:
    """The backend, reached."""

    session: HttpSession

    def deliver(self, parcel: Parcel) -> Receipt:
        """
        Post one parcel; return when the backend has said, in the contract's words, "ok".

        Raises
        ------
        NotDescribed
            The body would break the contract; nothing was sent.
        DestinationBusy, DestinationRefused
            As `HttpSession.post` has it; an answer that is no word of the contract's is
            refused, too.

        """
        headers = {"Content-Type": JSON, "Accept": JSON, "Idempotency-Key": parcel.key}
        answer = self.session.post(UPLOAD, checked(parcel), headers, [HTTPStatus.OK])
        if fault := answer_fault(answer.status, answer.content_type, answer.content):
            raise answers.unclear(fault)
        return Receipt("200 ok", sha256(answer.content).hexdigest())
