"""End once what is in hand is done when the system or the operator asks, never within a file."""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

ASKS = (signal.SIGTERM, signal.SIGINT)
LOOK_EVERY_S = 0.1


@dataclass(slots=True)
class Ending:
    """Whether somebody asked for the end: SIGTERM of a supervisor, SIGINT of Ctrl-C."""

    signal: int = 0
    """The number of the signal that came first; 0: none."""

    def asked(self, wait_s: float = 0.0) -> bool:
        """Tell whether the end was asked for; wait up to so many seconds for it."""
        until = time.monotonic() + wait_s
        while not self.signal and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_EVERY_S))
        return bool(self.signal)

    @property
    def status(self) -> int:
        """The exit status that a shell gives a program that the signal ended."""
        return 128 + self.signal

    def note(self, number: int, _: FrameType | None) -> None:
        """Note a signal, and do nothing else: a file, a write or a request is in hand."""
        self.signal = self.signal or number


@contextmanager
def ending() -> Iterator[Ending]:
    """Note both signals instead of ending at once."""
    # Blocking them would not do: the threads that numpy started before would not block them.
    end = Ending()
    before = {number: signal.signal(number, end.note) for number in ASKS}
    try:
        yield end
    finally:
        for number, action in before.items():
            signal.signal(number, action)
