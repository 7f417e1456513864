"""PostgreSQL, spoken to in the ledger's words; the wall around psycopg."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg

from img_ingestion.errors import StorageError
from img_ingestion.ledger.schema import DatabaseFault, storing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from img_ingestion.ledger_access import LedgerAccess

NAMED = re.compile(r"(?<!:):([a-z_][a-z0-9_]*)")
UNIQUE = "UniqueViolation"
LOCKED = "LockNotAvailable"
SETTINGS = {
    "search_path": "img_ingestion",
    "client_encoding": "UTF8",
    "timezone": "UTC",
    # Said, and meant: what is entered is on the disk.
    "synchronous_commit": "on",
    # Of a machine that went without a word its server hears nothing.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}


@dataclass(frozen=True, slots=True)
class Postgres:
    """A `Database` on a server."""

    connection: psycopg.Connection[Any] = field(repr=False)

    def execute(self, statement: str, values: Any = (), /) -> Any:  # noqa: ANN401 (a cursor)
        """Run a statement; give a cursor with all that it found."""
        with _translated():
            return self.connection.execute(_theirs(statement), values or None)

    def executemany(self, statement: str, rows: Iterable[Any], /) -> None:
        """Run a statement for each row."""
        with _translated(), self.connection.cursor() as cursor:
            cursor.executemany(_theirs(statement), list(rows))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Do all of it or none; durable on return."""
        with _translated(), self.connection.transaction():
            yield

    @contextmanager
    def vault(self) -> Iterator[Postgres]:
        """Give the database for what the vault does as a whole or not at all."""
        with storing("the vault"), self.writing():
            yield self

    def shred(self) -> None:
        """Write the tables anew, without what was removed; the server's log and copies keep it."""
        self.execute("VACUUM FULL")

    def sound(self) -> bool:
        """Trust the server: who keeps it sees to that."""
        return True

    def close(self) -> None:
        """Let go, and of everything that was in hand."""
        self.connection.close()


def reached(access: LedgerAccess) -> Postgres:
    """
    Reach the database of the settings.

    Raises
    ------
    StorageError
        It cannot be reached, or refuses us.

    """
    # On this machine nothing leaves it.
    tls = bool(access.ca_file) or not access.private
    try:
        connection = psycopg.connect(
            host=access.host,
            port=access.port,
            user=access.user,
            dbname=access.database,
            password=access.password.get_secret_value() or None,
            sslmode="verify-full" if tls else "prefer",
            sslrootcert=(access.ca_file or "system") if tls else None,
            sslcert=access.client_cert or None,
            sslkey=access.client_key or access.client_cert or None,
            connect_timeout=max(2, round(access.timeout_s)),
            application_name="img_ingestion",
            autocommit=True,
            # Values are put in here, as sqlite does: nothing has a type that it was not given.
            cursor_factory=psycopg.ClientCursor,
        )
    except psycopg.Error as error:
        # The message quotes names and addresses.
        name = type(error).__name__
        raise StorageError(
            f"ledger: the database cannot be reached, or refuses us ({name}); look at ledger.url, "
            "the password and the certificates"
        ) from error
    database = Postgres(connection)
    # A run that is silent for twice its lease is not at work any more, whatever it believes.
    silence = str(round(2000 * access.lease_s))
    wanted = SETTINGS | {"idle_session_timeout": silence}
    wanted["idle_in_transaction_session_timeout"] = str(round(1000 * access.lease_s))
    for name, value in wanted.items():
        database.execute("SELECT set_config(?, ?, false)", (name, value))
    return database


def _theirs(statement: str) -> bytes:
    """Say a statement with psycopg's signs for values."""
    return NAMED.sub(r"%(\1)s", statement).replace("?", "%s").encode()


@contextmanager
def _translated() -> Iterator[None]:
    """Keep the name of what went wrong; the message of a server quotes rows."""
    try:
        yield
    except psycopg.Error as error:
        raise DatabaseFault(type(error).__name__) from error
