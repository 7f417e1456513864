"""The ledger: every file in one state, work done once, nothing in it that identifies."""

from __future__ import annotations

import sqlite3
import stat
from collections import Counter
from contextlib import closing
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from img_ingestion.errors import SettingsError, StorageError
from img_ingestion.home import Home
from img_ingestion.instance import Receipt
from img_ingestion.ledger import Contents, Deliveries, Entry, Ledger, schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _entry(number: int, **changes: object) -> Entry:
    entry = Entry(
        id=f"{number:016x}",
        customer="customer_1",
        place=f"place {number}",
        sha256=f"{number:064x}",
        size=number,
        seen_at=1.5,
        work=f"work {number}",
        name=f"name_{number}",
    )
    return entry._replace(**changes)  # type: ignore[arg-type]


def _contents(order: int, study: str = "1.2", series: str = "1.2.3") -> Contents:
    images = [({"height": 2, "width": 3}, f"cleaned-name_{order}.png.txt")]
    return Contents({"studyInstanceUid": study}, {"seriesInstanceUid": series}, images, order)


def _delivered(ledger: Ledger, number: int) -> Deliveries:
    """Give the deliveries to the one destination, with this instance in a parcel."""
    deliveries = ledger.deliveries("customer_1", "backend", ["backend"])
    deliveries.bundled({f"key {number}": [f"{number:016x}"]})
    return deliveries


OK = Receipt("200 ok", "digest")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.prepare()
    return home


@pytest.fixture
def ledger(home: Home) -> Iterator[Ledger]:
    with Ledger.open(home.state) as ledger:
        yield ledger


def test_ledger_and_key_are_for_our_own_account_alone(home: Home, ledger: Ledger) -> None:
    ledger.enter([(_entry(1), None)])
    modes = {stat.S_IMODE(path.stat().st_mode) for path in home.state.iterdir()}
    assert modes == {0o600}


def test_it_writes_so_that_a_power_cut_loses_nothing_acknowledged(ledger: Ledger) -> None:
    read = ledger.connection.execute
    assert read("PRAGMA journal_mode").fetchone()[0] == "delete"
    assert read("PRAGMA synchronous").fetchone()[0] == 3


def test_what_is_waiting_comes_back_as_it_was_entered(home: Home, ledger: Ledger) -> None:
    ledger.enter([(_entry(1), _contents(7))])
    with Ledger.open(home.state) as again:
        (outgoing,) = again.waiting(now=0)
    assert (outgoing.id, outgoing.customer, outgoing.order) == (f"{1:016x}", "customer_1", 7)
    assert outgoing.study == {"studyInstanceUid": "1.2"}
    assert outgoing.series == {"seriesInstanceUid": "1.2.3"}
    assert outgoing.images[0].fields == {"height": 2, "width": 3}
    assert outgoing.images[0].data == home.encoded / "customer_1" / "cleaned-name_7.png.txt"


def test_the_outbox_keeps_a_series_together_and_in_instance_order(ledger: Ledger) -> None:
    for number, (series, order) in enumerate([("b", 2), ("a", 10), ("b", 1), ("a", 9), ("a", -1)]):
        ledger.enter([(_entry(number), _contents(order, series=series))])
    outgoing = [(one.series["seriesInstanceUid"], one.order) for one in ledger.waiting(now=0)]
    assert outgoing == [("a", -1), ("a", 9), ("a", 10), ("b", 1), ("b", 2)]


def test_the_outbox_of_one_customer_holds_no_other_customers_work(ledger: Ledger) -> None:
    ledger.enter([(_entry(1), _contents(1))])
    ledger.enter([(_entry(2, customer="customer_2"), _contents(2))])
    assert [one.customer for one in ledger.waiting(0, "customer_2")] == ["customer_2"]
    assert ledger.totals("customer_2") == Counter(waiting=1)


def test_postponed_work_waits_for_its_time_and_counts_its_attempts(ledger: Ledger) -> None:
    ledger.enter([(_entry(1), _contents(1))])
    _delivered(ledger, 1).postponed([f"{1:016x}"], 100.0, "DestinationBusy", "503")
    assert ledger.waiting(now=99) == []
    assert [one.attempts for one in ledger.waiting(now=100)] == [1]


def test_sent_and_refused_work_leaves_the_outbox_and_stays_counted(ledger: Ledger) -> None:
    for number in (1, 2, 3):
        ledger.enter([(_entry(number), _contents(number))])
    _delivered(ledger, 1).sent([f"{1:016x}"], OK)
    _delivered(ledger, 2).refused([f"{2:016x}"], "DestinationRefused", "400")
    assert [one.id for one in ledger.waiting(0)] == [f"{3:016x}"]
    assert ledger.totals() == Counter(sent=1, held=1, waiting=1)


def test_what_is_sent_is_never_put_back(ledger: Ledger) -> None:
    ledger.enter([(_entry(1), _contents(1))])
    _delivered(ledger, 1).sent([f"{1:016x}"], OK)
    late = _delivered(ledger, 1)
    late.refused([f"{1:016x}"], "DestinationRefused", "late")
    late.postponed([f"{1:016x}"], 0, "DestinationBusy", "late")
    assert ledger.totals() == Counter(sent=1)


def test_work_is_done_once_unless_it_was_held(ledger: Ledger) -> None:
    assert ledger.done("work 1") is None
    ledger.enter([(_entry(1), _contents(1))])
    assert ledger.done("work 1") == "name_1"
    _delivered(ledger, 1).sent([f"{1:016x}"], OK)
    assert ledger.done("work 1") == "name_1"
    with pytest.raises(StorageError, match="SQLITE_CONSTRAINT"):
        ledger.enter([(_entry(2, work="work 1"), None)])
    ledger.enter([(_entry(3, state="held", name=""), None)])
    assert ledger.done("work 3") is None


def test_two_entries_never_share_an_output_name(ledger: Ledger) -> None:
    ledger.enter([(_entry(1), _contents(1))])
    assert ledger.named("customer_1", "name_1")
    assert not ledger.named("customer_2", "name_1")
    with pytest.raises(StorageError):
        ledger.enter([(_entry(2, name="name_1"), None)])
    ledger.enter([(_entry(3, name="name_1", customer="customer_2"), None)])


def test_a_file_is_known_by_its_id_or_by_its_place_and_content_until_it_is_put_away(
    ledger: Ledger,
) -> None:
    ledger.enter([(_entry(1), _contents(1))])
    touched = _entry(1)._replace(id="f" * 16)
    assert ledger.known(_entry(1)) == ledger.known(touched) == _entry(1)
    assert ledger.known(touched._replace(sha256="other")) is None
    assert ledger.known(touched._replace(place="elsewhere")) is None
    ledger.archived([(_entry(1), "")])
    assert ledger.known(_entry(1)) == _entry(1)
    assert ledger.known(touched) is None


def test_a_newer_ledger_is_refused_in_plain_words_and_not_touched(home: Home) -> None:
    path = home.state / schema.FILE_NAME
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(SettingsError, match="newer program"):
        Ledger.open(home.state)
    assert path.read_bytes() == before


def test_an_older_ledger_is_brought_forward_and_kept(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger.open(home.state) as ledger:
        ledger.enter([(_entry(1), _contents(1))])
    later = (*schema.MIGRATIONS, ("ALTER TABLE file ADD COLUMN later TEXT",))
    monkeypatch.setattr(schema, "MIGRATIONS", later)
    with Ledger.open(home.state) as ledger:
        assert ledger.totals() == Counter(waiting=1)
        assert ledger.connection.execute("SELECT later FROM file").fetchone() == (None,)
    backup = home.state / f"ledger-version-{len(later) - 1}.sqlite"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    with closing(sqlite3.connect(backup)) as old:
        assert old.execute("SELECT count(*) FROM file").fetchone() == (1,)


def test_a_migration_that_fails_changes_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    Ledger.open(home.state).connection.close()
    broken = (*schema.MIGRATIONS, ("CREATE TABLE half (a TEXT)", "NO SUCH STATEMENT"))
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", broken)
        with pytest.raises(StorageError):
            Ledger.open(home.state)
    with Ledger.open(home.state) as ledger:
        tables = ledger.connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        names = {name for (name,) in tables}
        assert names == {"ceiling", "delivery", "file", "pruned", "remembered"}


def test_a_damaged_ledger_is_a_storage_error(home: Home) -> None:
    (home.state / schema.FILE_NAME).write_bytes(b"no database" * 1000)
    with pytest.raises(StorageError, match="ledger, opening: SQLITE_NOTADB"):
        Ledger.open(home.state)


def test_a_ledger_that_cannot_be_written_is_a_storage_error_without_the_value(
    ledger: Ledger,
) -> None:
    ledger.connection.execute("PRAGMA query_only = 1")
    with pytest.raises(StorageError, match="ledger, entering files: SQLITE_READONLY") as caught:
        ledger.enter([(_entry(1), None)])
    assert "name_1" not in str(caught.value)


def test_a_rehearsal_knows_what_the_ledger_knows_and_changes_no_byte(home: Home) -> None:
    with Ledger.open(home.state) as ledger:
        ledger.enter([(_entry(1), _contents(1))])
    before = {path: path.read_bytes() for path in home.state.iterdir()}
    with Ledger.rehearsal(home.state) as rehearsal:
        rehearsal.enter([(_entry(2), _contents(2))])
        assert rehearsal.totals() == Counter(waiting=2)
    assert {path: path.read_bytes() for path in home.state.iterdir()} == before


def test_a_look_sees_what_the_ledger_knows_writes_nothing_and_is_in_nobodys_way(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger.open(home.state) as ledger, Ledger.looking(home.state) as look:
        ledger.enter([(_entry(1), _contents(1))])
        assert look.totals() == Counter(waiting=1)
        ledger.enter([(_entry(2), _contents(2))])
        assert look.totals() == Counter(waiting=2)
        with pytest.raises(StorageError, match="SQLITE_READONLY"):
            look.enter([(_entry(3), None)])
    before = {path: path.read_bytes() for path in home.state.iterdir()}
    later = (*schema.MIGRATIONS, ("ALTER TABLE file ADD COLUMN later TEXT",))
    monkeypatch.setattr(schema, "MIGRATIONS", later)
    with Ledger.looking(home.state) as look:
        assert look.connection.execute("SELECT count(later) FROM file").fetchone() == (0,)
    assert {path: path.read_bytes() for path in home.state.iterdir()} == before


def test_a_rehearsal_in_an_empty_home_makes_nothing(tmp_path: Path) -> None:
    with Ledger.rehearsal(tmp_path / "state") as rehearsal:
        assert rehearsal.totals() == Counter()
    assert list(tmp_path.iterdir()) == []


VERSION_1 = """
INSERT INTO file (id, customer, place, sha256, size, work, state, seen_at, changed_at, archived,
    study, series, images, attempts, next_attempt_at, receipt_status, receipt_digest, code, step)
VALUES
    ('a', 'c', '', '', 1, 'w1', 'waiting', 1, 5, 1, '{}', '{}', '[]', 1, 9, '', '', '', ''),
    ('b', 'c', '', '', 1, 'w2', 'waiting', 1, 5, 1, '{}', '{}', '[]', 1, 9, '', '', '', ''),
    ('d', 'c', '', '', 1, 'w3', 'waiting', 1, 1, 1, '{}', '{}', '[]', 0, 0, '', '', '', ''),
    ('e', 'c', '', '', 1, 'w4', 'sent', 1, 6, 1, '{}', '{}', '[]', 1, 0, '200 ok', 'ab', '', ''),
    ('f', 'c', '', '', 1, 'w5', 'held', 1, 7, 1, '{}', '{}', '[]', 2, 0, '', '', 'NotDescribed', 'deliver')
"""


def test_a_ledger_of_version_1_keeps_its_deliveries_and_the_keys_of_open_parcels(
    home: Home,
) -> None:
    with closing(sqlite3.connect(home.state / schema.FILE_NAME)) as old, old:
        for statement in schema.MIGRATIONS[0]:
            old.execute(statement)
        old.execute(VERSION_1)
        old.execute("PRAGMA user_version = 1")
    with Ledger.open(home.state) as ledger:
        assert ledger.totals() == Counter(waiting=3, sent=1, held=1)
        due = {one.id: one.parcel for one in ledger.waiting(now=9)}
        assert due["a"] == due["b"] == sha256(b"a\nb").hexdigest()
        assert due["d"] == ""
        assert [one.id for one in ledger.waiting(now=8)] == ["d"]
        query = "SELECT state, receipt_status, receipt_digest, attempted_at FROM delivery"
        rows = ledger.connection.execute(f"{query} WHERE file = 'e'").fetchall()
        assert rows == [("sent", "200 ok", "ab", 6.0)]
        assert ledger.put_back(["f"]) == (["f"], [])
    assert (home.state / "ledger-version-1.sqlite").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("state", ["sent", "waiting"])
def test_what_a_pass_asks_costs_the_same_whatever_the_ledger_has(home: Home, state: str) -> None:
    steps: list[None] = []
    with Ledger.open(home.state) as ledger:
        assert isinstance(ledger.connection, schema.Sqlite)
        ledger.connection.set_progress_handler(lambda: steps.append(None), 1)
        took = []
        for count in (10, 2000):
            rows = [{"id": f"{count}-{number}", "state": state} for number in range(count)]
            ledger.connection.executemany(
                "INSERT INTO file (id, customer, place, sha256, size, work, state, seen_at,"
                " changed_at, archived, name)"
                " VALUES (:id, 'c', :id, :id, 1, :id, :state, 0, 0, 1, :id)",
                rows,
            )
            steps.clear()
            if state == "sent":
                assert (ledger.pending(), ledger.pending("c"), ledger.customers()) == (0, 0, [])
                assert list(ledger.due_series(1.0, "c", "backend")) == []
            assert ledger.halves() == []
            assert ledger.put_away(rows[0]["id"])
            entry = _entry(count, customer="c")
            assert ledger.known(entry) is None
            assert ledger.done(entry.work) is None
            assert not ledger.named("c", entry.name)
            assert not ledger.contradicted(entry, "1.2")
            ledger.enter([(entry, None)])
            ledger.archived([(entry, "")])
            took.append(len(steps))
            if state == "sent":
                ledger.connection.execute("UPDATE file SET state = 'sent'")
    assert took[0] == took[1]
