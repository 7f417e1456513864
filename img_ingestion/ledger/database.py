"""What the ledger asks of a database: sqlite's words, which PostgreSQL is taught the rest of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    Values = Sequence[object] | Mapping[str, object]


class Database(Protocol):
    """
    A connection.

    Statements are in words that both databases know, with `?` or `:name` for values. Lists come as
    JSON: `IN (SELECT value FROM json_each(:ids))`. Every file, however opened, has one.
    """

    def execute(self, statement: str, values: Any = (), /) -> Any:  # noqa: ANN401 (a cursor)
        """Run a statement; give a cursor."""
        ...

    def executemany(self, statement: str, rows: Iterable[Any], /) -> Any:  # noqa: ANN401 (as above)
        """Run a statement for each row."""
        ...

    def writing(self) -> AbstractContextManager[None]:
        """Do all of it or none; durable on return."""
        ...

    def shred(self) -> None:
        """Let nothing of what was removed stay in the files."""
        ...

    def sound(self) -> bool:
        """Tell whether the database finds itself undamaged."""
        ...

    def close(self) -> None:
        """Let go."""
        ...
