"""
A ledger that several runs share: its tables in PostgreSQL, and who may use them.

The tables are what sqlite's migrations lead to, in the server's types. A run has the ledger
together with others, or for itself (`prune`, `verify` ...): a lock of its session, which the
server lets go of when the session ends, however it ends.
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from hashlib import sha256
from typing import TYPE_CHECKING

from img_ingestion.claims import ALONE
from img_ingestion.errors import AlreadyRunning, SettingsError, StorageError
from img_ingestion.home import Home
from img_ingestion.ledger import place_key, schema
from img_ingestion.ledger.leases import AT_WORK, CLAIMS, Leases
from img_ingestion.ledger.postgres import LOCKED, reached

if TYPE_CHECKING:
    from pathlib import Path

    from img_ingestion.claims import Claims
    from img_ingestion.ledger.postgres import Postgres
    from img_ingestion.ledger_access import LedgerAccess

    Opened = tuple[Postgres, Home, bytes, bool, Claims]

MAKING = 7_100_001
"""Number of the advisory lock under which tables are made."""
OLDEST = 6
"""
The oldest version whose program may go on beside this one. It stays while migrations only add
tables, indexes, and columns with a default.
"""
TYPES = {
    r"\bINTEGER\b": "BIGINT",
    r"\bREAL\b": "DOUBLE PRECISION",
    r"\) STRICT(, WITHOUT ROWID)?": ")",
    # sqlite does not hold anybody to it either.
    r"REFERENCES file \(id\)": "",
}
WORDS = (
    """
    CREATE FUNCTION json_each(listed TEXT) RETURNS TABLE (value TEXT) LANGUAGE sql IMMUTABLE
    AS 'SELECT json_array_elements_text(listed::json)'
    """,
    """
    CREATE FUNCTION json_extract(object TEXT, path TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE
    AS 'SELECT object::json ->> substr(path, 3)'
    """,
    """
    CREATE FUNCTION as_json(listed TEXT[]) RETURNS TEXT LANGUAGE sql IMMUTABLE
    AS 'SELECT array_to_json(listed)::text'
    """,
    """
    CREATE AGGREGATE json_group_array(TEXT)
    (SFUNC = array_append, STYPE = TEXT[], INITCOND = '{}', FINALFUNC = as_json)
    """,
)
"""Words of sqlite's that the server does not know."""
VAULT = (
    """
    CREATE TABLE replaced (
        customer TEXT NOT NULL, kind TEXT NOT NULL, original TEXT NOT NULL, pseudonym TEXT NOT NULL,
        PRIMARY KEY (customer, kind, original)
    )
    """,
    "CREATE INDEX by_pseudonym ON replaced (pseudonym)",
)
ABOUT = "CREATE TABLE about (version BIGINT NOT NULL, oldest BIGINT NOT NULL, home TEXT NOT NULL)"


def opened(state: Path, access: LedgerAccess, *, together: bool, anew: bool) -> Opened:
    """
    Open the shared ledger of a home; make it, and the home's key, on first use.

    Parameters
    ----------
    state, access : Path, LedgerAccess
        The home's folder, and where the ledger is.
    together : bool
        Whether others that say so may have it open at the same time.
    anew : bool
        Whether an empty one is begun where the home had one.

    Raises
    ------
    SettingsError
        It was written by a newer program, or is another home's.
    StorageError
        It cannot be reached or written, or was there and is gone.
    AlreadyRunning
        Others are at work, or somebody has it alone.

    """
    with schema.storing("opening"), ExitStack() as unless_opened:
        database = reached(access)
        unless_opened.callback(database.close)
        # Who waits to change a table lets everybody else wait.
        limit = str(round(1000 * access.timeout_s))
        database.execute("SELECT set_config('lock_timeout', ?, false)", (limit,))
        with database.writing():
            database.execute("SELECT pg_advisory_xact_lock(?)", (MAKING,))
            _make(database, known=(state / place_key.FILE_NAME).exists() and not anew)
        # After the tables: a key without them says that they were lost.
        key = place_key.made(state)
        ours = _check(database, key)
        database.execute("UPDATE about SET home = ? WHERE home = ''", (ours,))
        _wait(database, together=together)
        unless_opened.pop_all()
    return database, Home(state.parent), key, False, Leases(database, access.lease_s)


def copied(state: Path, access: LedgerAccess, *, looking: bool) -> Opened:
    """
    Give copies of the tables that go with the session, empty ones where there are none.

    Where it is only to be looked at, that are the tables themselves, and they cannot be written to.
    """
    with schema.storing("reading"), ExitStack() as unless_opened:
        database, key = reached(access), place_key.lent(state)
        unless_opened.callback(database.close)
        there = _is_there(database)
        if there:
            _check(database, key)
        if there and looking:
            database.execute("SELECT set_config('default_transaction_read_only', 'on', false)")
            made = []
        else:
            made = [one for one in schema.statements() if one.startswith("CREATE TABLE")]
        for statement in made:
            name = statement.split()[2]
            if there:
                database.execute(
                    f"CREATE TEMP TABLE {name} (LIKE img_ingestion.{name} INCLUDING ALL)"
                )
                database.execute(f"INSERT INTO pg_temp.{name} SELECT * FROM img_ingestion.{name}")  # noqa: S608 (ours)
            else:
                database.execute(_typed(statement).replace("TABLE", "TEMP TABLE", 1))
        unless_opened.pop_all()
    return database, Home(state.parent), key, True, ALONE


def _is_there(database: Postgres) -> bool:
    query = "SELECT to_regclass('img_ingestion.about') IS NOT NULL"
    return bool(database.execute(query).fetchone()[0])


def _make(database: Postgres, *, known: bool) -> None:
    """Bring the tables to the newest version; make them on first use, if none are `known`."""
    if not _is_there(database):
        if known:
            raise StorageError(
                "the database does not have the ledger of this home; put a backup back, or say "
                "`rebuild` (docs/operate.md)"
            )
        spaces = "SELECT 1 FROM pg_namespace WHERE nspname = 'img_ingestion'"
        if not database.execute(spaces).fetchone():
            database.execute("CREATE SCHEMA img_ingestion")
        for statement in (ABOUT, *WORDS, *map(_typed, schema.statements()), *VAULT, *CLAIMS):
            database.execute(statement)
        values = (len(schema.MIGRATIONS), OLDEST, "")
        database.execute("INSERT INTO about VALUES (?, ?, ?)", values)
    (version,) = database.execute("SELECT version FROM about").fetchone()
    for number in range(version, len(schema.MIGRATIONS)):
        for statement in schema.MIGRATIONS[number]:
            database.execute(_typed(statement))
        database.execute("UPDATE about SET version = ?, oldest = ?", (number + 1, OLDEST))


def _check(database: Postgres, key: bytes) -> str:
    """See that the ledger is this home's, and that this program may use it; name the home."""
    version, oldest, home = database.execute("SELECT version, oldest, home FROM about").fetchone()
    if oldest > len(schema.MIGRATIONS):
        raise SettingsError(
            f"the ledger has version {version}, this program knows up to {len(schema.MIGRATIONS)}: "
            "it was written by a newer program; use that one"
        )
    ours = sha256(b"home\0" + key).hexdigest()
    if home not in {"", ours}:
        raise SettingsError("ledger.url: the database holds the ledger of another home")
    return ours


def _wait(database: Postgres, *, together: bool) -> None:
    """Have the ledger together with others, or alone; until the session ends."""
    kind = "_shared" if together else ""
    try:
        database.execute(f"SELECT pg_advisory_lock{kind}(?)", (AT_WORK,))
    except schema.DatabaseFault as error:
        if str(error) == LOCKED:
            raise AlreadyRunning("another run has this home's ledger") from error
        raise
    database.execute("SELECT set_config('lock_timeout', '0', false)")


def _typed(statement: str) -> str:
    """Say a statement of sqlite's with the server's types."""
    for ours, theirs in TYPES.items():
        statement = re.sub(ours, theirs, statement)
    return statement
