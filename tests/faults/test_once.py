"""Nothing is accepted twice: killed between the answer and the commit, the same parcel goes again."""

from __future__ import annotations

import json
import random
import signal
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from img_ingestion.backend import EmbeddedBackend
from img_ingestion.destinations import DESTINATIONS
from img_ingestion.home import Home
from img_ingestion.ledger import Ledger
from img_ingestion.transfer import transfer
from tests.delivering import Outbox, opened_outbox, settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from img_ingestion.instance import Parcel, Receipt
    from img_ingestion.protocols import Destination
    from img_ingestion.settings import Backend
    from tests.faults.gateway import Gateway

KILLS = 20
ALL = 1000
"""More answers than anybody gives."""
SETTINGS = """
[backend]
url = "{url}"
max_images = {most}
"""


def sends(running: Gateway, home: Path, url: str, answers: int, most: int = 4) -> int:
    """Send what waits, and live to write down so many answers; give the exit status."""
    (home / "gateway.toml").write_text(SETTINGS.format(url=url, most=most))
    return running.run(Home(home), command="send", answers=answers).status


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def accepted(received: Path) -> Counter[str]:
    """Count how often the backend accepted each image."""
    bodies = [json.loads(path.read_text()) for path in received.glob("*/body.json")]
    return Counter(image["imageInstanceUid"] for body in bodies for image in body["images"])


def outcomes(received: Path) -> Counter[str]:
    lines = (received / "index.jsonl").read_text().splitlines()
    return Counter(json.loads(line)["outcome"] for line in lines)


def test_killed_twenty_times_with_the_answer_in_hand_nothing_is_accepted_twice(
    running: Gateway, home: Path, tmp_path: Path
) -> None:
    chance = random.Random(5)  # noqa: S311 (which numbers, not a secret)
    numbers = iter(chance.sample(range(1000), 1000))
    received = tmp_path / "received"
    added = 0
    with EmbeddedBackend(received) as url:
        for _ in range(KILLS):
            # More of the series, before and after what was sent, becomes due each time.
            with opened_outbox(home) as outbox:
                for _ in range(chance.randrange(1, 5)):
                    outbox.add(next(numbers))
                    added += 1
            assert sends(running, home, url, 0, chance.randrange(1, 6)) == -signal.SIGKILL
        assert sends(running, home, url, ALL) == 0
    with opened_outbox(home) as outbox:
        assert outbox.ledger.totals() == Counter(sent=added)
    assert accepted(received).total() == len(accepted(received)) == added
    assert outcomes(received)["again"] >= KILLS
    assert outcomes(received)["other"] == 0


def test_without_the_note_of_the_parcel_the_same_image_is_accepted_twice(
    running: Gateway, home: Path, tmp_path: Path
) -> None:
    with EmbeddedBackend(tmp_path / "received") as url:
        with opened_outbox(home) as outbox:
            outbox.add(2)
        assert sends(running, home, url, 0) == -signal.SIGKILL
        with opened_outbox(home) as outbox:
            outbox.ledger.connection.execute("DELETE FROM delivery")
            outbox.add(1)
        assert sends(running, home, url, ALL) == 0
    assert sorted(accepted(tmp_path / "received").values()) == [1, 2]


def test_killed_with_one_of_several_answers_in_hand_only_that_parcel_goes_again(
    running: Gateway, home: Path, tmp_path: Path
) -> None:
    received = tmp_path / "received"
    with EmbeddedBackend(received) as url:
        with opened_outbox(home) as outbox:
            for number in range(6):
                outbox.add(number)
        assert sends(running, home, url, 1, 2) == -signal.SIGKILL
        with opened_outbox(home) as outbox:
            assert outbox.ledger.totals() == Counter(sent=2, waiting=4)
        assert sends(running, home, url, ALL, 6) == 0
    assert outcomes(received) == Counter(stored=3, again=1)


def test_the_parcel_is_in_the_ledger_before_its_first_attempt(home: Path, tmp_path: Path) -> None:
    seen: list[tuple[str, str, int]] = []

    @dataclass(frozen=True)
    class Looking:
        outbox: Outbox

        def deliver(self, parcel: Parcel) -> Receipt:
            with Ledger.open(self.outbox.home.state) as other:
                query = "SELECT file, parcel, attempts FROM delivery ORDER BY file"
                seen.extend(other.connection.execute(query).fetchall())
            with DESTINATIONS["backend"](settings(url).backend) as there:
                return there.deliver(parcel)

    with opened_outbox(home) as outbox, EmbeddedBackend(tmp_path / "received") as url:
        ids = sorted(outbox.add(number) for number in (1, 2))

        @contextmanager
        def looking(_: Backend) -> Iterator[Destination]:
            yield Looking(outbox)

        list(transfer(outbox.ledger, settings(url), {"backend": looking}))
        assert [(one, attempts) for one, _, attempts in seen] == [(one, 0) for one in ids]
        assert len({parcel for _, parcel, _ in seen}) == 1
        receipt = outbox.delivery(ids[0])
        assert (receipt["receipt_status"], len(receipt["receipt_digest"])) == ("200 ok", 64)
        assert receipt["attempted_at"] > 1


def test_a_lost_ledger_gives_the_same_work_the_same_key(tmp_path: Path) -> None:
    received = tmp_path / "received"
    with EmbeddedBackend(received) as url:
        for state in ("first", "rebuilt"):
            with opened_outbox(tmp_path / state) as outbox:
                outbox.add(1)
                outbox.add(2)
                list(transfer(outbox.ledger, settings(url)))
    assert outcomes(received) == Counter(stored=1, again=1)
