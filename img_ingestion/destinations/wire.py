"""
A connection that can be cut, so that a deadline holds in every phase of a request.

A socket's own timeout starts again with every byte: an answer, a header or a TLS handshake
that drips would hold a request for ever.
"""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

if TYPE_CHECKING:
    from collections.abc import Iterator


class Wire:
    """The one connection of a session, with a second handle for cutting it."""

    def __init__(self) -> None:
        self._handle: socket.socket | None = None
        self._cut = threading.Event()

    @property
    def was_cut(self) -> bool:
        """Whether the deadline of the current request, or of the last one, has struck."""
        return self._cut.is_set()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Cut the connection after so many seconds; hang up after any failure."""
        self._cut.clear()
        timer = threading.Timer(seconds, self._strike)
        timer.daemon = True
        timer.start()
        try:
            yield
        except BaseException:
            self.hang_up()
            raise
        finally:
            timer.cancel()
            timer.join()

    def hang_up(self) -> None:
        """End the connection: until this handle is closed, too, the other side sees no end."""
        self._shut()
        if self._handle is not None:
            self._handle.close()
            self._handle = None

    def pools(self) -> dict[str, type[HTTPConnectionPool]]:
        """Give urllib3's pools, by scheme, with connections that report to this wire."""
        wire = self

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return wire._noted(super()._new_conn())

        class Tls(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return wire._noted(super()._new_conn())

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class TlsPool(HTTPSConnectionPool):
            ConnectionCls = Tls

        return {"http": PlainPool, "https": TlsPool}

    def _noted(self, connected: socket.socket) -> socket.socket:
        """Keep a handle of our own: TLS takes the first one over before it shakes hands."""
        self.hang_up()
        self._handle = connected.dup()
        if self.was_cut:
            self._shut()
        return connected

    def _strike(self) -> None:
        self._cut.set()
        self._shut()

    def _shut(self) -> None:
        handle = self._handle
        if handle is not None:
            # The other side, or the other thread, may have ended it already.
            with suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)
