"""The power fails: what was acknowledged is on the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from img_ingestion.backend import EmbeddedBackend
from tests.faults.gateway import broken, files, needs, totals
from tests.faults.power import cut

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.gateway import Gateway


@pytest.fixture(autouse=True)
def _programs() -> None:
    needs("strace", "mkfs.ext4", "mount")


def test_all_that_was_acknowledged_survives_a_power_cut(running: Gateway, tmp_path: Path) -> None:
    with EmbeddedBackend(tmp_path / "received") as url, cut(running, tmp_path, url) as (ran, home):
        assert "2 sent" in ran.said
        assert list(broken(home, tmp_path / "received")) == []


def test_without_fsync_all_of_it_is_lost(running: Gateway, tmp_path: Path) -> None:
    lies = "fsync,fdatasync:retval=0"
    with (
        EmbeddedBackend(tmp_path / "received") as url,
        cut(running, tmp_path, url, lies) as (ran, home),
    ):
        assert "2 sent" in ran.said
        assert files(home.archive) == []
        assert totals(home).total() == 0


@pytest.mark.parametrize("number", [2, 15, 36, 43, 52, 90])
def test_a_power_cut_in_the_middle_is_continued(
    running: Gateway, tmp_path: Path, number: int
) -> None:
    fatal = f"fsync,fdatasync:signal=SIGKILL:when={number}"
    with (
        EmbeddedBackend(tmp_path / "received") as url,
        cut(running, tmp_path, url, fatal) as (_, home),
    ):
        running.run(home)
        running.run(home)
        assert list(broken(home, tmp_path / "received")) == []
