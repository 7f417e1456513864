"""DICOMweb: cleaned instances by STOW-RS (PS3.18 10.5)."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from img_ingestion.destinations import answers, http_session
from img_ingestion.errors import DestinationBusy, DestinationRefused
from img_ingestion.instance import Receipt
from img_ingestion.spliced import FileBytes, Spliced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from img_ingestion.destinations.http_session import HttpSession
    from img_ingestion.instance import Parcel
    from img_ingestion.protocols import Destination
    from img_ingestion.settings import Stow

STUDIES = "/studies"
JSON = "application/dicom+json"
FAILED, STORED, REASON = "00081198", "00081199", "00081197"
"""Failed SOP Sequence, Referenced SOP Sequence, Failure Reason (PS3.3 C.12.1.1 and PS3.18 I.2)."""
OUT_OF_RESOURCES = range(0xA700, 0xA800)
"""Failure Reason: try again later (PS3.18 I.2.2)."""
_GOOD = (HTTPStatus.OK, HTTPStatus.ACCEPTED, HTTPStatus.CONFLICT)


@contextmanager
def destination(settings: Stow) -> Iterator[Destination]:
    """Give the DICOMweb server of the settings, with one session for all parcels."""
    with http_session.opened(settings) as session:
        yield _Store(session)


@dataclass(frozen=True, slots=True)
class _Store:
    """The server, reached."""

    session: HttpSession

    def deliver(self, parcel: Parcel) -> Receipt:
        """
        Post the instances of a parcel; return when all of them are said to be stored.

        Raises
        ------
        NotDescribed
            An instance's file is gone; nothing was sent.
        DestinationBusy
            As `HttpSession.post` has it, and for want of resources.
        DestinationRefused
            The server failed to store one of them; alone, the others will go.

        """
        boundary = parcel.key
        headers = {
            "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
            "Accept": JSON,
            "Idempotency-Key": parcel.key,
        }
        body = Spliced(_parts(parcel, boundary))
        answer = self.session.post(STUDIES, body, headers, _GOOD)
        failed, stored = _read(answer.content, fallback=answer.status == HTTPStatus.CONFLICT)
        if failed:
            words = ", ".join(sorted({f"0x{reason:04X}" for reason in failed}))
            if all(reason in OUT_OF_RESOURCES for reason in failed):
                raise DestinationBusy(f"{answer.status}: failure reason {words}")
            raise DestinationRefused(f"{answer.status}: failure reason {words}")
        if stored != len(parcel.instances):
            raise answers.unclear(f"{stored} of {len(parcel.instances)} said to be stored")
        return Receipt(f"{answer.status} stored", sha256(answer.content).hexdigest())


def _parts(parcel: Parcel, boundary: str) -> Iterator[bytes | FileBytes]:
    """Give the body of PS3.18 10.5.1: one part for each instance."""
    for path in parcel.instances:
        yield f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        yield FileBytes.of(path)
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def _read(content: bytes, *, fallback: bool) -> tuple[list[int], int]:
    """
    Read the Store Instances Response (PS3.18 10.5.3, Annex I): failure reasons, number stored.

    With `fallback`, an answer in other words is one failure without a reason.
    """
    try:
        response: Any = json.loads(content)
        failed = response.get(FAILED, {}).get("Value", [])
        reasons = [int(one.get(REASON, {}).get("Value", [0])[0]) for one in failed]
        stored = len(response.get(STORED, {}).get("Value", []))
    except (ValueError, AttributeError, IndexError, TypeError, RecursionError):
        if fallback:
            return [0], 0
        raise answers.unclear("no Store Instances Response in JSON") from None
    return (reasons or [0]) if fallback else reasons, stored
