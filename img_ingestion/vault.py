"""
The vault: pseudonym -> original, so that what comes back can be matched at home.

`state/vault.sqlite`, mode 0600; a table beside the ledger where that is shared. It holds PHI and
nothing else does; a site that must not keep it switches it off, and the pseudonyms stay one-way.
"""

from __future__ import annotations

import csv
import os
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Protocol, Self

from img_ingestion.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS replaced (
    customer TEXT NOT NULL,
    kind TEXT NOT NULL,
    original TEXT NOT NULL,
    pseudonym TEXT NOT NULL,
    PRIMARY KEY (customer, kind, original)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_pseudonym ON replaced (pseudonym);
"""
_REMEMBER = """
INSERT INTO replaced (customer, kind, original, pseudonym) VALUES (?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""
_FORGET = "DELETE FROM replaced WHERE customer = ?"
COLUMNS = ("kind", "original", "pseudonym")
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Shared(Protocol):
    """The ledger, where several runs share it: the vault is a table beside it."""

    def vault(self) -> AbstractContextManager[Any]:
        """Give its database for something that is done as a whole or not at all."""
        ...


class Vault:
    """
    The vault of one home; as a context manager it stays open from one `remember` to the next.

    Raises
    ------
    StorageError
        From every method: the file cannot be read or written.

    """

    def __init__(self, path: Path, shared: Shared | None = None) -> None:
        """Name the vault's file, made by the first `remember`; or the ledger that it is part of."""
        self._path = path
        self._shared = shared
        self._kept: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def remember(self, customer: str, replaced: Mapping[tuple[str, str], str]) -> None:
        """Keep (kind, original) -> pseudonym of instances, durably."""
        # In one order: runs that share the vault wait for each other's rows.
        rows = [(customer, kind, old, new) for (kind, old), new in sorted(replaced.items())]
        if self._shared:
            # A server's text has no NUL; no identifier needs one.
            plain = [tuple(part.replace("\0", "") for part in row) for row in rows]
            with self._shared.vault() as database:
                database.executemany(_REMEMBER, plain)
            return
        with _storing():
            if self._kept is None or not self._path.exists():
                self.__exit__()
                os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600))
                self._kept = self._connected()
            with self._kept as connection:
                connection.executemany(_REMEMBER, rows)

    def identify(self, pseudonym: str) -> list[tuple[str, str, str]]:
        """Give (customer, kind, original) for a pseudonym."""
        query = "SELECT customer, kind, original FROM replaced WHERE pseudonym = ? ORDER BY 1, 2, 3"
        return self._read(query, (pseudonym,))

    def export(self, path: Path) -> int:
        """Write every row as CSV (kind, original, pseudonym), mode 0600; give their number."""
        query = "SELECT DISTINCT kind, original, pseudonym FROM replaced ORDER BY 1, 2, 3"
        rows = self._read(query)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", newline="", encoding="utf-8") as out:
                writer = csv.writer(out)
                writer.writerow(COLUMNS)
                writer.writerows(map(_as_text, rows))
        except OSError as error:
            raise StorageError(f"the export cannot be written: {type(error).__name__}") from error
        return len(rows)

    def forget(self, customer: str) -> int:
        """Remove a customer's rows, also from the bytes of the file; give their number."""
        if self._shared:
            with self._shared.vault() as database:
                return int(database.execute(_FORGET, (customer,)).rowcount)
        if not self._path.exists():
            return 0
        with _storing(), self._opened() as connection:
            connection.execute("PRAGMA secure_delete = ON")
            with connection:
                count = connection.execute(_FORGET, (customer,)).rowcount
            connection.execute("VACUUM")
        return count

    def _read(self, query: str, values: tuple[str, ...] = ()) -> list[tuple[str, str, str]]:
        if self._shared:
            with self._shared.vault() as database:
                return list(database.execute(query, values).fetchall())
        if not self._path.exists():
            return []
        with _storing(), self._opened() as connection:
            return list(connection.execute(query, values))

    def _opened(self) -> closing[sqlite3.Connection]:
        return closing(self._connected())

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=30)
        connection.execute("PRAGMA synchronous=EXTRA")
        connection.executescript(SCHEMA)
        return connection


def _as_text(row: tuple[str, str, str]) -> list[str]:
    """Keep a spreadsheet from running what a stranger's identifier says: `=`, `+`, `-`, `@`."""
    return [f"'{value}" if value.startswith(FORMULA) else value for value in row]


@contextmanager
def _storing() -> Iterator[None]:
    """Turn what the disk or SQLite says into a StorageError; their messages may quote values."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise StorageError(f"state/vault.sqlite: {type(error).__name__}") from error
