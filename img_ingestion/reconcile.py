"""Hold the ledger against the folders: all that was seen is in one state, and in its place."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from img_ingestion import as_made, sealing, unsealing
from img_ingestion.durable import storing
from img_ingestion.shelves import stem
from img_ingestion.tally import STATES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from img_ingestion.home import Home
    from img_ingestion.ledger import Filed, Ledger

ID_LENGTH = 16
"""Hexadecimal digits of a ledger id; what is put away begins with it."""


Look = Literal["content", "bytes", "size"]
"""How an encrypted original was looked at: opened, as it was written, or neither of them."""


@dataclass(frozen=True, slots=True)
class Original:
    """What lies where an original was put away."""

    size: int
    sha256: str = ""
    """Of the original; empty where it was not read, or cannot be for want of its key."""
    sealed: str = ""
    """sha256 of the file as it lies, where it is encrypted and was read."""

    def look(self, filed: Filed) -> Look:
        """Say how much an encrypted original was looked at."""
        if self.sha256:
            return "content"
        return "bytes" if filed.sealed else "size"


@dataclass(frozen=True, slots=True)
class Account:
    """One customer's files, and what does not add up."""

    customer: str
    seen: int
    states: Counter[str]
    problems: tuple[str, ...]
    """In plain words: ids of ours and names of outputs, no original name."""
    looks: Counter[Look] = field(default_factory=Counter)
    """Encrypted originals, where originals were read, by what could be looked at."""

    @property
    def sum(self) -> str:
        """The account in one line."""
        parts = " + ".join(f"{self.states[state]} {state}" for state in STATES)
        return f"{self.customer}: {self.seen} seen = {parts}"


def reconcile(ledger: Ledger, home: Home, *, read: bool = False) -> Iterator[Account]:
    """
    Give each customer's account.

    Outputs are read and held against their digests. Originals are looked up by id and size, and
    read too when that is asked for.

    Raises
    ------
    StorageError
        The ledger or a folder cannot be read.

    """
    for customer in sorted({*ledger.customers(waiting=False), *_with_folders(home)}):
        yield _account(ledger, home, customer, read=read)


def _account(ledger: Ledger, home: Home, customer: str, *, read: bool) -> Account:
    states: Counter[str] = Counter()
    problems: list[str] = []
    originals = _originals(home, customer, read=read)
    known: set[str] = set()
    looks: Counter[Look] = Counter()
    for filed in ledger.files(customer):
        states[filed.state] += 1
        problems += (
            f"{filed.id}: {words}" for words in _wrong(home, filed, originals.get(filed.id, ()))
        )
        known |= {filed.id, *output_names(filed)}
        looks.update(one.look(filed) for one in originals.get(filed.id, ()) if one.sealed)
    problems += _strangers(home, customer, known)
    seen = states.total()
    if any(state not in STATES for state in states):
        problems.append("a state that this program does not know")
    return Account(customer, seen, states, tuple(problems), looks)


def _wrong(home: Home, filed: Filed, there: Sequence[Original]) -> Iterator[str]:
    """Say what is wrong with one file."""
    yield from _original_fault(filed, there, pruned=home.archive.name in filed.pruned)
    for name in output_names(filed):
        yield from _output_fault(home, filed, name)
    if filed.state == "sent" and not filed.receipts:
        yield "sent, and no destination gave a receipt"
    if filed.state == "duplicate" and not filed.twins:
        yield "a duplicate of nothing"


def _original_fault(filed: Filed, there: Sequence[Original], *, pruned: bool) -> Iterator[str]:
    """Say whether an original is missing or not the one that came."""
    if not filed.archived:
        yield "its original is not put away yet; the next pass does that"
    elif pruned and there:
        yield "its original was to be pruned and is there; say prune again"
    elif not there and not pruned:
        yield "its original is missing from archive/ and quarantine/"
    elif there and filed.size not in {one.size for one in there}:
        yield "its original was altered: another size"
    elif there and filed.sha256 and not {filed.sha256, ""} & {one.sha256 for one in there}:
        yield "its original was altered: another content"
    elif there and filed.sealed and not {filed.sealed, ""} & {one.sealed for one in there}:
        yield "its original was altered: other bytes than were written"


def output_names(filed: Filed) -> list[str]:
    """Name the files that an instance became."""
    if not filed.name:
        return []
    texts = list(filed.data)
    return [f"{stem(filed.name)}.dcm", *texts, *(text.removesuffix(".txt") for text in texts)]


def _output_fault(home: Home, filed: Filed, name: str) -> Iterator[str]:
    """Say whether an output is missing or not the one that was made."""
    folder = home.encoded if name.endswith(".txt") else home.cleaned
    path = folder / filed.customer / name
    shown = f"{folder.name}/{filed.customer}/{name}"
    with storing("reading an output"):
        if folder.name in filed.pruned:
            if path.is_file():
                yield f"{shown} was to be pruned and is there; say prune again"
        elif not path.is_file():
            yield f"{shown} is missing"
        elif (made := as_made.entered(filed, name)) and as_made.digest(filed, path) != made:
            yield f"{shown} was altered"


def _originals(home: Home, customer: str, *, read: bool) -> dict[str, list[Original]]:
    """Give what is put away, by id."""
    found = defaultdict(list)
    with storing("looking through originals"):
        for root in (home.archive / customer, home.quarantine / customer):
            for path in root.rglob("*"):
                if path.is_file() and path.suffix != ".json":
                    one = Original(sealing.size(path), *(_digests(home, path) if read else ()))
                    found[path.name[:ID_LENGTH]].append(one)
    return found


def _digests(home: Home, path: Path) -> tuple[str, str]:
    """Give the sha256 of an original, and that of the file as it lies where it is encrypted."""
    return unsealing.digest(home, path), sealing.sealed_digest(path)


def _strangers(home: Home, customer: str, known: set[str]) -> Iterator[str]:
    """Count what lies in our folders and the ledger does not know; a stranger's name may be PHI."""
    for folder in (home.cleaned, home.encoded, home.archive, home.quarantine):
        with storing("looking through outputs"):
            names = [path.name for path in (folder / customer).rglob("*") if path.is_file()]
        strangers = [name for name in names if not {name, name[:ID_LENGTH]} & known]
        if strangers:
            what = "a file" if len(strangers) == 1 else f"{len(strangers)} files"
            yield f"{folder.name}/{customer}: {what} that the ledger does not know"


def _with_folders(home: Home) -> Iterator[str]:
    """Name the customers that have a folder of ours."""
    for folder in (home.cleaned, home.encoded, home.archive, home.quarantine):
        if folder.is_dir():
            yield from (path.name for path in folder.iterdir() if path.is_dir())
