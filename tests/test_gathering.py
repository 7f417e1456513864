"""What is entered together: of one customer, no more than asked for, none forgotten."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from img_ingestion import durable
from img_ingestion.arrival import Arrival, Stamp
from img_ingestion.bench import Decided, Job
from img_ingestion.gathering import TOGETHER_BYTES, Gathering
from img_ingestion.instance import ReceivedInstance
from img_ingestion.ledger import Entry
from img_ingestion.outcome import left, told
from img_ingestion.settings import Settings
from img_ingestion.sources.folder import Folder
from img_ingestion.unsynced import Unsynced


def one(number: int, customer: str = "north", size: int = 1, *, before: bool = False) -> Decided:
    entry = Entry(f"{number:016x}", customer, f"p{number}", "s", size, 1.0)
    received = ReceivedInstance(entry.id, customer, Path("x"), b"", "s")
    source = Folder(Path("x"), Settings(), b"k")
    job = Job(source, Arrival(received, entry.place, Stamp(0, 0, size, 0, 0)), entry)
    return Decided(job, entry, told=before)


def numbers(group: list[Decided]) -> list[int]:
    return [int(each.entry.id, 16) for each in group]


def test_so_many_of_one_customer_are_taken_together_and_the_others_wait() -> None:
    gathering = Gathering(2)
    due = []
    for number, customer in ((1, "north"), (2, "south"), (3, "north"), (4, "north")):
        gathering.add(one(number, customer))
        due.append(gathering.due)
    assert due == [False, True, True, True]
    assert [numbers(gathering.taken()) for _ in range(3)] == [[1, 3], [2], [4]]
    assert not gathering


def test_what_takes_much_memory_waits_for_nothing() -> None:
    gathering = Gathering()
    gathering.add(one(1, size=TOGETHER_BYTES))
    assert gathering.due


def test_no_more_are_taken_than_were_asked_for_but_what_was_told_before() -> None:
    gathering = Gathering(most=2)
    for number in range(5):
        gathering.add(one(number, before=number < 2))
    assert gathering.due
    assert numbers(gathering.taken()) == [0, 1, 2, 3]
    gathering.entered([told(one(2).entry), left("", "north", "stuck", "")])
    gathering.add(one(5))
    assert numbers(gathering.taken()) == [4]


def test_a_folder_is_synced_once_for_all_that_was_moved_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[int, int]] = []
    really = os.fsync

    def counted(file: int) -> None:
        really(file)
        status = os.fstat(file)
        synced.append((status.st_dev, status.st_ino))

    for place in ("from", "to"):
        (tmp_path / place).mkdir()
    for number in range(5):
        (tmp_path / "from" / str(number)).write_bytes(b"x")
    monkeypatch.setattr(os, "fsync", counted)
    with Unsynced() as unsynced:
        for number in range(5):
            source, target = (tmp_path / place / str(number) for place in ("from", "to"))
            durable.move(source, target, unsynced=unsynced)
        assert synced == []
        (tmp_path / "from").rename(tmp_path / "renamed")
    folders = [(tmp_path / place).stat() for place in ("to", "renamed")]
    assert synced == [(folder.st_dev, folder.st_ino) for folder in folders]


def test_a_folder_that_cannot_be_synced_is_told_and_none_stays_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(_: int) -> Any:  # noqa: ANN401 (never)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", refusing)
    before = len(list(Path("/proc/self/fd").iterdir()))
    unsynced = Unsynced()
    for _ in range(2):
        unsynced.note(tmp_path)
    with pytest.raises(OSError, match="Input/output"):
        unsynced.__exit__(None)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
