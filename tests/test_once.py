"""
Nothing is accepted twice: killed between the answer and the commit, the same parcel goes again.

Run as a program, this file makes passes of line two: it loads everything once and forks a child
for each, which can be told to die with the backend's answer in hand.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
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

    from img_ingestion.instance import Parcel, Receipt
    from img_ingestion.protocols import Destination
    from img_ingestion.settings import Backend

ROOT = Path(__file__).resolve().parents[1]
KILLS = 20


@dataclass(frozen=True)
class _Dying:
    """A backend, and a gateway that does not live to write down what it said."""

    there: Destination
    answers: list[int]
    """How many answers it lives to write down."""

    def deliver(self, parcel: Parcel) -> Receipt:
        receipt = self.there.deliver(parcel)
        self.answers[0] -= 1
        if self.answers[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return receipt


def _make_pass(home: Path, url: str, answers: int, max_images: int) -> None:
    left = [answers]

    @contextmanager
    def dying(place: Backend) -> Iterator[Destination]:
        with DESTINATIONS["backend"](place) as there:
            yield _Dying(there, left)

    with Ledger.open(Home(home).state) as ledger:
        for _ in transfer(ledger, settings(url, max_images=max_images), {"backend": dying}):
            pass


def _serve() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            home, url, answers, max_images = json.loads(line)
            _make_pass(Path(home), url, answers, max_images)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 (the answer)


@dataclass(frozen=True)
class Passes:
    program: subprocess.Popen[str]

    def make(self, home: Path, url: str, answers: int, max_images: int = 4) -> int:
        """Have a pass made that lives for so many answers; give its exit status."""
        assert self.program.stdin is not None
        assert self.program.stdout is not None
        asked = json.dumps([str(home), url, answers, max_images])
        print(asked, file=self.program.stdin, flush=True)
        return int(self.program.stdout.readline())


@pytest.fixture(scope="module")
def passes() -> Iterator[Passes]:
    with subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as program:
        yield Passes(program)


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
    passes: Passes, home: Path, tmp_path: Path
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
            assert passes.make(home, url, 0, chance.randrange(1, 6)) == -signal.SIGKILL
        assert passes.make(home, url, 1000) == 0
    with opened_outbox(home) as outbox:
        assert outbox.ledger.totals() == Counter(sent=added)
    assert accepted(received).total() == len(accepted(received)) == added
    assert outcomes(received)["again"] >= KILLS
    assert outcomes(received)["other"] == 0


def test_without_the_note_of_the_parcel_the_same_image_is_accepted_twice(
    passes: Passes, home: Path, tmp_path: Path
) -> None:
    with EmbeddedBackend(tmp_path / "received") as url:
        with opened_outbox(home) as outbox:
            outbox.add(2)
        assert passes.make(home, url, 0) == -signal.SIGKILL
        with opened_outbox(home) as outbox:
            outbox.ledger.connection.execute("DELETE FROM delivery")
            outbox.add(1)
        assert passes.make(home, url, 1000) == 0
    assert sorted(accepted(tmp_path / "received").values()) == [1, 2]


def test_killed_with_one_of_several_answers_in_hand_only_that_parcel_goes_again(
    passes: Passes, home: Path, tmp_path: Path
) -> None:
    received = tmp_path / "received"
    with EmbeddedBackend(received) as url:
        with opened_outbox(home) as outbox:
            for number in range(6):
                outbox.add(number)
        assert passes.make(home, url, 1, 2) == -signal.SIGKILL
        with opened_outbox(home) as outbox:
            assert outbox.ledger.totals() == Counter(sent=2, waiting=4)
        assert passes.make(home, url, 1000, 6) == 0
    assert outcomes(received) == Counter(stored=3, again=1)


def test_the_parcel_is_in_the_ledger_before_its_first_attempt(home: Path, tmp_path: Path) -> None:
    seen = []

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


if __name__ == "__main__":
    _serve()
