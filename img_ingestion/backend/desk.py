"""What the embedded backend decides: to misbehave, or to look at an upload and keep it."""

from __future__ import annotations

import json
from collections import Counter
from http import HTTPStatus
from threading import Event, Lock
from typing import TYPE_CHECKING

from img_ingestion.backend.misbehaviour import Misbehaviour
from img_ingestion.backend.pictures import NotAPicture, picture
from img_ingestion.contract import request_fault
from img_ingestion.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from img_ingestion.backend.store import Store


class Desk:
    """Where uploads are looked at; shared by the threads of the server."""

    def __init__(self, store: Store, script: Sequence[Misbehaviour], max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.closing = Event()
        self.statuses: list[int] = []
        """Of all answers so far; 0 for an answer that was spoiled on purpose."""
        self._store = store
        self._script = tuple(script)
        self._failed: Counter[int] = Counter()
        self._lock = Lock()

    def misbehaviour(self, body: bytes, faults: Sequence[str]) -> Misbehaviour:
        """Give the first of the script that fits, of these faults, and has turns left."""
        with self._lock:
            for place, each in enumerate(self._script):
                turns_left = not each.times or self._failed[place] < each.times
                if turns_left and each.fault in faults and each.only.encode() in body:
                    self._failed[place] += 1
                    return each
        return Misbehaviour()

    def answered(self, key: str, content_type: str, body: bytes) -> tuple[HTTPStatus, str]:
        """
        Look at an upload and keep it if it is good.

        Returns
        -------
        tuple
            The status, and what is wrong; empty when the upload was taken, now or before.

        """
        if fault := request_fault(body, content_type):
            return HTTPStatus.BAD_REQUEST, fault
        try:
            outcome = self._store.keep(key, body, list(_pictures(body)))
        except NotAPicture as error:
            return HTTPStatus.BAD_REQUEST, str(error)
        except StorageError as error:
            return HTTPStatus.INTERNAL_SERVER_ERROR, str(error)
        if outcome == "other":
            return HTTPStatus.UNPROCESSABLE_ENTITY, "another upload had this Idempotency-Key"
        return HTTPStatus.OK, ""


def _pictures(body: bytes) -> Iterator[bytes]:
    for place, image in enumerate(json.loads(body)["images"]):
        try:
            yield picture(image)
        except NotAPicture as error:
            raise NotAPicture(f"images[{place}].{error}") from error
