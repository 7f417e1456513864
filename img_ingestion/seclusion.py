"""What a process that touches strangers' bytes gives up, and the most that a file may cost it."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4


def seclude(parent: int) -> None:
    """
    Say nothing, leave nothing behind, and do not outlive whoever forked us.

    The home's lock stays open here too: no other run begins while this process may still write.

    Parameters
    ----------
    parent : int
        The process that forked this one.

    """
    for number in (signal.SIGTERM, signal.SIGINT):
        # Whoever forked us ends between two files, and this one is in hand.
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError):
        # When memory runs out, this process goes and not the one that keeps the ledger.
        Path("/proc/self/oom_score_adj").write_text("1000")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(AttributeError):
        control = ctypes.CDLL(None).prctl
        control(PR_SET_PDEATHSIG, signal.SIGKILL)
        # A limit of 0 does not keep a core from a program that the kernel pipes it to.
        control(PR_SET_DUMPABLE, 0)
    if os.getppid() != parent:
        # It was gone before it could take us with it.
        os.kill(os.getpid(), signal.SIGKILL)
    # Codecs quote values on the terminal.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for terminal in (0, 1, 2):
        os.dup2(nowhere, terminal)


def limit(memory_bytes: int, cpu_s: float) -> None:
    """Give the next file its share; memory is what is written to, not what is set aside."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (_within(memory_bytes, most), most))
    used = resource.getrusage(resource.RUSAGE_SELF)
    until_s = int(used.ru_utime + used.ru_stime + cpu_s) + 1
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (_within(until_s, most), most))


def _within(wanted: int, most: int) -> int:
    return wanted if most == resource.RLIM_INFINITY else min(wanted, most)


def data_bytes() -> int:
    """Give what RLIMIT_DATA counts now; 0 where the system does not say."""
    with suppress(OSError):
        pages = int(Path("/proc/self/statm").read_bytes().split()[5])
        return pages * resource.getpagesize()
    return 0
