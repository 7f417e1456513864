"""Kill the program, or refuse it, at the Nth call; look what the next pass makes of it."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

from img_ingestion.backend import EmbeddedBackend
from tests.faults.gateway import Tally, broken, home_at

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.faults.gateway import Gateway

CALLS = {
    "openat": "openat",
    "write": "write,pwrite64",
    "fsync": "fsync,fdatasync",
    "rename": "rename,renameat,renameat2",
    "unlink": "unlink,unlinkat",
    "sendto": "sendto",
}
REFUSALS = {
    "EIO at one fsync": "fsync,fdatasync:error=EIO:when={}",
    "EIO at each fsync from one on": "fsync,fdatasync:error=EIO:when={}+",
    "ENOSPC at each write from one on": "pwrite64,write:error=ENOSPC:when={}+",
    "EDQUOT at each write to the ledger from one on": "pwrite64:error=EDQUOT:when={}+",
    "EFBIG at one write": "write:error=EFBIG:when={}",
    "EROFS at each rename from one on": "rename,renameat,renameat2:error=EROFS:when={}+",
    "EACCES at one rename": "rename,renameat,renameat2:error=EACCES:when={}",
    "EIO at one unlink": "unlink,unlinkat:error=EIO:when={}",
}
"""What a disk refuses, as strace has it."""


def kill_at(gateway: Gateway, root: Path, call: str, number: int, unprotected: str = "") -> Tally:
    """Kill a pass at its Nth call of a kind; give what is broken after the next pass."""
    inject = f"{CALLS[call]}:signal=SIGKILL:when={number}"
    return _suffer(gateway, root, f"{call} {number}", inject, unprotected)


def kill_at_each(gateway: Gateway, root: Path, call: str, step: int = 1) -> Tally:
    """Kill at every Nth call of a kind, until a pass makes fewer."""
    return _each(step, lambda number: kill_at(gateway, root, call, number))


def refuse_at(gateway: Gateway, root: Path, refusal: str, number: int) -> Tally:
    """Refuse the Nth call of a kind; give what is broken when nothing refuses any more."""
    return _suffer(gateway, root, f"{refusal}, {number}", REFUSALS[refusal].format(number))


def refuse_at_each(gateway: Gateway, root: Path, refusal: str, step: int = 1) -> Tally:
    """Refuse at every Nth call of a kind, until a pass makes fewer."""
    return _each(step, lambda number: refuse_at(gateway, root, refusal, number))


def _suffer(gateway: Gateway, root: Path, name: str, inject: str, unprotected: str = "") -> Tally:
    tally = Tally()
    received = root / f"received-{re.sub('[^a-zA-Z0-9]', '-', name)}"
    with EmbeddedBackend(received) as url:
        home = home_at(root / "home", url)
        if not gateway.run(home, inject, unprotected=unprotected).struck:
            return tally
        # A parcel whose answer was lost is due again only later, as after any failure.
        for _ in range(2):
            gateway.run(home, unprotected=unprotected)
        tally.note(name, list(broken(home, received)))
    return tally


def _each(step: int, one: Callable[[int], Tally]) -> Tally:
    total, number = Tally(), 1 + random.Random(step).randrange(step)  # noqa: S311 (where, no secret)
    while (tally := one(number)).injected:
        total.injected += tally.injected
        total.survived += tally.survived
        total.lost += tally.lost
        number += step
    return total
