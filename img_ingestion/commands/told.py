"""What a command tells: lines for a reader, values for a program; a status in the end."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import NamedTuple

from img_ingestion.errors import AlreadyRunning, SettingsError, StorageError

DONE, UNFORESEEN, HELD, STORAGE, UNAVAILABLE = 0, 1, 3, 4, 5
"""Exit statuses that a command ends with."""
STATUSES: Mapping[type[Exception], int] = {
    SettingsError: 2,
    StorageError: STORAGE,
    AlreadyRunning: 6,
}
"""Those of errors."""


class Told(NamedTuple):
    """Something for the operator, said once."""

    lines: tuple[str, ...] = ()
    values: Mapping[str, object] | None = None
    """The same as JSON has it, for `--json`; None: nothing that a program would ask for."""
    problem: bool = False
    """Whether it goes to stderr."""
    log: Mapping[str, object] | None = None
    """What the log on stderr says of it, where the settings ask for one: ids and codes."""
    more: bool = False
    """Whether what was done together with it is still to be told."""


Telling = Generator[Told, None, int]
"""What a command gives: one thing after the other, and in the end its exit status."""


def complaint(problem: str) -> Told:
    """Tell of a problem."""
    return Told((problem,), {"problem": problem}, problem=True)
