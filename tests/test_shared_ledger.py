"""A ledger in PostgreSQL: the same words, one pair of hands for each thing, and who may use it."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from img_ingestion.errors import AlreadyRunning, SettingsError, StorageError, TakenOver
from img_ingestion.home import Home
from img_ingestion.instance import Receipt
from img_ingestion.ledger import Contents, Entry, Ledger, schema
from img_ingestion.ledger.postgres import reached
from img_ingestion.ledger_access import LedgerAccess
from img_ingestion.review.overview import held, overview, whose
from img_ingestion.settings_file import load
from img_ingestion.vault import Vault
from tests.postgres import PASSWORD, certified, database, psycopg

if TYPE_CHECKING:
    from pathlib import Path

    from img_ingestion.ledger import Deliveries

AMONG = ("backend", "stow")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.root.mkdir()
    made.prepare()
    return made


@pytest.fixture
def access(postgres: str) -> LedgerAccess:
    url = f"postgresql://{database(postgres)}"
    return LedgerAccess(url=url, password=SecretStr(PASSWORD), timeout_s=0.2)


def entry(number: int, *, name: str = "", customer: str = "north") -> Entry:
    one = f"{number:016x}"
    return Entry(one, customer, f"place-{one}", one, 1, 1.0, work=f"work-{one}", name=name or one)


def contents(number: int, series: int = 1) -> Contents:
    study = {"studyInstanceUid": "2.25.1"}
    images = [({"imageInstanceUid": f"2.25.{number}"}, f"cleaned-{number}.png.txt")]
    return Contents(study, {"seriesInstanceUid": f"2.25.{series}"}, images, number)


def enter(ledger: Ledger, number: int) -> Entry:
    one = entry(number)
    assert ledger.claims.taken(one.place)
    assert ledger.claims.begun(one.place, one.customer, one.id, one.work)
    ledger.enter([(one, contents(number))])
    ledger.archived([(one, "")])
    ledger.claims.ended(one.place)
    return one


def expire(ledger: Ledger) -> None:
    """Let every lease end."""
    ledger.connection.execute("UPDATE claim SET lease_ends = now() - interval '1 second'")


def everything(ledger: Ledger) -> list[object]:
    """Walk through what a ledger can be asked, and what can be told it."""
    ones = [enter(ledger, number) for number in range(6)]
    at = {name: ledger.deliveries("north", name, AMONG) for name in AMONG}
    ids = [one.id for one in ones]
    for where in at.values():
        where.bundled({"key-1": ids[:2]})
        where.bundled({"key-2": ids[2:4]})
        where.sent(ids[:2], Receipt("200 ok", "ab"))
    _some_are_refused(at, ids)
    assert ledger.claims.taken("p")
    ledger.enter(
        [(Entry("f" * 16, "north", "p", "s", 9, 2.0, "held", step="read", code="NotDicom"), None)]
    )
    seen = [ledger.known(ones[3]), ledger.done(ones[0].work), ledger.named("north", ids[0])]
    told = [ledger.totals("north"), ledger.customers(), sorted(ledger.outcomes(ids).items())]
    due = [ledger.waiting(9e9, "north", name) for name in AMONG]
    again = [ledger.put_back([ids[2]]), ledger.totals()]
    found = overview(ledger.home, ledger)
    counted = [found.states, found.customers, found.held, held(ledger), whose(ledger, ids)]
    ledger.pruned(ids[0], "archive")
    ledger.pruned(ids[0], "archive")
    row = at["stow"].in_a_row("DestinationBusy", 3)
    ledger.recall()
    rows = [(one.id, one.state, one.receipts, one.pruned) for one in ledger.files("north")]
    ledger.forget("north")
    forgotten = [(one.sha256, one.twins) for one in ledger.files("north")]
    return [
        seen,
        told,
        due,
        again,
        counted,
        row,
        sorted(ledger.of_study("2.25.1")),
        rows,
        forgotten,
    ]


def _some_are_refused(at: dict[str, Deliveries], ids: list[str]) -> None:
    at["backend"].refused(ids[2:4], "NotDescribed", "why")
    at["stow"].sent(ids[2:3], Receipt("200 ok", "cd"))
    at["stow"].bundled({"key-3": ids[4:5]})
    at["stow"].postponed(ids[4:5], 1.0, "DestinationBusy", "busy")
    at["backend"].spared(ids[5:], "NoPicture", "no picture")


def test_both_databases_give_the_same_answers(
    home: Home, access: LedgerAccess, tmp_path: Path
) -> None:
    other = Home(tmp_path / "other")
    other.root.mkdir()
    other.prepare()
    with Ledger.open(home.state, access) as shared, Ledger.open(other.state) as own:
        moved = repr(everything(shared)).replace(str(home.root), str(other.root))
        assert moved == repr(everything(own))


def test_what_is_taken_over_cannot_be_entered_by_who_had_it(
    home: Home, access: LedgerAccess
) -> None:
    one = entry(1)
    with (
        Ledger.open(home.state, access, together=True) as asleep,
        Ledger.open(home.state, access, together=True) as awake,
    ):
        assert asleep.claims.taken(one.place)
        assert asleep.claims.begun(one.place, one.customer, one.id, one.work)
        assert not awake.claims.taken(one.place)
        assert awake.claims.orphans() == []
        expire(awake)
        assert [orphan.file for orphan in awake.claims.orphans()] == [one.id]
        with pytest.raises(TakenOver):
            asleep.claims.named(one.place, one.customer, one.name)
        with pytest.raises(TakenOver):
            asleep.enter([(one, contents(1))])
        assert awake.totals() == Counter()
        awake.enter([(one, contents(1))])
        assert awake.totals() == Counter(waiting=1)


def test_an_answer_that_comes_after_the_lease_changes_nothing(
    home: Home, access: LedgerAccess
) -> None:
    with (
        Ledger.open(home.state, access, together=True) as asleep,
        Ledger.open(home.state, access, together=True) as awake,
    ):
        one = enter(asleep, 1)
        assert asleep.claims.taken("series")
        to_backend = asleep.deliveries("north", "backend", ["backend"])
        from_asleep = replace(to_backend, claim="series")
        from_asleep.bundled({"key": [one.id]})
        expire(awake)
        assert awake.claims.taken("series")
        with pytest.raises(TakenOver):
            from_asleep.sent([one.id], Receipt("200 ok", "ab"))
        with pytest.raises(TakenOver):
            from_asleep.bundled({"another": [one.id]})
        (due,) = awake.waiting(9e9)
        assert due.parcel == "key"
        memory = (home.state / "parcels.jsonl").read_text()
        assert "another" not in memory


def test_a_name_and_a_work_are_in_one_pair_of_hands(home: Home, access: LedgerAccess) -> None:
    one, two = entry(1, name="same"), entry(2, name="same")
    with (
        Ledger.open(home.state, access, together=True) as here,
        Ledger.open(home.state, access, together=True) as there,
    ):
        assert here.claims.taken(one.place)
        assert there.claims.taken(two.place)
        assert here.claims.begun(one.place, "north", one.id, "work")
        assert not there.claims.begun(two.place, "north", two.id, "work")
        assert there.claims.begun(two.place, "north", two.id, "other work")
        assert here.claims.named(one.place, "north", "same")
        assert not there.claims.named(two.place, "north", "same")
        assert there.claims.named(two.place, "south", "same")


def test_what_a_dead_session_had_is_taken_over_before_its_lease_ends(
    home: Home, access: LedgerAccess
) -> None:
    one = entry(1)
    with Ledger.open(home.state, access, together=True) as gone:
        gone.claims.taken(one.place)
        gone.claims.begun(one.place, one.customer, one.id, one.work)
    with Ledger.open(home.state, access, together=True) as next_one:
        assert [orphan.file for orphan in next_one.claims.orphans()] == [one.id]


def test_who_has_the_ledger_alone_has_it_alone(home: Home, access: LedgerAccess) -> None:
    with Ledger.open(home.state, access, together=True) as here:
        with pytest.raises(AlreadyRunning):
            Ledger.open(home.state, access)
        with Ledger.rehearsal(home.state, access) as look:
            look.enter([(entry(1), contents(1))])
            assert look.totals() == Counter(waiting=1)
        with Ledger.looking(home.state, access) as look:
            assert look.totals() == Counter()
            with pytest.raises(StorageError, match="ReadOnly"):
                look.enter([(entry(1), contents(1))])
        assert here.totals() == Counter()


def test_a_newer_program_says_which_older_ones_may_go_on(home: Home, access: LedgerAccess) -> None:
    newer = len(schema.MIGRATIONS) + 1
    with Ledger.open(home.state, access) as ledger:
        ledger.connection.execute("UPDATE about SET version = ?", (newer,))
    with Ledger.open(home.state, access) as ledger:
        assert ledger.totals() == Counter()
        ledger.connection.execute("UPDATE about SET oldest = ?", (newer,))
    with pytest.raises(SettingsError, match="newer program"):
        Ledger.open(home.state, access)


def test_a_ledger_of_another_home_or_none_where_one_was_is_refused(
    home: Home, access: LedgerAccess, postgres: str, tmp_path: Path
) -> None:
    with Ledger.open(home.state, access) as ledger:
        enter(ledger, 1)
    with pytest.raises(SettingsError, match="another home"):
        Ledger.open(tmp_path, access)
    empty = access.model_copy(update={"url": f"postgresql://{database(postgres)}"})
    with pytest.raises(StorageError, match="rebuild"):
        Ledger.open(home.state, empty)
    with Ledger.open(home.state, empty, anew=True) as ledger:
        assert ledger.totals() == Counter()


def test_the_vault_is_in_the_ledger_that_is_shared(home: Home, access: LedgerAccess) -> None:
    with Ledger.open(home.state, access) as ledger:
        vault = Vault(home.state / "vault.sqlite", ledger.shared)
        vault.remember("north", {("patient", "Nemo\0"): "XYZ"})
        vault.remember("north", {("patient", "Nemo\0"): "XYZ"})
        assert vault.identify("XYZ") == [("north", "patient", "Nemo")]
        assert vault.forget("north") == 1
    assert not (home.state / "vault.sqlite").exists()


def test_neither_a_wrong_password_nor_a_server_without_its_certificate_is_spoken_to(
    home: Home, access: LedgerAccess, tmp_path: Path
) -> None:
    wrong = access.model_copy(update={"password": SecretStr("wrong-zq")})
    authority = tmp_path / "ca.pem"
    authority.write_text("")
    unproven = access.model_copy(update={"ca_file": str(authority)})
    for refused in (wrong, unproven):
        with pytest.raises(StorageError, match="cannot be reached") as caught:
            Ledger.open(home.state, refused)
        assert "zq" not in str(caught.value)


def test_a_server_that_proves_its_name_is_spoken_to_over_tls(
    home: Home, access: LedgerAccess, postgres: str
) -> None:
    proven = access.model_copy(update={"ca_file": str(certified(postgres) / "authority.pem")})
    with Ledger.open(home.state, proven) as ledger:
        enter(ledger, 1)
        query = "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        assert ledger.connection.execute(query).fetchone() == (True, "TLSv1.3")
    elsewhere = proven.model_copy(update={"url": proven.url.replace("127.0.0.1", "127.0.0.2")})
    with pytest.raises(StorageError, match="cannot be reached"):
        Ledger.open(home.state, elsewhere)


def test_an_account_can_prove_itself_by_a_certificate(access: LedgerAccess, postgres: str) -> None:
    folder = certified(postgres)
    with psycopg.connect(f"postgresql://{postgres}/postgres", password=PASSWORD) as one:
        one.execute("CREATE ROLE here LOGIN")
    files = {"ca_file": "authority.pem", "client_cert": "here.pem", "client_key": "here.key"}
    (folder / "here.key").chmod(0o600)
    words = {key: str(folder / name) for key, name in files.items()}
    words["url"] = access.url.replace("gateway@", "here@")
    named = access.model_copy(update=words | {"password": SecretStr("")})
    database = reached(named)
    assert database.execute("SELECT current_user").fetchone() == ("here",)
    database.close()
    with pytest.raises(StorageError, match="cannot be reached"):
        reached(named.model_copy(update={"client_cert": "", "client_key": ""}))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('url = "postgresql://me:zq@127.0.0.1/db"', "ledger.url"),
        ('url = "postgresql://me@127.0.0.1/db?sslmode=disable"', "ledger.url"),
        ('url = "postgresql://me@127.0.0.1/db"\npassword = "zq"', "does not belong"),
        ('url = "postgresql://me@127.0.0.1/db"\nlease_s = 60', "lease_s must be more"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_the_door(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "gateway.toml").write_text(f"[ledger]\n{text}\n")
    with pytest.raises(SettingsError, match=words) as caught:
        load(tmp_path)
    assert "zq" not in str(caught.value)
    assert "zq" not in os.environ
