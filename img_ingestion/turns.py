"""Who works in a home: one run at a time, or all that share its ledger."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from img_ingestion.errors import AlreadyRunning
from img_ingestion.ledger import Ledger
from img_ingestion.lock import only_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from img_ingestion.ending import Ending
    from img_ingestion.home import Home
    from img_ingestion.ledger_access import LedgerAccess

LOOK_EVERY_S = 1.0


@contextmanager
def turn(
    home: Home,
    access: LedgerAccess,
    *,
    rehearsing: bool = False,
    patient: Ending | None = None,
) -> Iterator[None]:
    """
    Hold the home's lock; a shared ledger is its own, and a rehearsal changes no byte.

    Who is patient waits for it until the end is asked for: a new program stands ready while
    the old one finishes its file.

    Raises
    ------
    AlreadyRunning
        Another run holds it.

    """
    if rehearsing:
        yield
        return
    home.prepare()
    with ExitStack() as holding:
        while not access.url:
            try:
                holding.enter_context(only_run(home.state))
                break
            except AlreadyRunning:
                if patient is None or patient.asked(LOOK_EVERY_S):
                    raise
        yield


@contextmanager
def ledger(
    home: Home, access: LedgerAccess, *, rehearsing: bool = False, together: bool = False
) -> Iterator[Ledger]:
    """
    Give the ledger, and hold the home's lock.

    Parameters
    ----------
    home, access : Home, LedgerAccess
        Whose it is, and where.
    rehearsing : bool
        It is only looked at: no byte changes, and no lock is held.
    together : bool
        Other runs that say so may have it as well, where it is shared.

    """
    with turn(home, access, rehearsing=rehearsing):
        opened = (
            Ledger.looking(home.state, access)
            if rehearsing
            else Ledger.open(home.state, access, together=together)
        )
        with opened as there:
            yield there
