"""Kill the program at the Nth call of one kind, and look what the next pass makes of it."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

from img_ingestion.backend import EmbeddedBackend
from tests.faults.gateway import Tally, broken, home_at

if TYPE_CHECKING:
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


def kill_at(gateway: Gateway, root: Path, call: str, number: int, unprotected: str = "") -> Tally:
    """Kill a pass at its Nth call of a kind; give what is broken after the next pass."""
    tally = Tally()
    received = root / f"received-{call}-{number}"
    with EmbeddedBackend(received) as url:
        home = home_at(root / "home", url)
        inject = f"{CALLS[call]}:signal=SIGKILL:when={number}"
        if not gateway.run(home, inject, unprotected=unprotected).struck:
            return tally
        # A parcel whose answer was lost is due again only later, as after any failure.
        for _ in range(2):
            gateway.run(home, unprotected=unprotected)
        tally.note(f"{call} {number}", list(broken(home, received)))
    return tally


def kill_at_each(gateway: Gateway, root: Path, call: str, step: int = 1) -> Tally:
    """Kill at every Nth call of a kind, until a pass makes fewer."""
    total = Tally()
    for number in itertools.count(1 + random.Random(step).randrange(step), step):  # noqa: S311
        one = kill_at(gateway, root, call, number)
        if not one.injected:
            return total
        total.injected += one.injected
        total.survived += one.survived
        total.lost += one.lost
    return total
