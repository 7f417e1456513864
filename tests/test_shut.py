"""A wrong token or URL holds no backlog; what was held is put back when somebody asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from img_ingestion.backend import EmbeddedBackend
from img_ingestion.backend.misbehaviour import parsed
from img_ingestion.transfer import GIVE_UP, Delivered, transfer
from tests.delivering import Outbox, opened_outbox, settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with opened_outbox(tmp_path / "home") as box:
        yield box


def one_pass(outbox: Outbox, received: Path, *script: str) -> list[Delivered]:
    with EmbeddedBackend(received, [parsed(each) for each in script]) as url:
        return list(transfer(outbox.ledger, settings(url)))


@pytest.mark.parametrize("status", [401, 403, 404, 405, 407])
def test_a_wrong_token_or_url_holds_nothing_of_a_backlog(
    status: int, outbox: Outbox, tmp_path: Path
) -> None:
    ids = [outbox.add(number, series=f"2.25.{number}") for number in range(1, 9)]
    delivered = one_pass(outbox, tmp_path, f"status={status}")
    assert len(delivered) == GIVE_UP
    assert "look at url and credentials" in delivered[-1].status
    assert len(delivered[-1].ids) == GIVE_UP
    assert {outbox.state(one) for one in ids} == {"waiting"}
    # With the token put right, everything goes.
    outbox.due()
    assert len(one_pass(outbox, tmp_path)) == len(ids)
    assert {outbox.state(one) for one in ids} == {"sent"}


def test_a_batch_is_not_asked_about_image_by_image_for_ever(outbox: Outbox, tmp_path: Path) -> None:
    ids = [outbox.add(number) for number in range(1, 33)]
    backend = EmbeddedBackend(tmp_path, [parsed("status=401")])
    with backend as url:
        list(transfer(outbox.ledger, settings(url)))
    assert backend.desk.statuses == [401] * GIVE_UP
    assert {outbox.state(one) for one in ids} == {"waiting"}


def test_one_image_a_pass_is_a_row_over_several_passes(outbox: Outbox, tmp_path: Path) -> None:
    ids = []
    for number in range(1, 6):
        ids.append(outbox.add(number, series=f"2.25.{number}"))
        one_pass(outbox, tmp_path, "status=401")
        if number < GIVE_UP:
            assert outbox.state(ids[-1]) == "held"
    assert {outbox.state(one) for one in ids} == {"waiting"}


def test_a_single_forbidden_image_is_held_and_does_not_stop_the_others(
    outbox: Outbox, tmp_path: Path
) -> None:
    ids = [outbox.add(number, series=f"2.25.{number}") for number in range(1, 6)]
    forbidden = f"status=403,only={outbox.uid(ids[2])}"
    one_pass(outbox, tmp_path, forbidden)
    assert [outbox.state(one) for one in ids] == ["sent", "sent", "held", "sent", "sent"]
    assert outbox.row(ids[2])["code"] == "DestinationShut"


def test_a_backend_that_answers_nonsense_holds_no_backlog(outbox: Outbox, tmp_path: Path) -> None:
    ids = [outbox.add(number, series=f"2.25.{number}") for number in range(1, 7)]
    one_pass(outbox, tmp_path, "fault=html")
    assert {outbox.state(one) for one in ids} == {"waiting"}


def test_refusals_of_images_are_no_row(outbox: Outbox, tmp_path: Path) -> None:
    ids = [outbox.add(number, series=f"2.25.{number}") for number in range(1, 7)]
    one_pass(outbox, tmp_path, "status=422")
    assert {outbox.state(one) for one in ids} == {"held"}


def test_what_was_refused_is_put_back_and_sent(outbox: Outbox, tmp_path: Path) -> None:
    ids = [outbox.add(number, series=f"2.25.{number}") for number in range(1, 4)]
    one_pass(outbox, tmp_path, "status=422")
    assert outbox.ledger.put_back(ids[:1]) == (ids[:1], [])
    assert [outbox.state(one) for one in ids] == ["waiting", "held", "held"]
    back, _ = outbox.ledger.put_back()
    assert back == sorted(ids[1:])
    one_pass(outbox, tmp_path)
    assert {outbox.state(one) for one in ids} == {"sent"}


def test_what_was_perhaps_taken_goes_back_as_the_same_parcel(
    outbox: Outbox, tmp_path: Path
) -> None:
    ids = [outbox.add(number) for number in range(1, 4)]
    one_pass(outbox, tmp_path, "fault=cut")
    assert {outbox.state(one) for one in ids} == {"held"}
    outbox.add(4)
    back, held = outbox.ledger.put_back(ids[1:2])
    assert (back, held) == (sorted(ids), [])
    one_pass(outbox, tmp_path)
    index = (tmp_path / "index.jsonl").read_text()
    assert index.count('"stored"') == 2
    assert index.count('"again"') == 1


@pytest.mark.parametrize("status", [401, 403])
def test_what_was_perhaps_taken_before_a_wrong_token_is_not_taken_apart(
    status: int, outbox: Outbox, tmp_path: Path
) -> None:
    ids = [outbox.add(number) for number in range(1, 4)]
    one_pass(outbox, tmp_path, "fault=cut")
    for script in ([f"status={status}"], [f"status={status}"], []):
        outbox.ledger.put_back()
        one_pass(outbox, tmp_path, *script)
        assert {outbox.state(one) for one in ids} == {"held" if script else "sent"}
    index = (tmp_path / "index.jsonl").read_text()
    assert (index.count('"stored"'), index.count('"again"')) == (1, 1)


def test_what_was_taken_anew_meanwhile_is_not_put_back(outbox: Outbox, tmp_path: Path) -> None:
    one = outbox.add(1)
    one_pass(outbox, tmp_path, "status=422")
    outbox.ledger.connection.execute(
        "INSERT INTO file (id, customer, place, sha256, size, work, state, seen_at, changed_at)"
        " SELECT 'f', customer, place, sha256, size, work, 'waiting', 2, 2 FROM file"
    )
    assert outbox.ledger.put_back() == ([], [one])
    assert outbox.state(one) == "held"


def test_nothing_is_put_back_where_nothing_was_refused(outbox: Outbox) -> None:
    one = outbox.add(1)
    assert outbox.ledger.put_back() == outbox.ledger.put_back([one]) == ([], [])
