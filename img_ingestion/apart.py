"""
A process apart for whatever touches strangers' bytes: if it dies or hangs, one file is held.

One process serves a whole pass; a new one is forked when it is gone. It answers in JSON, says
nothing on the terminal and leaves no core.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import time
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING, Any, BinaryIO, Never, Self

from img_ingestion import seclusion
from img_ingestion.errors import InstanceError, NotDecoded, TooLarge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from img_ingestion.settings import Limits

    Words = Mapping[str, Any]
    Work = Callable[[Words, bytes], Words]
    """What is done there with one request and its bytes."""

SIZES = struct.Struct("<QQ")
"""Before each message: bytes of JSON, bytes of content."""
SOONEST_S = 0.001


class Apart:
    """
    The process, from the point of view of the pass that asks it.

    Parameters
    ----------
    work : callable
        What is done there with one request (JSON) and its bytes; gives the answer (JSON).

    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._process = 0
        self._line: socket.socket | None = None
        self._until = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    @property
    def alive(self) -> bool:
        """Tell whether the process outlived what it was asked last."""
        return self._line is not None

    @property
    def left_s(self) -> float:
        """Give the time that the answer may still take, in seconds."""
        return max(SOONEST_S, self._until - time.monotonic())

    def fileno(self) -> int:
        """Give the descriptor that can be read when an answer, or the end, has come."""
        return self._line.fileno() if self._line else -1

    def ask(self, request: Words, content: bytes, limits: Limits) -> dict[str, Any]:
        """
        Have one request answered within the limits.

        Raises
        ------
        NotDecoded
            The process died of it, as codecs do of bytes that are no picture.
        TooLarge
            It took more time or memory than it may.

        """
        self.begin(request, content, limits)
        return self.answer()

    def begin(self, request: Words, content: bytes, limits: Limits | None = None) -> None:
        """Hand over one request; what goes wrong with it, its answer says."""
        line = self._line or self._fork()
        asked, self._until = dict(request), inf
        if limits is not None:
            asked["max_memory_bytes"] = limits.max_memory_bytes
            asked["max_cpu_s"] = limits.max_cpu_s
            self._until = time.monotonic() + limits.max_wall_s
        with suppress(ConnectionError, TimeoutError):
            _send(line, self._until, asked, content)

    def answer(self) -> dict[str, Any]:
        """
        Wait for the answer to the request that was handed over.

        Raises
        ------
        NotDecoded, TooLarge
            As `ask`.

        """
        if self._line is None:
            raise NotDecoded("a decoder died")
        try:
            return _received(self._line, self._until)
        except TimeoutError:
            self._end()
            raise TooLarge("it took longer than limits.max_wall_s") from None
        except (ConnectionError, EOFError):
            raise _last_words(self._end()) from None

    def _fork(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        parent, process = os.getpid(), os.fork()
        if process == 0:
            ours.close()
            _serve(theirs, parent, self._work)
        theirs.close()
        self._process, self._line = process, ours
        return ours

    def _end(self) -> int:
        """End the process, if there is one; give the status that it ended with by itself."""
        if self._line is None:
            return 0
        self._line.close()
        self._line = None
        # One that is dying already keeps the status that it dies with.
        os.kill(self._process, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(self._process, 0)[1])


def _last_words(status: int) -> InstanceError:
    """Say what a process died of: the number of a signal, negative, or an exit status."""
    if status == -signal.SIGXCPU:
        return TooLarge("it took more processor time than limits.max_cpu_s")
    if status == -signal.SIGKILL:
        return TooLarge("it was ended from outside, as when memory runs out")
    died_of = signal.Signals(-status).name if status < 0 else f"exit status {status}"
    return NotDecoded(f"a decoder died: {died_of}")


def _send(line: socket.socket, until: float, words: Words, content: bytes = b"") -> None:
    text = json.dumps(words).encode()
    for part in (SIZES.pack(len(text), len(content)), text, content):
        line.settimeout(_left_s(until))
        line.sendall(part)


def _left_s(until: float) -> float | None:
    """Give the time that is left; None where it has no end."""
    return None if until == inf else max(SOONEST_S, until - time.monotonic())


def _received(line: socket.socket, until: float) -> dict[str, Any]:
    """Read one answer, which has no content."""
    size, _ = SIZES.unpack(_exactly(line, SIZES.size, until))
    answer: dict[str, Any] = json.loads(_exactly(line, size, until))
    return answer


def _exactly(line: socket.socket, size: int, until: float) -> bytearray:
    """Read so many bytes."""
    read = bytearray()
    while len(read) < size:
        line.settimeout(_left_s(until))
        part = line.recv(min(size - len(read), 1 << 20))
        if not part:
            raise EOFError
        read += part
    return read


def _serve(line: socket.socket, parent: int, work: Work) -> Never:
    """Be the process apart until nobody asks any more."""
    try:
        seclusion.seclude(parent)
        seclusion.keep_memory()
        seclusion.begin_afresh()
        at_rest = seclusion.data_bytes()
        with line.makefile("rb") as asking:
            while (request := _asked(asking)) is not None:
                words, content = request
                if "max_cpu_s" in words:
                    seclusion.limit(at_rest + words["max_memory_bytes"], words["max_cpu_s"])
                answer = work(words, content)
                del request, content
                line.sendall(SIZES.pack(len(text := json.dumps(answer).encode()), 0) + text)
    finally:
        # Not one line of whoever forked us may run here.
        os._exit(1)


def _asked(line: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    sizes = line.read(SIZES.size)
    if len(sizes) < SIZES.size:
        return None
    text, content = SIZES.unpack(sizes)
    return json.loads(line.read(text)), line.read(content)
