"""A ledger that is lost, damaged or older than the folders: what it does not know comes anew."""

from __future__ import annotations

import itertools
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from img_ingestion import durable, sealing, unsealing
from img_ingestion.errors import StorageError
from img_ingestion.ledger import Ledger
from img_ingestion.reconcile import ID_LENGTH, output_names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from img_ingestion.home import Home
    from img_ingestion.ledger_access import LedgerAccess

FOLDER = "rebuilt"
"""Where in a customer's folder of `local_dcm` its originals come back to."""
SET_ASIDE = "set-aside"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What had to be done."""

    begun_anew: bool
    """Whether there is a new ledger; the old one is kept beside it."""
    originals: int
    """Put back for the next pass."""
    outputs: int
    """Set aside: they are made again."""


def rebuild(home: Home, access: LedgerAccess) -> Rebuilt:
    """
    Bring ledger and folders together again; the caller holds the lock.

    Originals that the ledger does not know go back to `local_dcm`, and outputs that it does not
    know are set aside; nothing is deleted. What was sent is remembered beside the ledger, so the
    next pass sends again what may not have arrived, under the key that it had, and nothing else.
    Cut short at any point, the same call goes on where it stopped.

    Raises
    ------
    SettingsError
        The ledger was written by a newer version of this program; or originals are encrypted,
        and the key is not here.
    StorageError
        State, or a folder, cannot be read or written.

    """
    anew = not access.url and not _is_sound(home)
    if anew:
        _begin_anew(home)
    with Ledger.open(home.state, access, anew=True) as ledger:
        ledger.recall()
        known, names = _known(ledger)
        strangers = [path for path in _outputs(home) if _place(home, path) not in names]
        aside = home.root / SET_ASIDE / time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        for path in strangers:
            _move(path, aside / path.relative_to(home.root))
        for path in sealing.unsealed(home):
            _move(path, home.root / path.relative_to(home.unsealed))
        lost = [path for path in _originals(home) if path.name[:ID_LENGTH] not in known]
        for path in lost:
            _put_back(home, path)
    return Rebuilt(anew, len(lost), len(strangers))


def _is_sound(home: Home) -> bool:
    try:
        with Ledger.open(home.state) as ledger:
            return ledger.sound()
    except StorageError:
        return False


def _begin_anew(home: Home) -> None:
    """Set a damaged ledger aside, with what sqlite keeps beside it, and begin an empty one."""
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    for path in sorted(home.state.glob("ledger.sqlite*")):
        durable.move(path, home.state / path.name.replace("ledger", f"ledger-damaged-{now}", 1))
    durable.write(home.state / "ledger.sqlite", b"")


def _known(ledger: Ledger) -> tuple[set[str], set[tuple[str, str]]]:
    """Give the ids that the ledger has, and (customer, name) of the outputs."""
    ids: set[str] = set()
    names: set[tuple[str, str]] = set()
    for customer in ledger.customers(waiting=False):
        for filed in ledger.files(customer):
            ids.add(filed.id)
            names |= {(customer, name) for name in output_names(filed)}
    return ids, names


def _originals(home: Home) -> Iterator[Path]:
    for root in (home.archive, home.quarantine):
        yield from (path for path in _files(root) if path.suffix != ".json")


def _outputs(home: Home) -> Iterator[Path]:
    for root in (home.cleaned, home.encoded):
        yield from (path for path in _files(root) if path.name.startswith("cleaned-"))


def _files(root: Path) -> list[Path]:
    with durable.storing("looking through folders"):
        return sorted(
            path
            for path in root.rglob("*")
            if path.is_file() and not path.name.startswith(durable.TEMPORARY)
        )


def _place(home: Home, path: Path) -> tuple[str, str]:
    return path.relative_to(home.root).parts[1], path.name


def _put_back(home: Home, path: Path) -> None:
    """Put an original where its customer could have put it, under its own name."""
    customer, _ = _place(home, path)
    # In the archive a name follows the id; in quarantine it was never kept.
    name = path.name.removesuffix(sealing.SUFFIX)
    if home.archive in path.parents and not sealing.is_sealed(path):
        name = path.name[ID_LENGTH + 1 :]
    for number in itertools.count(1):
        target = home.local_dcm / customer / FOLDER / str(number) / (name or path.name)
        if not os.path.lexists(target):
            break
    if sealing.is_sealed(path):
        durable.folder(target.parent)
        unsealing.unseal(home, path, target)
    else:
        _move(path, target)
    if home.quarantine in path.parents:
        durable.remove([path.with_name(f"{path.name[:ID_LENGTH]}.json")])


def _move(path: Path, target: Path) -> None:
    durable.folder(target.parent)
    durable.move(path, target)
