"""What a process that touches strangers' bytes gives up, and the most that a file may cost it."""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import signal
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4
OFTEN = 700
"""New objects between two looks for garbage: what is left of a picture that failed goes soon."""
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES, REUSED_BYTES = 128 * 1024**2, 32 * 1024**2
"""What may stay at hand from one file to the next, and the largest piece of it."""


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


def keep_memory() -> None:
    """
    Have the memory of one file used for the next.

    glibc gives it back to the kernel after each picture and has every page of it made anew: a
    fifth of the processor time of a large radiograph.
    """
    with suppress(AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(M_MMAP_THRESHOLD, REUSED_BYTES)


def begin_afresh() -> None:
    """Look for garbage in what comes from now on: the pages of the rest stay shared."""
    gc.freeze()
    gc.set_threshold(OFTEN)


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
