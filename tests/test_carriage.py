"""Parcels that another process carries: what is promised of each holds, and cleaning goes on."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from img_ingestion.backend import EmbeddedBackend
from img_ingestion.carriage import Courier
from img_ingestion.commands import lines
from img_ingestion.commands.told import Told
from img_ingestion.destinations import DESTINATIONS
from img_ingestion.errors import (
    DestinationBusy,
    DestinationRefused,
    GatewayError,
    NotDescribed,
    ParcelTooLarge,
    SettingsError,
)
from img_ingestion.instance import Receipt
from img_ingestion.ledger import Ledger
from img_ingestion.tally import Tally
from img_ingestion.transfer import Delivered, Sending
from tests.delivering import Outbox, opened_outbox, parcel, settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from img_ingestion.destinations import Opener
    from img_ingestion.instance import Parcel
    from img_ingestion.protocols import Destination
    from img_ingestion.settings import Backend

NOWHERE = settings("http://127.0.0.1:9")
PATIENCE_S = 30


@dataclass(frozen=True)
class Site:
    """A destination in the other process, told what to do by files of a folder."""

    folder: Path

    def deliver(self, parcel: Parcel) -> Receipt:
        """Say that a parcel is here, and keep it until somebody says that it may go."""
        (self.folder / parcel.key).write_text(str(os.getpid()))
        until = time.monotonic() + PATIENCE_S
        while not (self.folder / "go").exists() and time.monotonic() < until:
            time.sleep(0.01)
        return Receipt("200 ok")

    @property
    def seen(self) -> list[Path]:
        return [path for path in self.folder.iterdir() if len(path.name) == 64]

    def await_seen(self, count: int) -> None:
        until = time.monotonic() + PATIENCE_S
        while len(self.seen) < count:
            assert time.monotonic() < until
            time.sleep(0.01)

    @contextmanager
    def opened(self, _: Backend) -> Iterator[Destination]:
        yield self
        (self.folder / "left").touch()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    folder = tmp_path / "site"
    folder.mkdir()
    return Site(folder)


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with opened_outbox(tmp_path / "home") as outbox:
        yield outbox


def _failing(error: GatewayError) -> Opener:
    @dataclass(frozen=True)
    class Failing:
        def deliver(self, _: Parcel) -> Receipt:
            raise error

    @contextmanager
    def opened(_: Backend) -> Iterator[Destination]:
        yield Failing()

    return opened


def _answer(courier: Courier, one: Parcel) -> Receipt:
    """Have a parcel carried; wait for what comes of it."""

    def carried() -> Iterator[Receipt | None]:
        yield (yield from courier.carried("backend", one))

    for receipt in carried():
        if receipt is not None:
            return receipt
        courier.back()
    raise AssertionError


@pytest.mark.parametrize(
    "error",
    [
        DestinationBusy("503", 7.0),
        DestinationRefused("what", perhaps_taken=True),
        ParcelTooLarge("413"),
        NotDescribed("series"),
        SettingsError("client_cert, client_key: FileNotFoundError"),
    ],
)
def test_what_goes_wrong_in_the_other_process_is_known_here_as_what_it_is(
    error: GatewayError, tmp_path: Path
) -> None:
    table = {"backend": _failing(error)}
    with Courier(NOWHERE, table) as courier, pytest.raises(type(error)) as raised:
        _answer(courier, parcel(tmp_path))
    assert (str(raised.value), vars(raised.value)) == (str(error), vars(error))


def test_a_parcel_arrives_as_if_nobody_had_carried_it(tmp_path: Path) -> None:
    received = tmp_path / "received"
    with EmbeddedBackend(received) as url, Courier(settings(url), DESTINATIONS) as courier:
        first, again = (_answer(courier, parcel(tmp_path, 3)) for _ in range(2))
    assert first.status == again.status == "200 ok"
    assert first.digest == again.digest
    assert len((received / "index.jsonl").read_text().splitlines()) == 2


def test_a_parcel_is_noted_before_it_is_away_and_others_are_cleaned_until_it_is_back(
    outbox: Outbox, site: Site
) -> None:
    one = outbox.add(1)
    with Courier(NOWHERE, {"backend": site.opened}) as courier:
        going = Sending(outbox.ledger, NOWHERE, courier).round()
        assert next(going) is None
        site.await_seen(1)
        with Ledger.looking(outbox.home.state) as look:
            query = "SELECT file, parcel, attempts FROM delivery"
            assert look.connection.execute(query).fetchall() == [(one, site.seen[0].name, 0)]
        assert next(going) is None
        other = outbox.add(2, customer="customer_2")
        (site.folder / "go").touch()
        courier.back()
        (delivered,) = going
    assert isinstance(delivered, Delivered)
    assert (delivered.outcome, delivered.ids) == ("sent", (one,))
    assert (outbox.state(one), outbox.state(other)) == ("sent", "waiting")
    assert (site.folder / "left").exists(), "the destination was not taken leave of"


def test_a_carrier_that_is_killed_leaves_its_parcel_waiting_under_its_key_and_another_goes_on(
    outbox: Outbox, site: Site
) -> None:
    one, other = outbox.add(1), outbox.add(2, series="2.25.4")
    with Courier(NOWHERE, {"backend": site.opened}) as courier:
        going = Sending(outbox.ledger, NOWHERE, courier).round()
        assert next(going) is None
        site.await_seen(1)
        key = site.seen[0].name
        os.kill(int(site.seen[0].read_text()), signal.SIGKILL)
        courier.back()
        lost = next(going)
        assert isinstance(lost, Delivered)
        assert (lost.outcome, lost.code, lost.ids) == ("waiting", "DestinationBusy", (one,))
        assert "gone" in lost.status
        (site.folder / "go").touch()
        while (sent := next(going)) is None:
            courier.back()
        assert (sent.outcome, sent.ids) == ("sent", (other,))
    noted = outbox.delivery(one)
    assert (noted["state"], noted["attempts"], noted["parcel"]) == ("waiting", 1, key)


def test_asked_to_end_it_waits_for_what_is_away_and_tells_it_and_takes_no_other(
    outbox: Outbox, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [outbox.add(number, series=f"2.25.{number}") for number in range(1, 4)]
    monkeypatch.setattr(lines, "ENOUGH", 1)
    monkeypatch.setattr("img_ingestion.destinations.DESTINATIONS", {"backend": site.opened})
    asked: list[bool] = []

    def cleaned() -> Iterator[Told]:
        yield Told((), {"file": {"outcome": "waiting"}})
        yield Told()
        site.await_seen(1)
        asked.append(True)
        (site.folder / "go").touch()
        yield Told(("the last",))
        pytest.fail("it went on")

    told = list(lines.beside(cleaned(), NOWHERE, outbox.ledger, Tally(), lambda: bool(asked)))
    parcels = [one.values["parcel"] for one in told if one.values and "parcel" in one.values]
    assert [(one["ids"], one["outcome"]) for one in parcels] == [((ids[0],), "sent")]  # type: ignore[index]
    assert [outbox.state(one) for one in ids] == ["sent", "waiting", "waiting"]
    assert len(site.seen) == 1


def test_what_is_too_little_for_it_is_sent_when_all_is_cleaned(
    outbox: Outbox, tmp_path: Path
) -> None:
    one = outbox.add(1)
    with EmbeddedBackend(tmp_path / "received") as url:
        first = iter([Told((), {"file": {"outcome": "waiting"}}), Told()])
        told = list(lines.beside(first, settings(url), outbox.ledger, Tally(), lambda: False))
    assert outbox.state(one) == "sent"
    assert [bool(one.lines) for one in told] == [False, False, True]


def test_all_that_was_cleaned_meanwhile_is_sent_in_the_end(
    outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "ENOUGH", 2)
    received, tally = tmp_path / "received", Tally()

    def cleaned() -> Iterator[Told]:
        for number in range(7):
            one = outbox.add(number, series=f"2.25.{number % 3}")
            tally.note([one], "waiting")
            yield Told((), {"file": {"outcome": "waiting"}})
            yield Told()

    with EmbeddedBackend(received) as url:
        told = list(lines.beside(cleaned(), settings(url), outbox.ledger, tally, lambda: False))
    assert outbox.ledger.totals() == {"sent": 7}
    assert tally.summary(0).startswith("7 seen: 7 sent, 0 waiting")
    sent = [one.values["parcel"] for one in told if one.values and "parcel" in one.values]
    ids = [each for one in sent for each in one["ids"]]  # type: ignore[index]
    assert len(ids) == len(set(ids)) == 7
