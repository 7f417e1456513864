"""What waits is sent, stays waiting or is held; and nothing is lost in between."""

from __future__ import annotations

import json
import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest

from img_ingestion.backend import EmbeddedBackend
from img_ingestion.backend.misbehaviour import parsed
from img_ingestion.contract import request_fault
from img_ingestion.patience import LONGEST_WAIT_S
from img_ingestion.settings import Backend, Settings
from img_ingestion.transfer import GIVE_UP, Delivered, transfer
from tests.delivering import Outbox, opened_outbox, settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with opened_outbox(tmp_path / "home") as box:
        yield box


@pytest.fixture
def received(tmp_path: Path) -> Path:
    return tmp_path / "received"


def one_pass(
    outbox: Outbox, received: Path, *script: str, body_limit: int = 10**9, **backend: object
) -> list[Delivered]:
    """Send what is due to a backend that follows a script."""
    misbehaviours = [parsed(each) for each in script]
    with EmbeddedBackend(received, misbehaviours, max_bytes=body_limit) as url:
        return list(transfer(outbox.ledger, settings(url, **backend)))


def bodies(received: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(received.glob("*/body.json"))]


def requests(received: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (received / "index.jsonl").read_text().splitlines()]


def test_a_series_travels_in_one_request_in_instance_order(outbox: Outbox, received: Path) -> None:
    third, first, second = (outbox.add(number) for number in (3, 1, 2))
    uids = [outbox.uid(one) for one in (first, second, third)]
    (delivered,) = one_pass(outbox, received)
    assert delivered == Delivered(
        "customer_1", "2.25.2", (first, second, third), 3, "sent", "200 ok"
    )
    (body,) = bodies(received)
    assert [image["imageInstanceUid"] for image in body["images"]] == uids
    assert outbox.state(first) == outbox.state(second) == outbox.state(third) == "sent"
    assert outbox.delivery(first)["receipt_status"] == "200 ok"
    assert len(outbox.delivery(first)["receipt_digest"]) == 64


def test_frames_of_an_instance_are_entries_in_frame_order(outbox: Outbox, received: Path) -> None:
    one = outbox.add(1, frames=5)
    uid = outbox.uid(one)
    one_pass(outbox, received)
    (body,) = bodies(received)
    assert [image["imageInstanceUid"] for image in body["images"]] == [uid] * 5
    assert len(list(received.glob("*/*.png"))) == 5


def test_what_is_sent_is_not_sent_again(outbox: Outbox, received: Path) -> None:
    outbox.add(1)
    assert len(one_pass(outbox, received)) == 1
    assert one_pass(outbox, received) == []


def test_series_and_customers_do_not_share_a_request(outbox: Outbox, received: Path) -> None:
    outbox.add(1)
    outbox.add(2, series="2.25.20")
    outbox.add(3, customer="customer_2")
    assert [one.images for one in one_pass(outbox, received)] == [1, 1, 1]


def test_a_request_stays_within_the_limit_of_images(outbox: Outbox, received: Path) -> None:
    for number in range(1, 6):
        outbox.add(number)
    outbox.add(6, frames=7)
    outbox.add(7)
    delivered = one_pass(outbox, received, max_images=2)
    assert [one.images for one in delivered] == [2, 2, 1, 7, 1]


def test_a_request_stays_within_the_limit_of_bytes(outbox: Outbox, received: Path) -> None:
    ids = [outbox.add(number) for number in range(1, 6)]
    size = outbox.data(ids[0]).stat().st_size
    with EmbeddedBackend(received) as url:
        delivered = list(transfer(outbox.ledger, settings(url, max_bytes=2 * size)))
    assert [one.images for one in delivered] == [2, 2, 1]


def test_with_no_backend_everything_stays_waiting_and_nothing_is_attempted(outbox: Outbox) -> None:
    one = outbox.add(1)
    assert list(transfer(outbox.ledger, Settings())) == []
    assert outbox.state(one) == "waiting"
    assert outbox.delivery(one) == {}


def test_a_poisoned_image_does_not_hold_its_brothers(outbox: Outbox, received: Path) -> None:
    good, poisoned, better = (outbox.add(number) for number in (1, 2, 3))
    delivered = one_pass(outbox, received, f"status=400,only={outbox.uid(poisoned)}")
    assert [(one.ids, one.outcome) for one in delivered] == [
        ((good,), "sent"),
        ((poisoned,), "held"),
        ((better,), "sent"),
    ]
    row = outbox.row(poisoned)
    assert (row["state"], row["code"], row["reason"]) == (
        "held",
        "DestinationRefused",
        "400 bad request",
    )


def test_413_splits_the_batch_in_halves(outbox: Outbox, received: Path) -> None:
    for number in range(1, 9):
        outbox.add(number)
    delivered = one_pass(outbox, received, body_limit=1000)
    assert [(one.images, one.outcome) for one in delivered] == [(2, "sent")] * 4
    alone = outbox.add(9)
    (last,) = one_pass(outbox, received, body_limit=100)
    assert (last.outcome, last.code) == ("held", "ParcelTooLarge")
    assert outbox.state(alone) == "held"


def test_the_size_that_413_taught_is_where_the_next_batches_begin(
    outbox: Outbox, received: Path
) -> None:
    def answers(count: int, limit: int) -> list[int]:
        first = outbox.ledger.totals().total()
        for number in range(first, first + count):
            outbox.add(number)
        backend = EmbeddedBackend(received, [], max_bytes=limit)
        with backend as url:
            list(transfer(outbox.ledger, settings(url, max_images=8)))
        return backend.desk.statuses

    # Eight, four, and never again what is above two.
    assert answers(16, 1000) == [413, 413, *[200] * 8]
    assert answers(4, 1000) == [200, 200]
    outbox.ledger.connection.execute("UPDATE ceiling SET at = at - 86401")
    assert answers(4, 10**9) == [200]


@pytest.mark.parametrize("fault", ["html", "wrong", "cut", "redirect"])
def test_an_unclear_answer_holds_the_batch_and_does_not_send_it_twice(
    fault: str, outbox: Outbox, received: Path
) -> None:
    ids = tuple(outbox.add(number) for number in (1, 2))
    (delivered,) = one_pass(outbox, received, f"fault={fault}")
    assert (delivered.ids, delivered.outcome) == (ids, "held")
    assert {outbox.state(one) for one in ids} == {"held"}


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_later_waits_and_then_goes_through(
    status: int, outbox: Outbox, received: Path
) -> None:
    one = outbox.add(1)
    before = time.time()
    (delivered,) = one_pass(outbox, received, f"status={status}")
    assert (delivered.outcome, delivered.code) == ("waiting", "DestinationBusy")
    row = outbox.delivery(one)
    assert (row["state"], row["attempts"]) == ("waiting", 1)
    assert row["next_attempt_at"] > before
    assert one_pass(outbox, received) == []
    outbox.due()
    assert [each.outcome for each in one_pass(outbox, received)] == ["sent"]


def test_each_wait_is_longer_up_to_an_hour(outbox: Outbox, received: Path) -> None:
    one = outbox.add(1)
    waits = []
    for _ in range(10):
        outbox.due()
        before = time.time()
        one_pass(outbox, received, "status=503")
        waits.append(outbox.delivery(one)["next_attempt_at"] - before)
    assert waits[:6] == sorted(waits[:6])
    assert waits[0] < 60
    assert max(waits) <= LONGEST_WAIT_S + 60
    assert min(waits[-2:]) >= LONGEST_WAIT_S / 2


@pytest.mark.parametrize(("asked", "kept"), [(600, 600), (86400, LONGEST_WAIT_S)])
def test_what_the_backend_asks_for_is_kept_up_to_an_hour(
    asked: int, kept: float, outbox: Outbox, received: Path
) -> None:
    one = outbox.add(1)
    before = time.time()
    one_pass(outbox, received, f"status=429,retry-after={asked}")
    after = time.time()
    assert before + kept <= outbox.delivery(one)["next_attempt_at"] <= after + kept


def test_a_dead_backend_is_left_alone_for_the_rest_of_the_pass(
    outbox: Outbox, received: Path
) -> None:
    ids = [outbox.add(number, series=f"2.25.{number}") for number in range(1, 7)]
    delivered = one_pass(outbox, received, "status=503")
    assert [one.outcome for one in delivered] == ["waiting"] * GIVE_UP
    assert sum(outbox.delivery(one) == {} for one in ids) == len(ids) - GIVE_UP


def test_small_series_are_noted_together_once_one_was_taken(outbox: Outbox, received: Path) -> None:
    ids = [outbox.add(number, series=f"2.25.{number}") for number in range(1, 7)]
    delivered = one_pass(outbox, received, "delay=0,times=1", "status=503")
    assert [one.outcome for one in delivered] == ["sent"] + ["waiting"] * GIVE_UP
    noted = [outbox.delivery(one) for one in ids]
    assert all(one["parcel"] for one in noted)
    assert [one["attempts"] for one in noted] == [1] * (1 + GIVE_UP) + [0] * 2
    sent = one_pass(outbox, received)
    assert [(one.ids, one.outcome) for one in sent] == [((one,), "sent") for one in ids[-2:]]
    keys = [one["key"] for one in requests(received)]
    assert keys == [one["parcel"] for one in (noted[0], *noted[-2:])]


def test_a_success_between_them_keeps_failures_from_adding_up(
    outbox: Outbox, received: Path
) -> None:
    for number in range(1, 7):
        outbox.add(number, series=f"2.25.{number}")
    busy = f"status=503,times={GIVE_UP - 1}"
    well = "delay=0,times=1"
    delivered = one_pass(outbox, received, busy, well, busy)
    assert [one.outcome for one in delivered] == [
        "waiting", "waiting", "sent", "waiting", "waiting", "sent",
    ]  # fmt: skip


def test_a_dead_backend_of_one_customer_does_not_stop_another(
    outbox: Outbox, received: Path
) -> None:
    for number in range(1, 6):
        outbox.add(number, series=f"2.25.{number}")
    lucky = outbox.add(1, customer="customer_2")
    failing = EmbeddedBackend(received / "a", [parsed("status=503")])
    with failing as dead, EmbeddedBackend(received / "b") as alive:
        common = settings(dead)
        own = common.model_copy(update={"backend": Backend(url=alive)})
        both = common.model_copy(update={"customers": {"customer_2": own}})
        delivered = list(transfer(outbox.ledger, both))
    assert [one.outcome for one in delivered] == ["waiting"] * GIVE_UP + ["sent"]
    assert outbox.state(lucky) == "sent"


def test_data_that_are_gone_or_cut_hold_their_instance_alone(
    outbox: Outbox, received: Path
) -> None:
    good, gone, cut = (outbox.add(number) for number in (1, 2, 3))
    outbox.data(gone).unlink()
    outbox.data(cut).write_bytes(b"iVBORw0KGgo")
    delivered = one_pass(outbox, received)
    assert {one.ids[0]: (one.outcome, one.code) for one in delivered} == {
        good: ("sent", ""),
        gone: ("held", "NotDescribed"),
        cut: ("held", "NotDescribed"),
    }
    assert [entry["images"] for entry in requests(received)] == [1]


def test_dying_between_the_answer_and_the_commit_does_not_store_twice(
    tmp_path: Path, received: Path
) -> None:
    home = tmp_path / "home"
    with opened_outbox(home) as outbox:
        outbox.add(1)
        outbox.add(2)
    shutil.copytree(home, tmp_path / "before")
    for state in (home, tmp_path / "before"):
        with opened_outbox(state) as outbox:
            assert [one.outcome for one in one_pass(outbox, received)] == ["sent"]
    assert [entry["outcome"] for entry in requests(received)] == ["stored", "again"]
    assert len(bodies(received)) == 1


def test_a_lost_answer_keeps_its_key_although_more_of_the_series_came(
    outbox: Outbox, received: Path
) -> None:
    outbox.add(1)
    outbox.add(3)
    one_pass(outbox, received, "fault=short")
    outbox.add(2)
    outbox.due()
    one_pass(outbox, received)
    assert [entry["outcome"] for entry in requests(received)] == ["stored", "again", "stored"]


def test_neither_ledger_nor_outcome_quotes_what_the_backend_says(
    outbox: Outbox, received: Path
) -> None:
    one = outbox.add(1)
    (delivered,) = one_pass(outbox, received, "status=422")
    assert delivered.status == outbox.row(one)["reason"]
    assert "script" not in delivered.status


def test_every_stored_body_keeps_the_contract(outbox: Outbox, received: Path) -> None:
    for number in range(1, 4):
        outbox.add(number, frames=number)
    one_pass(outbox, received)
    for body in bodies(received):
        assert request_fault(json.dumps(body).encode()) == ""
