"""Bytes on the disk: all of a file or none of it, for our own account alone."""

from __future__ import annotations

import os
import resource
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from img_ingestion import durable
from img_ingestion.errors import AlreadyRunning, StorageError
from img_ingestion.home import UNASSIGNED, Home, customer_of
from img_ingestion.lock import only_run

if TYPE_CHECKING:
    from collections.abc import Iterator


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Let the umask allow everything, as a careless service would."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_files_and_folders_are_for_our_own_account_alone_whatever_the_umask(tmp_path: Path) -> None:
    durable.folder(tmp_path / "a" / "b")
    durable.write(tmp_path / "a" / "b" / "file", b"content")
    assert _mode(tmp_path / "a") == _mode(tmp_path / "a" / "b") == 0o700
    assert _mode(tmp_path / "a" / "b" / "file") == 0o600


def test_a_write_replaces_the_whole_file_and_leaves_no_temporary(tmp_path: Path) -> None:
    path = tmp_path / "file"
    durable.write(path, b"old and longer")
    durable.write(path, b"new")
    assert path.read_bytes() == b"new"
    assert _names(tmp_path) == ["file"]


def test_a_stream_that_fails_leaves_the_old_file_and_no_temporary(tmp_path: Path) -> None:
    path = tmp_path / "file"
    durable.write(path, b"old")
    with pytest.raises(TypeError), durable.writer(path) as stream:
        stream.writelines([b"half", None])  # type: ignore[list-item]
    assert path.read_bytes() == b"old"
    assert _names(tmp_path) == ["file"]


def test_what_was_staged_and_not_placed_is_gone(tmp_path: Path) -> None:
    with durable.staging() as temporaries:
        kept = durable.stage(b"kept", tmp_path, temporaries)
        durable.stage(b"lost", tmp_path, temporaries)
        durable.place({kept: f"{tmp_path}/kept"})
    assert _names(tmp_path) == ["kept"]


def test_a_file_that_grows_too_large_for_the_disk_is_a_storage_error_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(StorageError, match="writing: File too large"):
            durable.write(tmp_path / "Quillfeather", bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert _names(tmp_path) == []


def test_a_storage_error_names_the_fault_and_not_the_file(tmp_path: Path) -> None:
    for attempt in (
        lambda: durable.write(tmp_path / "Quillfeather" / "file", b""),
        lambda: durable.move(tmp_path / "Quillfeather", tmp_path / "target"),
        lambda: durable.free_bytes(tmp_path / "Quillfeather"),
    ):
        with pytest.raises(StorageError, match="No such file") as caught:
            attempt()
        assert "Quillfeather" not in str(caught.value)


def test_a_move_within_a_file_system_keeps_the_file(tmp_path: Path) -> None:
    durable.folder(tmp_path / "from")
    durable.folder(tmp_path / "to")
    (tmp_path / "from" / "file").write_bytes(b"content")
    inode = (tmp_path / "from" / "file").stat().st_ino
    durable.move(tmp_path / "from" / "file", tmp_path / "to" / "file")
    assert (tmp_path / "to" / "file").stat().st_ino == inode
    assert _names(tmp_path / "from") == []


@pytest.mark.parametrize("by_descriptor", [False, True])
def test_a_move_between_file_systems_copies_durably_and_then_removes(
    tmp_path: Path, *, by_descriptor: bool
) -> None:
    memory = Path("/dev/shm")  # noqa: S108 (another file system, the point of the test)
    if not os.access(memory, os.W_OK) or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system to write to")
    with tempfile.TemporaryDirectory(dir=memory) as other:
        source = Path(other, "file")
        source.write_bytes(b"content" * 1000)
        folder = os.open(other, os.O_RDONLY)
        try:
            if by_descriptor:
                durable.move(Path("file"), tmp_path / "moved", within=folder)
            else:
                durable.move(source, tmp_path / "moved")
        finally:
            os.close(folder)
        assert not source.exists()
    assert (tmp_path / "moved").read_bytes() == b"content" * 1000
    assert _names(tmp_path) == ["moved"]
    assert _mode(tmp_path / "moved") == 0o600


def test_a_sweep_removes_temporaries_at_any_depth_and_nothing_else(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    durable.folder(deep)
    (deep / f"{durable.TEMPORARY}0123").write_bytes(b"half")
    (deep / ".hidden").write_bytes(b"")
    (deep / "file").write_bytes(b"")
    assert durable.sweep(tmp_path) == 1
    assert _names(deep) == [".hidden", "file"]


@pytest.mark.usefixtures("open_umask")
def test_a_home_is_made_closed_and_an_incoming_folder_keeps_the_mode_it_has(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    durable.folder(home.root)
    home.local_dcm.mkdir(mode=0o770)
    home.state.mkdir(mode=0o755)
    home.prepare()
    assert _mode(home.local_dcm) == 0o770
    assert {_mode(folder) for folder in home.folders if folder != home.local_dcm} == {0o700}


@pytest.mark.parametrize(
    ("folder", "customer"),
    [
        ("customer_2", "customer_2"),
        ("St.Elsewhere-1", "St.Elsewhere-1"),
        ("c" * 64, "c" * 64),
        ("c" * 65, UNASSIGNED),
        (".hidden", UNASSIGNED),
        ("-rf", UNASSIGNED),
        ("two words", UNASSIGNED),
        ("line\nbreak", UNASSIGNED),
        ("Ärzte", UNASSIGNED),
        (UNASSIGNED, UNASSIGNED),
        ("customer\n", UNASSIGNED),
    ],
)
def test_only_plain_folder_names_are_customers(folder: str, customer: str) -> None:
    assert customer_of(folder) == customer


def test_a_second_run_is_turned_away_at_once_and_the_next_one_is_not(tmp_path: Path) -> None:
    with only_run(tmp_path), pytest.raises(AlreadyRunning), only_run(tmp_path):
        pytest.fail("two runs in one home")
    with only_run(tmp_path):
        assert _mode(tmp_path / "lock") == 0o600


def test_a_run_that_is_killed_leaves_no_lock_behind(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        with only_run(tmp_path):
            os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    with only_run(tmp_path):
        pass


def test_a_file_without_a_folder_in_its_name_is_written_where_we_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    durable.write(Path("file"), b"content")
    assert (tmp_path / "file").read_bytes() == b"content"
