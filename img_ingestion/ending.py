"""End between two files when the system or the operator asks, never within one."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ASKS = (signal.SIGTERM, signal.SIGINT)


@dataclass(slots=True)
class Ending:
    """Whether somebody asked for the end: SIGTERM of a supervisor, SIGINT of Ctrl-C."""

    signal: int = 0
    """The number of the signal that came first; 0: none."""

    def asked(self, wait_s: float = 0.0) -> bool:
        """Tell whether the end was asked for; wait up to so many seconds for it."""
        if not self.signal:
            came = signal.sigtimedwait(ASKS, wait_s)
            self.signal = came.si_signo if came else 0
        return bool(self.signal)

    @property
    def status(self) -> int:
        """The exit status that a shell gives a program that the signal ended."""
        return 128 + self.signal


@contextmanager
def ending() -> Iterator[Ending]:
    """
    Keep both signals pending until somebody looks.

    No handler of ours runs in the middle of a file; a write or a request is never cut short.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ASKS)
    try:
        yield Ending()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
