"""The embedded backend as a server: on loopback only, a thread for each connection."""

from __future__ import annotations

import sys
from functools import partial
from http.server import ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

from img_ingestion.backend.desk import Desk
from img_ingestion.backend.handler import Handler
from img_ingestion.backend.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from img_ingestion.backend.misbehaviour import Misbehaviour

LOOPBACK = "127.0.0.1"
MAX_BODY_BYTES = 512 * 1024 * 1024


class EmbeddedBackend:
    """
    The embedded backend, a context manager that gives its URL.

    Parameters
    ----------
    out : Path
        Where uploads are stored.
    script : sequence of Misbehaviour, optional
        The first one that fits a request and has not had all its turns is what happens.
    port : int, optional
        0: any that is free.
    max_bytes : int, optional
        Of a body; above it the answer is 413.

    Raises
    ------
    OSError
        On entering: the port is taken.
    StorageError
        `out` cannot be made.

    """

    def __init__(
        self,
        out: Path,
        script: Sequence[Misbehaviour] = (),
        *,
        port: int = 0,
        max_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self.desk = Desk(Store(out), script, max_bytes)
        self._port = port

    def __enter__(self) -> str:
        self._server = _Server((LOOPBACK, self._port), partial(Handler, self.desk))
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return f"http://{LOOPBACK}:{self._server.server_port}"

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.desk.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    """A server that says nothing when a client hangs up."""

    def handle_error(self, *request: object) -> None:
        """Report only what is no end of a connection."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(*request)  # type: ignore[arg-type]
