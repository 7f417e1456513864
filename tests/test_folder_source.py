"""The folder of strangers: what has arrived is taken once, and nothing else is touched."""

from __future__ import annotations

import hashlib
import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from img_ingestion.arrival import Arrival, Left
from img_ingestion.errors import SettingsError
from img_ingestion.home import UNASSIGNED, Home
from img_ingestion.settings import CustomerSettings, Incoming, Limits, Settings
from img_ingestion.sources import sources
from img_ingestion.sources.folder import Folder

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = bytes(32)
AT_ONCE = Settings(incoming=Incoming(settle_s=0))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    Home(tmp_path).prepare()
    return Home(tmp_path).local_dcm


def _drop(root: Path, place: str | bytes, content: bytes = b"content") -> Path:
    path = root / os.fsdecode(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _aged(path: Path, by_s: float) -> None:
    """Give a file a modification time in the past; its change time cannot be set."""
    then = time.time() - by_s
    os.utime(path, (then, then))


def _taken(root: Path, settings: Settings = AT_ONCE) -> list[Arrival]:
    found = Folder(root, settings, KEY).arrivals()
    return [one for one in found if isinstance(one, Arrival)]


def _left(root: Path, settings: Settings = AT_ONCE) -> list[Left]:
    return [one for one in Folder(root, settings, KEY).arrivals() if isinstance(one, Left)]


def test_files_are_taken_at_any_depth_and_under_any_name_in_a_fixed_order(root: Path) -> None:
    places = ["b/x", "a/deep/er/IM0001", "a/z.dcm", "a/no extension", "a/B.JPG", "a/deep/-rf"]
    for place in places:
        _drop(root, place, place.encode())
    ordered = [one.received.content.decode() for one in _taken(root)]
    expected = ["a/B.JPG", "a/no extension", "a/z.dcm", "a/deep/-rf", "a/deep/er/IM0001", "b/x"]
    assert ordered == expected


def test_an_arrival_is_read_whole_and_named_by_us(root: Path) -> None:
    path = _drop(root, "customer_1/Quillfeather.dcm", b"abc" * 100_000)
    (arrival,) = _taken(root)
    received = arrival.received
    assert received.content == path.read_bytes()
    assert received.sha256 == hashlib.sha256(received.content).hexdigest()
    assert received.customer == "customer_1"
    assert len(received.id) == 16
    assert "Quillfeather" not in repr(arrival)


def test_the_same_file_has_the_same_id_and_another_place_another(root: Path) -> None:
    _drop(root, "customer_1/a")
    _drop(root, "customer_1/b")
    first, again = _taken(root), _taken(root)
    assert [one.received.id for one in first] == [one.received.id for one in again]
    assert len({one.received.id for one in first}) == 2
    other = Folder(root, AT_ONCE, bytes(31) + b"\1").arrivals()
    assert {one.place for one in other if isinstance(one, Arrival)}.isdisjoint(
        one.place for one in first
    )


@pytest.mark.parametrize(
    "name",
    [
        b"line\nbreak",
        b"\x1b[31mred",
        b"\xff\xfe invalid",
        "é".encode(),
        "e\u0301".encode(),
        b"x" * 255,
    ],
)
def test_a_hostile_name_is_a_file_like_any_other(root: Path, name: bytes, tmp_path: Path) -> None:
    path = _drop(root, b"customer_1/" + name)
    (arrival,) = _taken(root)
    target = tmp_path / "archive" / "target"
    Folder(root, AT_ONCE, KEY).put_away(arrival, target)
    assert target.read_bytes() == b"content"
    assert not path.exists()


def test_nothing_but_regular_files_is_ever_opened(root: Path, tmp_path: Path) -> None:
    outside = _drop(tmp_path, "outside/secret.dcm")
    customer = root / "customer_1"
    customer.mkdir()
    os.mkfifo(customer / "fifo.dcm")
    (customer / "link.dcm").symlink_to(outside)
    (customer / "folder.dcm").symlink_to(outside.parent)
    (root / "customer_2").symlink_to(outside.parent)
    (customer / "dangling").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(customer)  # the address of a socket has room for few letters
        listening.bind("socket.dcm")
        os.chdir(here)
        left = _left(root)
    assert _taken(root) == []
    assert [one.why for one in left] == ["skipped"] * 6
    assert {one.plain for one in left} == {"not a regular file"}
    assert outside.read_bytes() == b"content"


def test_a_file_that_turns_into_a_link_after_the_look_is_not_followed(
    root: Path, tmp_path: Path
) -> None:
    outside = _drop(tmp_path, "outside/secret.dcm")
    first, second = _drop(root, "customer_1/a"), _drop(root, "customer_1/b")
    found = Folder(root, AT_ONCE, KEY).arrivals()
    assert isinstance(next(found), Arrival)
    assert first.exists()
    second.unlink()
    second.symlink_to(outside)
    left = next(found)
    assert isinstance(left, Left)
    assert (left.why, left.plain) == ("skipped", "not a regular file")


def test_a_folder_that_turns_into_a_link_is_not_entered(root: Path, tmp_path: Path) -> None:
    outside = _drop(tmp_path, "outside/secret.dcm")
    _drop(root, "customer_1/a")
    inner = _drop(root, "customer_1/deep/b").parent
    found = Folder(root, AT_ONCE, KEY).arrivals()
    next(found)
    inner.rename(tmp_path / "gone")
    inner.symlink_to(outside.parent)
    assert [type(one) for one in found] == [Left]


def test_what_belongs_to_no_customer_is_refused_unread(root: Path) -> None:
    _drop(root, "stray.dcm")
    _drop(root, "two words/a.dcm")
    arrivals = _taken(root)
    assert [one.received.customer for one in arrivals] == [UNASSIGNED] * 2
    assert [str(one.refused)[:18] for one in arrivals] == ["no customer folder"] * 2
    assert [one.received.content for one in arrivals] == [b"", b""]


def test_an_empty_file_and_one_above_the_limit_are_refused_unread(root: Path) -> None:
    _drop(root, "customer_1/empty", b"")
    _drop(root, "customer_1/large", b"x" * 11)
    _drop(root, "customer_2/large", b"x" * 11)
    roomy = CustomerSettings(limits=Limits(max_file_bytes=11))
    settings = AT_ONCE.model_copy(
        update={"limits": Limits(max_file_bytes=10), "customers": {"customer_2": roomy}}
    )
    codes = [one.refused.code if one.refused else "" for one in _taken(root, settings)]
    assert codes == ["Incomplete", "TooLarge", ""]
    large = _taken(root, settings)[1].received
    assert large.content == b""
    assert large.sha256 == hashlib.sha256(b"x" * 11).hexdigest()


def test_a_sparse_giant_costs_no_memory(root: Path) -> None:
    path = _drop(root, "customer_1/giant")
    os.truncate(path, 64 * 1024**2)
    settings = AT_ONCE.model_copy(update={"limits": Limits(max_file_bytes=1024)})
    (arrival,) = _taken(root, settings)
    assert arrival.received.content == b""
    assert arrival.stamp.size == 64 * 1024**2


def test_a_file_that_changes_between_two_looks_is_left_for_the_next_pass(root: Path) -> None:
    path = _drop(root, "customer_1/growing")
    os.mkfifo(root / "customer_1" / "later")
    looks = Folder(root, Settings(incoming=Incoming(settle_s=0.1)), KEY).arrivals()
    assert isinstance(next(looks), Left)  # the FIFO: the growing file was looked at before it
    with path.open("ab") as stream:
        stream.write(b"more")
    assert [one.plain for one in looks if isinstance(one, Left)] == ["changing while it is read"]
    assert path.exists()


def test_a_fresh_file_is_taken_by_the_second_look_of_the_same_pass(root: Path) -> None:
    _drop(root, "customer_1/fresh")
    assert len(_taken(root, Settings(incoming=Incoming(settle_s=0.2)))) == 1


def test_a_file_with_an_old_date_that_came_just_now_is_not_trusted(root: Path) -> None:
    # cp -p and rsync -t keep the date of the original: only ctime says when it came.
    path = _drop(root, "customer_1/copied")
    os.mkfifo(root / "customer_1" / "later")
    _aged(path, 1e6)
    looks = Folder(root, Settings(incoming=Incoming(settle_s=0.1)), KEY).arrivals()
    next(looks)
    path.write_bytes(b"CONTENT")
    _aged(path, 1e6)
    assert [type(one) for one in looks] == [Left]


def test_a_date_in_the_future_does_not_keep_a_file_out(root: Path) -> None:
    path = _drop(root, "customer_1/future")
    _aged(path, -1e6)
    assert len(_taken(root, Settings(incoming=Incoming(settle_s=0.1)))) == 1


@pytest.mark.parametrize(
    "name",
    [".IM0001.dcm.Xa3f9Q", "a.dcm.part", "a.tmp", "a.filepart", "a.crdownload", ".partial/a.dcm"],
)
def test_a_name_that_says_unfinished_needs_an_hour_of_rest(root: Path, name: str) -> None:
    _drop(root, f"customer_1/{name}")
    assert [(one.why, one.plain) for one in _left(root)] == [
        ("arriving", "still being written, by its name")
    ]


def test_a_file_that_vanishes_is_simply_not_there(root: Path) -> None:
    _drop(root, "customer_1/a")
    second = _drop(root, "customer_1/b")
    found = Folder(root, AT_ONCE, KEY).arrivals()
    next(found)
    second.unlink()
    assert list(found) == []


def test_a_file_replaced_after_it_was_read_stays_and_the_archive_has_what_was_read(
    root: Path, tmp_path: Path
) -> None:
    path = _drop(root, "customer_1/a", b"first")
    (arrival,) = _taken(root)
    path.unlink()
    path.write_bytes(b"other")
    target = tmp_path / "archive" / "target"
    Folder(root, AT_ONCE, KEY).put_away(arrival, target)
    assert target.read_bytes() == b"first"
    assert path.read_bytes() == b"other"


def test_a_refused_file_replaced_before_it_is_moved_is_not_said_to_be_put_away(
    root: Path, tmp_path: Path
) -> None:
    path = _drop(root, "stray", b"first")
    (arrival,) = _taken(root)
    path.unlink()
    path.write_bytes(b"other")
    target = tmp_path / "quarantine" / "target"
    assert not Folder(root, AT_ONCE, KEY).put_away(arrival, target)
    assert path.read_bytes() == b"other"
    assert not target.exists()


def test_files_of_customers_that_are_stuck_are_not_read(root: Path) -> None:
    _drop(root, "customer_1/a")
    _drop(root, "customer_1/b")
    _drop(root, "customer_2/a")
    stuck: set[str] = set()
    customers = []
    for one in Folder(root, AT_ONCE, KEY).arrivals(stuck):
        assert isinstance(one, Arrival)
        customers.append(one.received.customer)
        stuck.add("customer_1")
    assert customers == ["customer_1", "customer_2"]


def test_an_original_that_changed_only_its_mode_is_moved_and_closed(
    root: Path, tmp_path: Path
) -> None:
    path = _drop(root, "customer_1/a")
    (arrival,) = _taken(root)
    path.chmod(0o666)
    target = tmp_path / "archive" / "target"
    Folder(root, AT_ONCE, KEY).put_away(arrival, target)
    assert not path.exists()
    assert target.stat().st_mode & 0o777 == 0o600


def test_empty_customer_folders_stay(root: Path) -> None:
    (root / "customer_1" / "deep").mkdir(parents=True)
    assert list(Folder(root, AT_ONCE, KEY).arrivals()) == []
    assert (root / "customer_1" / "deep").is_dir()


def _named(home: Path, *files: Path) -> Iterator[Arrival | Left]:
    (source,) = sources(Home(home), AT_ONCE, KEY, files)
    return source.arrivals()


def test_named_files_are_taken_and_no_others(root: Path, tmp_path: Path) -> None:
    wanted = _drop(root, "customer_1/a", b"wanted")
    _drop(root, "customer_1/b")
    (arrival,) = _named(tmp_path, wanted, wanted)
    assert isinstance(arrival, Arrival)
    assert arrival.received.content == b"wanted"


def test_a_named_file_is_found_from_the_current_folder(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _drop(root, "customer_1/a")
    monkeypatch.chdir(root / "customer_1")
    assert len(list(_named(tmp_path, Path("../customer_1/a")))) == 1


@pytest.mark.parametrize("place", ["outside.dcm", "local_dcm/customer_1", "local_dcm/missing.dcm"])
def test_a_named_file_outside_a_customers_folder_is_a_usage_error(
    root: Path, tmp_path: Path, place: str
) -> None:
    _drop(root, "customer_1/a")
    _drop(tmp_path, "outside.dcm")
    with pytest.raises(SettingsError, match="inside local_dcm/CUSTOMER/") as caught:
        _named(tmp_path, tmp_path / place)
    assert place not in str(caught.value)


def test_a_named_link_is_not_followed(root: Path, tmp_path: Path) -> None:
    outside = _drop(tmp_path, "outside.dcm")
    (root / "customer_1").mkdir()
    link = root / "customer_1" / "link"
    link.symlink_to(outside)
    assert [type(one) for one in _named(tmp_path, link)] == [Left]
