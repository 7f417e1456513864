"""The ledger's file: how it is opened, what its tables are, how it moves to a newer version."""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack, closing, contextmanager
from hashlib import sha256
from itertools import chain
from typing import TYPE_CHECKING

from img_ingestion import durable
from img_ingestion.errors import SettingsError, StorageError
from img_ingestion.ledger import place_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE_NAME = "ledger.sqlite"
DAMAGED = {"SQLITE_CORRUPT", "SQLITE_NOTADB"}
REPAIR = "put a backup back, and say `rebuild` (docs/operate.md)"

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE file (
            id              TEXT PRIMARY KEY,
            customer        TEXT NOT NULL,
            place           TEXT NOT NULL,
            sha256          TEXT NOT NULL,
            size            INTEGER NOT NULL,
            work            TEXT NOT NULL,
            state           TEXT NOT NULL
                            CHECK (state IN ('waiting', 'sent', 'held', 'duplicate')),
            seen_at         REAL NOT NULL,
            changed_at      REAL NOT NULL,
            archived        INTEGER NOT NULL DEFAULT 0,
            step            TEXT NOT NULL DEFAULT '',
            code            TEXT NOT NULL DEFAULT '',
            reason          TEXT NOT NULL DEFAULT '',
            name            TEXT NOT NULL DEFAULT '',
            study           TEXT NOT NULL DEFAULT '{}',
            series          TEXT NOT NULL DEFAULT '{}',
            images          TEXT NOT NULL DEFAULT '[]',
            instance_number INTEGER NOT NULL DEFAULT 0,
            attempts        INTEGER NOT NULL DEFAULT 0,
            next_attempt_at REAL NOT NULL DEFAULT 0,
            receipt_at      REAL NOT NULL DEFAULT 0,
            receipt_status  TEXT NOT NULL DEFAULT '',
            receipt_digest  TEXT NOT NULL DEFAULT ''
        ) STRICT
        """,
        "CREATE UNIQUE INDEX one_work ON file (work) WHERE state IN ('waiting', 'sent')",
        "CREATE UNIQUE INDEX one_name ON file (customer, name) WHERE name <> ''",
        "CREATE INDEX unfinished ON file (place, sha256) WHERE archived = 0",
        "CREATE INDEX outbox ON file (next_attempt_at) WHERE state = 'waiting'",
        "CREATE INDEX tally ON file (customer, state)",
    ),
    (
        """
        CREATE TABLE delivery (
            file            TEXT NOT NULL REFERENCES file (id),
            destination     TEXT NOT NULL,
            customer        TEXT NOT NULL,
            parcel          TEXT NOT NULL,
            state           TEXT NOT NULL DEFAULT 'waiting'
                            CHECK (state IN ('waiting', 'sent', 'held')),
            attempts        INTEGER NOT NULL DEFAULT 0,
            attempted_at    REAL NOT NULL DEFAULT 0,
            next_attempt_at REAL NOT NULL DEFAULT 0,
            code            TEXT NOT NULL DEFAULT '',
            reason          TEXT NOT NULL DEFAULT '',
            receipt_status  TEXT NOT NULL DEFAULT '',
            receipt_digest  TEXT NOT NULL DEFAULT '',
            PRIMARY KEY (file, destination)
        ) STRICT, WITHOUT ROWID
        """,
        # What was postponed together had been one parcel; its key was made of its ids.
        """
        INSERT INTO delivery
        SELECT id, 'backend', customer,
            sha256(group_concat(id, char(10)) OVER (
                PARTITION BY customer, study, series, state, changed_at ORDER BY id
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)),
            state, attempts, changed_at, next_attempt_at, code, reason,
            receipt_status, receipt_digest
        FROM file WHERE attempts > 0
        """,
        "DROP INDEX outbox",
        "ALTER TABLE file DROP COLUMN attempts",
        "ALTER TABLE file DROP COLUMN next_attempt_at",
        "ALTER TABLE file DROP COLUMN receipt_at",
        "ALTER TABLE file DROP COLUMN receipt_status",
        "ALTER TABLE file DROP COLUMN receipt_digest",
        "ALTER TABLE file ADD COLUMN digests TEXT NOT NULL DEFAULT '{}'",
        "CREATE INDEX outbox ON file (customer) WHERE state = 'waiting'",
        "CREATE INDEX parcel ON delivery (parcel)",
        "CREATE INDEX work ON file (work)",
        "CREATE INDEX attempt ON delivery (customer, destination, attempted_at)",
    ),
    (
        # A multi-frame instance has the same UID in each of its images.
        """
        CREATE INDEX instance
        ON file (customer, json_extract(images, '$[0][0].imageInstanceUid'))
        """,
    ),
    (
        # Instances without pixel data have no images, and a UID all the same.
        "ALTER TABLE file ADD COLUMN uid TEXT NOT NULL DEFAULT ''",
        "UPDATE file SET uid = ifnull(json_extract(images, '$[0][0].imageInstanceUid'), '')",
        "DROP INDEX instance",
        "CREATE INDEX instance ON file (customer, uid) WHERE uid <> ''",
    ),
    (
        # What a ledger that was lost had sent; empty but after a rebuild.
        """
        CREATE TABLE remembered (
            work            TEXT NOT NULL,
            destination     TEXT NOT NULL,
            parcel          TEXT NOT NULL,
            sent            INTEGER NOT NULL,
            receipt_status  TEXT NOT NULL,
            receipt_digest  TEXT NOT NULL,
            PRIMARY KEY (work, destination)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX of_parcel ON remembered (parcel)",
        """
        CREATE TABLE pruned (
            file            TEXT NOT NULL REFERENCES file (id),
            directory       TEXT NOT NULL,
            at              REAL NOT NULL,
            PRIMARY KEY (file, directory)
        ) STRICT, WITHOUT ROWID
        """,
    ),
    (
        # What 413 has taught of a destination.
        """
        CREATE TABLE ceiling (
            customer        TEXT NOT NULL,
            destination     TEXT NOT NULL,
            bytes           INTEGER NOT NULL,
            at              REAL NOT NULL,
            PRIMARY KEY (customer, destination)
        ) STRICT, WITHOUT ROWID
        """,
    ),
    (
        # So that a pass that has little to do costs the same, however much the ledger has.
        "CREATE INDEX due ON file (state, customer, study, series) WHERE state = 'waiting'",
        "CREATE INDEX half ON file (id) WHERE state = 'held' AND code = 'Incomplete'",
    ),
)
"""Statements that lead from version N (the place in the list) to N + 1; only ever added to."""


class DatabaseFault(Exception):
    """What a database other than sqlite could not do, by its own name for it; without a value."""


class Sqlite(sqlite3.Connection):
    """A `Database` in a file of the home, or in memory."""

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Do all of it or none; durable on return."""
        with self:
            self.execute("BEGIN IMMEDIATE")
            yield

    def shred(self) -> None:
        """Write the file anew, without what was removed."""
        self.execute("PRAGMA secure_delete = ON")
        self.execute("VACUUM")

    def sound(self) -> bool:
        """Tell whether sqlite finds its file undamaged."""
        return self.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@contextmanager
def storing(doing: str) -> Iterator[None]:
    """Turn what a database cannot do (disk full, read-only, damaged) into a StorageError."""
    try:
        yield
    except DatabaseFault as error:
        raise StorageError(f"ledger, {doing}: {error}") from error
    except sqlite3.Error as error:
        # The message of sqlite can quote a value; its error's name cannot.
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        remedy = f"; {REPAIR}" if name in DAMAGED else ""
        raise StorageError(f"ledger, {doing}: {name}{remedy}") from error


def check_there(state: Path) -> None:
    """Refuse to begin an empty ledger where there was one: all that it knew would come anew."""
    if (state / place_key.FILE_NAME).exists() and not (state / FILE_NAME).exists():
        raise StorageError(f"state/{FILE_NAME} is gone; {REPAIR}")


def opened(state: Path) -> Sqlite:
    """
    Open the ledger of a home, 0600, at the newest version; make it on first use.

    Raises
    ------
    SettingsError
        It was written by a newer version of this program.
    StorageError
        It cannot be opened, is damaged, or cannot be written.

    """
    path = state / FILE_NAME
    # sqlite would make it with the umask's mode; its journal then takes the mode of this file.
    with durable.storing("making the ledger"):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
    with storing("opening"), ExitStack() as unless_opened:
        connection = sqlite3.connect(path, isolation_level=None, factory=Sqlite)
        unless_opened.callback(connection.close)
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA synchronous = EXTRA")
        _migrate(connection, path)
        unless_opened.pop_all()
    return connection


def looked_at(state: Path) -> Sqlite:
    """Open the ledger to read; an empty one in memory, or a copy, where this version has none."""
    path = state / FILE_NAME
    if path.exists():
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with storing("opening"), ExitStack() as unless_opened:
            connection = sqlite3.connect(uri, uri=True, isolation_level=None, factory=Sqlite)
            unless_opened.callback(connection.close)
            if connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),):
                unless_opened.pop_all()
                return connection
    return copied(state)


def copied(state: Path) -> Sqlite:
    """Give a copy of the ledger in memory, an empty one if there is none; touch no file."""
    connection = sqlite3.connect(":memory:", isolation_level=None, factory=Sqlite)
    path = state / FILE_NAME
    with storing("reading"):
        if path.exists():
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as disk:
                disk.backup(connection)
        _migrate(connection, None)
    return connection


def statements() -> list[str]:
    """Give what makes the tables as all migrations together leave them."""
    made = sqlite3.connect(":memory:", isolation_level=None)
    with closing(made), storing("reading its tables"):
        _migrate(made, None)
        query = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type DESC, name"
        return [str(sql) for (sql,) in made.execute(query)]


def _migrate(connection: sqlite3.Connection, path: Path | None) -> None:
    """Bring the tables to the newest version, keeping a copy of an older ledger beside it."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise SettingsError(
            f"the ledger has version {version}, this program knows up to {len(MIGRATIONS)}: "
            "it was written by a newer program; use that one"
        )
    if 0 < version < len(MIGRATIONS) and path is not None:
        _back_up(connection, path.with_name(f"ledger-version-{version}.sqlite"))
    connection.create_function("sha256", 1, _sha256, deterministic=True)
    if version == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    for statement in chain.from_iterable(MIGRATIONS[version:]):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    connection.execute("COMMIT")


def _back_up(connection: sqlite3.Connection, path: Path) -> None:
    durable.write(path, connection.serialize())


def _sha256(text: str) -> str:
    return sha256(text.encode()).hexdigest()
