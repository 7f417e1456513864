"""The ledger is lost: it is rebuilt from the folders, and nothing is sent twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from img_ingestion.backend import EmbeddedBackend
from img_ingestion.cli import main
from img_ingestion.ledger import schema
from tests.faults.gateway import files, home_at, totals

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from img_ingestion.home import Home
    from tests.conftest import MakeInstance

STORAGE = 4
SERIES = "1.2.826.0.1.3680043.9.9999.1.1"


@pytest.fixture
def received(tmp_path: Path) -> Path:
    return tmp_path / "received"


@pytest.fixture
def home(tmp_path: Path, received: Path, make_instance: MakeInstance) -> Iterator[Home]:
    """Give a home where one series came in two passes, and all of it was sent."""
    with EmbeddedBackend(received) as url:
        home = home_at(tmp_path / "home", url)
        for number in (3, 1, 4, 2):
            uid = f"{SERIES}.{number}"
            content = make_instance(SOPInstanceUID=uid, InstanceNumber=number)
            (home.local_dcm / "north" / f"image_{number}.dcm").write_bytes(content)
            if number in {1, 2}:
                main(["--home", str(home.root)])
        yield home


def _accepted(received: Path) -> list[int]:
    bodies = [json.loads(path.read_text()) for path in received.rglob("body.json")]
    images = [image["imageInstanceUid"] for body in bodies for image in body["images"]]
    return sorted(images.count(image) for image in set(images))


def _lose(home: Home, how: str) -> None:
    path = home.state / schema.FILE_NAME
    if how == "gone":
        path.unlink()
    elif how == "damaged":
        path.write_bytes(b"no database" * 1000)
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("how", "in_doubt"), [("gone", ""), ("damaged", "in doubt"), ("cut in two", "")]
)
def test_a_lost_ledger_is_rebuilt_and_nothing_is_accepted_twice(
    home: Home, received: Path, capsys: pytest.CaptureFixture[str], how: str, in_doubt: str
) -> None:
    before, counts, memory = len(files(home.cleaned)), totals(home), home.state / "parcels.jsonl"
    if in_doubt:
        # As if the power had gone between the backend's answers and our notes of them.
        kept = [line for line in memory.read_text().splitlines() if '"status"' not in line]
        memory.write_text("\n".join(kept))
    _lose(home, how)
    if how != "cut in two":
        assert main(["--home", str(home.root)]) == STORAGE
        assert "rebuild" in capsys.readouterr().err
    assert main(["rebuild", "--home", str(home.root)]) == 0
    main(["--home", str(home.root)])
    assert _accepted(received) == [1] * counts["sent"]
    assert counts == totals(home)
    assert len(files(home.cleaned)) == before
    assert ('"again"' in (received / "index.jsonl").read_text()) is bool(in_doubt)
    assert main(["reconcile", "--home", str(home.root)]) == 0
    assert main(["verify", "--home", str(home.root)]) == 0


def test_without_the_memory_a_series_that_came_in_two_passes_is_accepted_twice(
    home: Home, received: Path
) -> None:
    _lose(home, "gone")
    (home.state / "parcels.jsonl").unlink()
    main(["rebuild", "--home", str(home.root)])
    main(["--home", str(home.root)])
    assert max(_accepted(received)) > 1


def test_a_ledger_from_a_backup_learns_what_came_since(
    home: Home, received: Path, make_instance: MakeInstance
) -> None:
    path = home.state / schema.FILE_NAME
    backup = path.read_bytes()
    content = make_instance(SOPInstanceUID=f"{SERIES}.5", InstanceNumber=5)
    (home.local_dcm / "north" / "image_5.dcm").write_bytes(content)
    main(["--home", str(home.root)])
    counts = totals(home)
    path.write_bytes(backup)
    assert totals(home) != counts
    assert main(["rebuild", "--home", str(home.root)]) == 0
    main(["--home", str(home.root)])
    assert totals(home) == counts
    assert _accepted(received) == [1] * counts["sent"]
    assert main(["reconcile", "--home", str(home.root)]) == 0
    assert main(["rebuild", "--home", str(home.root)]) == 0
    assert files(home.local_dcm) == []
