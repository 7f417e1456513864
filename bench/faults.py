"""
Every fault, and what became of it: `python bench/faults.py [--every N]`.

Kills at every call of each kind, before every step on the disk (also with an encrypted archive),
and at random times; refusals of the disk at every call; power cuts at every second fsync. The table
says how many faults were injected, how many the next pass made good, and how many lost something.
Needs strace and the right to mount; what cannot be injected here is said. The faults that end with
yes or no (places that refuse, bombs, half files, privacy) are tests: `pytest tests/faults`. Days on
which anything happens in any order: `FAULTS_EXAMPLES=1000 pytest tests/faults/test_anything.py`.
"""

from __future__ import annotations

import argparse
import itertools
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from img_ingestion.backend import EmbeddedBackend
from tests.faults.gateway import Gateway, Tally, broken, gateway, home_at, sealed_home
from tests.faults.kills import CALLS, REFUSALS, kill_at_each, refuse_at_each
from tests.faults.power import cut

if TYPE_CHECKING:
    from collections.abc import Callable

    from img_ingestion.home import Home

KILLS_AT_RANDOM = 200


def at_random(running: Gateway, scratch: Path, kills: int) -> Tally:
    """Kill at random times of a pass."""
    tally, chance = Tally(), random.Random(6)  # noqa: S311 (when, not a secret)
    began = time.monotonic()
    running.run(home_at(scratch / "home"))
    whole_s = time.monotonic() - began
    for number in range(kills):
        received = scratch / f"random-{number}"
        with EmbeddedBackend(received) as url:
            home = home_at(scratch / "home", url)
            running.run(home, kill_after_s=chance.uniform(0.001, whole_s))
            for _ in range(2):
                running.run(home)
            tally.note(f"kill {number}", list(broken(home, received)))
    return tally


def at_steps(
    running: Gateway, scratch: Path, step: int, made: Callable[[Path], Home] = home_at
) -> Tally:
    """Kill before every Nth step that the program takes on the disk."""
    tally = Tally()
    for number in itertools.count(1, step):
        home = made(scratch / "home")
        if running.run(home, before_step=number).status != -signal.SIGKILL:
            return tally
        running.run(home)
        tally.note(f"step {number}", list(broken(home)))
    return tally


def power_cuts(running: Gateway, scratch: Path, step: int) -> Tally:
    """Cut the power at every Nth fsync."""
    tally = Tally()
    for number in itertools.count(1, step):
        received = scratch / f"power-{number}"
        fatal = f"fsync,fdatasync:signal=SIGKILL:when={number}"
        with EmbeddedBackend(received) as url, cut(running, scratch, url, fatal) as (ran, home):
            if not ran.struck:
                return tally
            for _ in range(2):
                running.run(home)
            tally.note(f"fsync {number}", list(broken(home, received)))
    return tally


def main(step: int) -> None:
    """Print the table, of every fault or of some."""
    print("fault | injected | survived | lost | seconds")
    with tempfile.TemporaryDirectory() as folder, gateway(Path(folder)) as running:
        scratch = Path(folder)
        faults = {f"SIGKILL at {call}": (kill_at_each, call) for call in CALLS}
        faults |= {refusal: (refuse_at_each, refusal) for refusal in REFUSALS}
        for name, (inject, call) in faults.items():
            began = time.monotonic()
            _say(name, inject(running, scratch, call, step), began)
        began = time.monotonic()
        _say("SIGKILL before a step", at_steps(running, scratch, step), began)
        began = time.monotonic()
        sealed = at_steps(running, scratch, step, sealed_home)
        _say("SIGKILL before a step, archive encrypted", sealed, began)
        began = time.monotonic()
        _say("SIGKILL at random", at_random(running, scratch, KILLS_AT_RANDOM // step), began)
        began = time.monotonic()
        try:
            _say("power cut at fsync", power_cuts(running, scratch, step * 2), began)
        except pytest.skip.Exception as reason:
            print(f"power cut | not injected: {reason}")


def _say(name: str, tally: Tally, began: float) -> None:
    seconds = time.monotonic() - began
    row = (name, tally.injected, tally.survived, tally.injected - tally.survived, f"{seconds:.0f}")
    print(" | ".join(map(str, row)), flush=True)
    for problem in tally.lost:
        print(f"  {problem}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--every", type=int, default=1, metavar="N", help="15: minutes; 1: an hour")
    main(parser.parse_args().every)
