"""What customers do to their files while two at a time are being cleaned."""

from __future__ import annotations

import os
import shutil
import stat
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from img_ingestion.cli import main
from img_ingestion.crew import Crew
from img_ingestion.deidentify import recipe
from img_ingestion.home import Home
from img_ingestion.ingest import ingest
from img_ingestion.ledger import Ledger
from img_ingestion.making import Maker
from img_ingestion.settings import Incoming, Limits, Pixels, Settings
from img_ingestion.shelves import Shelves
from img_ingestion.sources import folder as folder_source
from img_ingestion.sources import walk
from tests.faults.gateway import ROOT, files, home_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from img_ingestion.apart import Work
    from img_ingestion.deidentify import Policy
    from img_ingestion.instance import ReceivedInstance
    from tests.conftest import MakeInstance

SETTINGS = Settings(
    incoming=Incoming(settle_s=0, give_up_s=0),
    limits=Limits(min_free_bytes=0),
    pixels=Pixels(policy="rules"),
)
UID = "1.2.826.0.1.3680043.9.9999.1.1.1"


class Meanwhile(Crew):
    """Two processes apart; what is to happen to a file happens while they have it."""

    def __init__(self, work: Work, happens: Callable[[Path], object]) -> None:
        super().__init__(work, 2)
        self.happens, self.done = happens, False

    def begin(self, received: ReceivedInstance, policy: Policy) -> None:
        super().begin(received, policy)
        if not self.done and received.path.name == "b.dcm":
            self.done = True
            self.happens(received.path)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.root.mkdir()
    home.prepare()
    (home.local_dcm / "north").mkdir()
    return home


def _pass(home: Home, happens: Callable[[Path], object] = lambda _: None) -> Counter[str]:
    rules = recipe.load(ROOT / "deid.dicom")
    crew = Meanwhile(Maker(SETTINGS, rules, Shelves(home)).work, happens)
    with Ledger.open(home.state) as ledger:
        told = ingest(home, SETTINGS, rules, ledger, workers=crew)
        return Counter(one.outcome for one in told)


def _kept(home: Home) -> list[bytes]:
    return sorted(path.read_bytes() for path in files(home.archive) + files(home.local_dcm))


def _balances(home: Home) -> bool:
    return all(main([word, "--home", str(home.root)]) == 0 for word in ("reconcile", "verify"))


def _instances(make_instance: MakeInstance, count: int) -> list[bytes]:
    return [
        make_instance(SOPInstanceUID=f"{UID}.{number}", InstanceNumber=number + 1)
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("what", "comes_again"),
    [
        ("is replaced", True),
        ("is written over", True),
        ("shrinks", True),
        ("grows", True),
        ("vanishes", False),
        ("becomes a link", False),
        ("becomes a folder", False),
        ("becomes a FIFO", False),
        ("becomes a socket", False),
        ("is closed to us", False),
    ],
)
def test_of_a_file_that_changes_in_hand_what_was_read_is_kept_and_what_came_is_taken_too(
    home: Home,
    make_instance: MakeInstance,
    tmp_path: Path,
    what: str,
    comes_again: bool,  # noqa: FBT001
) -> None:
    *sent, other = _instances(make_instance, 4)
    for name, content in zip("abc", sent, strict=True):
        (home.local_dcm / "north" / f"{name}.dcm").write_bytes(content)
    secret = tmp_path / "secret"
    secret.write_bytes(b"Quillfeather")

    doings = _doings(other, secret)
    assert _pass(home, doings[what]) == {"waiting": 3}
    assert set(sent) <= {path.read_bytes() for path in files(home.archive)}
    again = _pass(home)
    assert (again.total() - again["skipped"] > 0) is comes_again
    assert len(files(home.archive)) + len([*home.quarantine.rglob("*.dcm")]) == 3 + comes_again
    assert secret.read_bytes() == b"Quillfeather"
    assert not [path for path in files(home.archive) if path.read_bytes() == b"Quillfeather"]
    assert _balances(home)


def _doings(other: bytes, secret: Path) -> dict[str, Callable[[Path], object]]:
    def anew(make: Callable[[Path], object]) -> Callable[[Path], None]:
        def made(path: Path) -> None:
            path.unlink()
            make(path)

        return made

    return {
        "is replaced": anew(lambda path: path.write_bytes(other)),
        "is written over": lambda path: path.write_bytes(other),
        "shrinks": lambda path: os.truncate(path, 200),
        "grows": lambda path: path.write_bytes(path.read_bytes() + b"more"),
        "vanishes": Path.unlink,
        "becomes a link": anew(lambda path: path.symlink_to(secret)),
        "becomes a folder": anew(Path.mkdir),
        "becomes a FIFO": anew(os.mkfifo),
        "becomes a socket": anew(lambda path: os.mknod(path, stat.S_IFSOCK | 0o600)),
        "is closed to us": lambda path: path.chmod(0),
    }


def test_of_a_file_whose_folder_becomes_a_link_what_was_read_is_kept(
    home: Home, make_instance: MakeInstance
) -> None:
    (home.local_dcm / "north" / "deep").mkdir()
    (home.local_dcm / "north" / "deep" / "b.dcm").write_bytes(make_instance())

    def happens(path: Path) -> None:
        path.parent.rename(path.parent.with_name("moved"))
        path.parent.symlink_to("moved")

    assert _pass(home, happens) == {"waiting": 1}
    assert [path.read_bytes() for path in files(home.archive)] == [make_instance()]
    assert _pass(home) == {"duplicate": 1, "skipped": 1}
    assert _balances(home)


@pytest.mark.parametrize("comes", ["another file", "a link", "more of it"])
def test_what_comes_between_the_last_look_and_the_move_goes_back(
    home: Home, make_instance: MakeInstance, monkeypatch: pytest.MonkeyPatch, comes: str
) -> None:
    first, other = _instances(make_instance, 2)
    path = home.local_dcm / "north" / "b.dcm"
    path.write_bytes(first)
    _race(monkeypatch, path, comes, other)
    assert _pass(home) == {"waiting": 1}
    assert [one.read_bytes() for one in files(home.archive)] == [first]
    assert path.is_symlink() or path.read_bytes() in {other, first + b"more"}
    _pass(home)
    assert path.is_symlink() or len(_kept(home)) + len([*home.quarantine.rglob("*.dcm")]) == 2
    assert _balances(home)


def test_without_the_look_after_the_move_it_is_filed_as_what_it_is_not(
    home: Home, make_instance: MakeInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, other = _instances(make_instance, 2)
    path = home.local_dcm / "north" / "b.dcm"
    path.write_bytes(first)
    _race(monkeypatch, path, "another file", other)
    monkeypatch.setattr(walk, "is_still", lambda *_: True)
    _pass(home)
    assert _kept(home) == [other]
    assert not _balances(home)


def _race(monkeypatch: pytest.MonkeyPatch, path: Path, comes: str, other: bytes) -> None:
    """Let something come once, just after the last look at a file."""
    looked, left = folder_source._still, [1]

    def still(name: str, folder: int, stamp: object) -> bool:
        answer = looked(name, folder, stamp)  # type: ignore[arg-type]
        if left and name == path.name:
            left.clear()
            if comes == "more of it":
                with path.open("ab") as stream:
                    stream.write(b"more")
            else:
                path.unlink()
                path.symlink_to("/etc/hostname") if comes == "a link" else path.write_bytes(other)
        return answer

    monkeypatch.setattr(folder_source, "_still", still)


def test_the_same_name_the_same_content_and_the_same_instance_at_once(
    tmp_path: Path, make_instance: MakeInstance
) -> None:
    home = home_at(tmp_path / "home")
    shutil.rmtree(home.local_dcm)
    one, two = _instances(make_instance, 2)
    changed = make_instance(SOPInstanceUID=f"{UID}.0", InstanceNumber=1, PixelData=bytes(512))
    sent = {"a/x.dcm": one, "b/x.dcm": two, "c/other name.dcm": one, "d/x.dcm": changed}
    for customer in ("north", "south"):
        for place, content in sent.items():
            path = home.local_dcm / customer / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    arguments = ["--home", str(home.root), "--workers", "2"]
    assert main(arguments) in {0, 5}
    with Ledger.open(home.state) as ledger:
        for customer in ("north", "south"):
            assert ledger.totals(customer) == {"waiting": 3, "duplicate": 1}
        flagged = "SELECT count(*) FROM file WHERE reason LIKE '%SOP Instance UID%'"
        assert ledger.connection.execute(flagged).fetchone() == (2,)
    # The same name later, with other content: work of its own, beside what was there.
    before = {path: path.read_bytes() for path in files(home.encoded)}
    (home.local_dcm / "north" / "a" / "x.dcm").write_bytes(make_instance(InstanceNumber=9))
    assert main(arguments) in {0, 5}
    assert len(files(home.encoded)) == len(before) + 1
    assert all(path.read_bytes() == content for path, content in before.items())
    assert _balances(home)
