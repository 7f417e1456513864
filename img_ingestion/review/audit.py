"""
The audit trail: what was decided of each file, and what each person did.

`state/audit.jsonl`, an object a line, only ever added to. Each record carries the digest of the one
before it, so that a record that was changed, taken out or put in breaks the chain. What was cut
off at the end shows by `state/audit-last.json`, which knows the last durable record. Against who
can write both: note the last digest elsewhere (`verify` says it).
A record has ids, codes and pseudonyms; no value and no name of a customer's file.
"""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import time
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from img_ingestion import durable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FILE_NAME, LAST = "audit.jsonl", "audit-last.json"
USUAL, LONGEST = 1 << 12, 1 << 20
"""Bytes of a record: more than most have, more than any has."""


class Checked(NamedTuple):
    """What the chain says of itself."""

    records: int
    last: str
    """Digest of the last record, hexadecimal; empty when there is none."""
    broken: tuple[int, ...]
    """Lines, from 1, that do not follow from the one before."""
    cut: bool
    """Whether records are gone that were there."""


@dataclass(frozen=True, slots=True)
class Trail:
    """The trail of one home; several may add to it at a time."""

    state: Path

    def add(self, what: str, *several: Mapping[str, object], synced: bool = True) -> None:
        """
        Add a record, or several of a kind together.

        Parameters
        ----------
        what : str
            What happened, in a word: file, parcel, pass, release, reject, identify ...
        *several : mapping
            The facts of each: what JSON can say, without value or file name.
        synced : bool
            Durable on return; else with the next that is.

        Raises
        ------
        StorageError
            It cannot be written.

        """
        with durable.storing("writing the audit trail"):
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            file = os.open(self.state / FILE_NAME, flags, 0o600)
            try:
                # Let go of when the file is closed.
                fcntl.flock(file, fcntl.LOCK_EX)
                number, before, torn = _end(file)
                oddities = ["torn"] * torn + ["cut"] * self._is_cut(number, before)
                lines = [b""] if torn else []
                who = {
                    "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                    "by": _account(),
                    "what": what,
                }
                for facts in several:
                    number += 1
                    said = {"number": number, **who, **facts, **dict.fromkeys(oddities, True)}
                    line = json.dumps({**said, "before": before}).encode()
                    lines.append(line)
                    before, oddities = _digest(line), []
                durable.put(file, b"\n".join([*lines, b""]))
                if synced:
                    os.fsync(file)
                    last = {"number": number, "digest": before}
                    durable.write(self.state / LAST, json.dumps(last).encode())
            finally:
                os.close(file)

    def records(self, customer: str | None = None) -> Iterator[str]:
        """Give the records, as they are written; those of one customer when asked."""
        for line in self._lines():
            record = _read(line)
            if record is not None and customer in {None, record.get("customer")}:
                yield line.decode("utf-8")

    def checked(self) -> Checked:
        """Follow the chain from its first record."""
        number, before, broken, torn = 0, "", [], 0
        known, cut = self._known(), False
        for count, line in enumerate(self._lines(), 1):
            record = _read(line)
            if record is None:
                torn = count
                continue
            follows = (record.get("number"), record.get("before")) == (number + 1, before)
            if not follows or (torn and not record.get("torn")):
                broken.append(count)
            number, before, torn = int(str(record.get("number", 0))), _digest(line), 0
            cut = cut or bool(record.get("cut")) or (number == known[0] and before != known[1])
        cut = cut or number < known[0]
        return Checked(number, before, (*broken, torn) if torn else tuple(broken), cut=cut)

    def _is_cut(self, number: int, digest: str) -> bool:
        """Tell whether a trail that ends with this record has lost one that was durable."""
        known = self._known()
        return number < known[0] or (number == known[0] and digest != known[1])

    def _known(self) -> tuple[int, str]:
        """Give number and digest of the last record that was durable."""
        path = self.state / LAST
        if not path.exists():
            return 0, ""
        with durable.storing("reading the audit trail's end"):
            last = _read(path.read_bytes()) or {}
        return int(str(last.get("number", 0))), str(last.get("digest", ""))

    def _lines(self) -> Iterator[bytes]:
        path = self.state / FILE_NAME
        if not path.exists():
            return
        with durable.storing("reading the audit trail"), path.open("rb") as stream:
            for line in stream:
                yield line.rstrip(b"\n")


def _end(file: int) -> tuple[int, str, bool]:
    """Give number and digest of the last whole record, and whether a cut one follows it."""
    size, torn = os.fstat(file).st_size, False
    for most in (USUAL, LONGEST):
        tail = os.pread(file, most, max(0, size - most))
        torn = not tail.endswith(b"\n") and bool(tail)
        for line in reversed(tail.split(b"\n")):
            record = _read(line)
            if record is not None:
                return int(str(record["number"])), _digest(line), torn
    return 0, "", torn


def _read(line: bytes) -> dict[str, object] | None:
    """Read a record; None for what a power cut left of one."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and "number" in record else None


def _digest(line: bytes) -> str:
    return sha256(line).hexdigest()


def _account() -> str:
    """Name the account that the program runs under."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
