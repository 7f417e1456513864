"""SIGKILL at a system call: the next pass completes, and everything adds up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.gateway import needs
from tests.faults.kills import CALLS, kill_at

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.gateway import Gateway


@pytest.fixture(autouse=True)
def _programs() -> None:
    needs("strace")


@pytest.mark.parametrize("number", [4, 17])
@pytest.mark.parametrize("call", CALLS)
def test_killed_at_a_system_call_the_next_pass_completes(
    running: Gateway, tmp_path: Path, call: str, number: int
) -> None:
    assert kill_at(running, tmp_path, call, number).lost == []


def test_without_recovery_something_is_left_half(running: Gateway, tmp_path: Path) -> None:
    lost = [
        problem
        for number in (6, 8, 10)
        for problem in kill_at(running, tmp_path, "rename", number, "recovery").lost
    ]
    assert lost
