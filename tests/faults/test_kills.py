"""SIGKILL before a step on the disk or at a system call: the next pass makes it good."""

from __future__ import annotations

import itertools
import random
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from img_ingestion.backend import EmbeddedBackend
from img_ingestion.lock import only_run
from tests.faults.gateway import ALREADY_RUNNING, broken, files, home_at, needs
from tests.faults.kills import CALLS, kill_at

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.gateway import Gateway


HELD = 3
EVERY = 10
"""`bench/faults.py` kills at each."""


def test_killed_before_a_step_on_the_disk_the_next_pass_completes(
    running: Gateway, tmp_path: Path
) -> None:
    for step in itertools.count(1, EVERY):
        home = home_at(tmp_path / "home")
        if running.run(home, before_step=step).status != -signal.SIGKILL:
            break
        assert running.run(home).status in {0, HELD}, step
        assert list(broken(home)) == [], step
    assert step > 70, "the steps were not counted"


@pytest.mark.parametrize("step", [3, 23, 41, 60])
def test_killed_with_two_at_work_the_next_pass_completes(
    running: Gateway, tmp_path: Path, step: int
) -> None:
    home = home_at(tmp_path / "home")
    two = ["--workers", "2"]
    assert running.run(home, before_step=step, more=two).status == -signal.SIGKILL
    assert running.run(home, more=two).status in {0, HELD}
    assert list(broken(home)) == []


@pytest.mark.parametrize("step", [45, 60, 75, 90])
def test_killed_while_it_sends_and_cleans_the_next_pass_completes(
    running: Gateway, tmp_path: Path, step: int
) -> None:
    received = tmp_path / "received"
    with EmbeddedBackend(received) as url:
        home = home_at(tmp_path / "home", url)
        two: dict[str, Any] = {"more": ["--workers", "2"], "enough": 1}
        assert running.run(home, before_step=step, **two).status == -signal.SIGKILL
        for _ in range(2):
            assert running.run(home, **two).status in {0, HELD}
        assert list(broken(home, received)) == []


@pytest.mark.parametrize("call", ["sendto:signal=SIGKILL:when=3", "sendto:signal=SIGKILL:when=9"])
def test_who_carries_parcels_or_asks_for_it_killed_at_a_call_loses_and_repeats_nothing(
    running: Gateway, tmp_path: Path, call: str
) -> None:
    needs("strace")
    received = tmp_path / "received"
    with EmbeddedBackend(received) as url:
        home = home_at(tmp_path / "home", url)
        two: dict[str, Any] = {"more": ["--workers", "2"], "enough": 1}
        assert running.run(home, call, **two).struck
        for _ in range(2):
            running.run(home, **two)
        assert list(broken(home, received)) == []


def test_killed_with_a_cluster_at_work_the_next_pass_completes(
    running: Gateway, tmp_path: Path
) -> None:
    from tests.test_cluster import site  # noqa: PLC0415 (skips where Dask is not installed)

    (tmp_path / "cluster").mkdir()
    with site(tmp_path / "cluster", 2) as there:
        for step in (5, 18, 30):
            home = home_at(tmp_path / "home")
            more = ["--dask", there.address]
            assert running.run(home, before_step=step, more=more).status == -signal.SIGKILL
            # Of a file that a worker has in hand the next pass sweeps nothing that is being written.
            for _ in range(2):
                assert running.run(home, more=more).status in {0, HELD}
            assert list(broken(home)) == [], step


def test_killed_twice_the_third_pass_completes(running: Gateway, tmp_path: Path) -> None:
    chance = random.Random(6)  # noqa: S311 (which steps, not a secret)
    for _ in range(5):
        home = home_at(tmp_path / "home")
        running.run(home, before_step=chance.randrange(1, 80))
        running.run(home, before_step=chance.randrange(1, 60))
        running.run(home)
        assert list(broken(home)) == []


def test_killed_at_any_time_the_next_pass_completes(running: Gateway, tmp_path: Path) -> None:
    home = home_at(tmp_path / "home")
    began = time.monotonic()
    running.run(home)
    whole_s = time.monotonic() - began
    chance = random.Random(9)  # noqa: S311 (when, not a secret)
    for _ in range(5):
        home = home_at(tmp_path / "home")
        running.run(home, kill_after_s=chance.uniform(0.001, whole_s))
        running.run(home)
        assert list(broken(home)) == []


def test_a_second_run_ends_at_once_and_takes_nothing(running: Gateway, tmp_path: Path) -> None:
    home = home_at(tmp_path / "home")
    before = files(home.local_dcm)
    with only_run(home.state):
        assert running.run(home).status == ALREADY_RUNNING
    assert files(home.local_dcm) == before


@pytest.mark.parametrize("number", [4, 17])
@pytest.mark.parametrize("call", CALLS)
def test_killed_at_a_system_call_the_next_pass_completes(
    running: Gateway, tmp_path: Path, call: str, number: int
) -> None:
    needs("strace")
    assert kill_at(running, tmp_path, call, number).lost == []


def test_without_recovery_something_is_left_half(running: Gateway, tmp_path: Path) -> None:
    needs("strace")
    lost = [
        problem
        for number in (6, 8, 10)
        for problem in kill_at(running, tmp_path, "rename", number, "recovery").lost
    ]
    assert lost
