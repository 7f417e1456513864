"""
Where things are put, in an order that a kill or a power cut cannot upset.

While a pass runs, `state/in-hand.json` is there and names the outputs that are about to get
their final names. If the next pass finds it, the last one was cut short: temporaries are swept,
and outputs that the ledger never heard of are removed, to be made again.
"""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from img_ingestion import durable, sealing, takeover
from img_ingestion.claims import holding
from img_ingestion.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence
    from pathlib import Path

    from img_ingestion.home import Home
    from img_ingestion.ledger import Entry, Ledger
    from img_ingestion.unsynced import Unsynced

NAME_BYTES = 255
"""Of a file name, on every file system that matters here."""


@dataclass(frozen=True, slots=True)
class Shelves:
    """The folders of a home, as a pass fills them; on a rehearsal nothing is touched."""

    home: Home
    rehearsal: bool = False

    def begin(self, ledger: Ledger) -> set[str]:
        """
        Put right what a pass that was cut short left, and note that a pass runs.

        Returns
        -------
        set of str
            Customers whose places refuse, so that it cannot be put right yet.

        """
        if self.rehearsal:
            return set()
        self.home.prepare()
        if ledger.claims.shared:
            return takeover.begin(self, ledger)
        # Keys are made before the note is written, so here its absence says nothing.
        durable.sweep(self.home.state)
        if self._note.exists():
            stuck = self.unswept()
            left = self._undo(ledger)
            self.catch_up(ledger)
            self._write_note(left)
            return stuck | {customer for customer, _ in left}
        self._write_note([])
        return set()

    def grown(self, ledger: Ledger) -> None:
        """
        Put half files back that were written to after they were held; they are taken anew.

        A copy that stalled goes on in quarantine: who writes keeps the file open when it moves.
        Cut short, the same goes on at the next pass: the ledger forgets a file last.
        """
        with holding(ledger.claims, "halves") as ours:
            for entry in ledger.halves() if ours and not self.rehearsal else ():
                self._put_back(ledger, entry)

    def _put_back(self, ledger: Ledger, entry: Entry) -> None:
        path = self.original(entry, "")
        back = self.home.local_dcm / entry.customer / path.name
        with suppress(StorageError), durable.storing("looking at half a file"):
            if path.exists() and path.stat().st_size != entry.size:
                durable.folder(back.parent)
                durable.move(path, back)
            elif path.exists() or not back.exists():
                return
            durable.remove([path.with_suffix(".json")])
            ledger.forgotten(entry)

    def end(self, ledger: Ledger) -> None:
        """Note that the pass came to its end."""
        if not (self.rehearsal or ledger.claims.shared):
            durable.remove([self._note])

    def room(self, min_free_bytes: int) -> None:
        """
        Check, before a file is taken, that there is room for what it becomes.

        Raises
        ------
        StorageError
            A file system that the gateway writes to has less than `min_free_bytes` left.

        """
        for folder in self.home.folders:
            if folder.exists() and durable.free_bytes(folder) < min_free_bytes:
                raise StorageError(f"{folder.name}: less free space than limits.min_free_bytes")

    def sweep(self, entry: Entry) -> None:
        """Remove the temporaries of an instance whose making came to a sudden end."""
        if not self.rehearsal:
            for folder in (self.home.cleaned, self.home.encoded):
                durable.sweep(folder / entry.customer, entry.id)

    def recover(self, ledger: Ledger, entries: Iterable[Entry]) -> None:
        """
        Put right what a place that refuses left half done, so that other customers can go on.

        Parameters
        ----------
        ledger, entries : Ledger, iterable of Entry
            What it happened to; where others share the ledger, only that is ours to put right.

        Raises
        ------
        StorageError
            State cannot be written either.

        """
        if self.rehearsal:
            return
        if ledger.claims.shared:
            for entry in entries:
                takeover.recover(self, ledger, entry)
        else:
            self._write_note(self._undo(ledger))

    def stage(
        self,
        content: durable.Content,
        folder: Path,
        temporaries: list[str],
        one: str,
        *,
        read_soon: bool = False,
    ) -> str:
        """Write content of an instance, by its id, to a temporary where it will stay."""
        if self.rehearsal:
            return str(folder)
        durable.folder(folder)
        return durable.stage(content, folder, temporaries, one, read_soon=read_soon)

    def free_name(
        self, ledger: Ledger, entry: Entry, name: str, promised: Container[str] = ()
    ) -> str:
        """
        Give the name of the outputs, told apart by the id where another instance has it.

        Those that are promised, case-folded, are as good as there.
        """
        for free in (name, f"{name}-{entry.id[:8]}", f"{name}-{entry.id}"):
            # Ours first, and then a look: nobody else can enter it in between.
            if not ledger.claims.named(entry.place, entry.customer, free):
                continue
            there = ledger.named(entry.customer, free) or self._taken(entry.customer, free)
            if not there and free.casefold() not in promised:
                return free
        raise StorageError("an output folder holds files that the ledger does not know")

    def place(self, ledger: Ledger, entries: Sequence[Entry], finals: Mapping[str, str]) -> None:
        """Give the temporaries of instances their final names; a cut pass can undo it."""
        if self.rehearsal:
            return
        if not ledger.claims.shared:
            left = [one for one in self._in_hand() if not ledger.named(*one)]
            self._write_note([*left, *((entry.customer, entry.name) for entry in entries)])
        durable.place(finals)

    def explain(self, entry: Entry, unsynced: Unsynced | None = None) -> None:
        """Write the reason file of a held entry, and of no other: no value, no original name."""
        if self.rehearsal or entry.state != "held":
            return
        reason = {
            "id": entry.id,
            "code": entry.code,
            "step": entry.step,
            "reason": entry.reason,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(entry.seen_at)),
            "sha256": entry.sha256,
            "size": entry.size,
        }
        path = self.original(entry, "").with_suffix(".json")
        durable.folder(path.parent)
        durable.write(path, json.dumps(reason, indent=2).encode() + b"\n", entry.id, unsynced)

    def original(self, entry: Entry, name: str) -> Path:
        """Give the place of an original: quarantine if it is held, else the archive."""
        if entry.state == "held":
            return self.home.quarantine / f"{entry.customer}/{entry.id}.dcm"
        day = time.strftime("%Y/%m/%d", time.gmtime(entry.seen_at))
        kept = os.fsencode(f"{entry.id}.{name}")[:NAME_BYTES]
        return self.home.archive / f"{entry.customer}/{day}/{os.fsdecode(kept)}"

    @property
    def cut(self) -> bool:
        """Tell whether the last pass was cut short, or could not put everything right."""
        return self._note.exists()

    @property
    def _note(self) -> Path:
        return self.home.state / "in-hand.json"

    def _write_note(self, in_hand: Sequence[tuple[str, str]]) -> None:
        durable.write(self._note, json.dumps({"in_hand": in_hand}).encode())

    def _in_hand(self) -> list[tuple[str, str]]:
        """Give (customer, name) of outputs that may have to be removed."""
        with durable.storing("reading what was in hand"):
            content = self._note.read_bytes()
        try:
            note = json.loads(content)
        except ValueError as error:
            raise StorageError("state/in-hand.json is damaged; see docs/architecture.md") from error
        # It was one, and no list, before outputs could be left in places that refuse.
        old = [[note["customer"], note["name"]]] if "name" in note else []
        return [(customer, name) for customer, name in note.get("in_hand", old)]

    def _undo(self, ledger: Ledger) -> list[tuple[str, str]]:
        """Remove outputs that the ledger does not name; give those in places that refuse."""
        left = []
        for customer, name in self._in_hand():
            if not ledger.named(customer, name):
                try:
                    durable.remove(self.outputs(customer, name))
                except StorageError:
                    left.append((customer, name))
        return left

    def unswept(self) -> set[str]:
        """Remove temporaries; give the customers in whose places that is refused."""
        stuck = set()
        # What customers send may be called anything; it is not ours to sweep.
        for root in (self.home.cleaned, self.home.encoded, self.home.archive, self.home.quarantine):
            with durable.storing("looking for temporaries"):
                folders = [path for path in root.iterdir() if path.is_dir()]
            for folder in folders:
                try:
                    durable.sweep(folder)
                except StorageError:
                    stuck.add(folder.name)
        return stuck

    def catch_up(self, ledger: Ledger, one: str = "") -> None:
        """Tell the ledger of originals, or one, that were put away in the last moment."""
        for entry in (each for each in ledger.unfinished() if one in {"", each.id}):
            place = self.original(entry, "")
            for found in islice(place.parent.glob(f"{place.name}*"), 1):
                ledger.archived([(entry, sealing.sealed_digest(found))])

    def _taken(self, customer: str, name: str) -> bool:
        """Tell whether a file on the disk has the name of an output."""
        cleaned, encoded = f"{self.home.cleaned}/{customer}", f"{self.home.encoded}/{customer}"
        stems = (stem(name), stem(name, 1))
        finals = [f"{cleaned}/{stems[0]}.dcm", *(f"{cleaned}/{one}.png" for one in stems)]
        finals += [f"{encoded}/{one}.png.txt" for one in stems]
        return any(os.path.lexists(final) for final in finals)

    def outputs(self, customer: str, name: str) -> list[Path]:
        """Find the outputs of a name that are on the disk."""
        ours = re.compile(rf"{re.escape(stem(name))}(\.f[0-9]+)?\.(dcm|png|png\.txt)")
        folders = (self.home.cleaned / customer, self.home.encoded / customer)
        with durable.storing("looking for outputs"):
            return [
                path
                for folder in folders
                if folder.is_dir()
                for path in folder.iterdir()
                if ours.fullmatch(path.name)
            ]


def stem(name: str, frame: int | None = None) -> str:
    """Give the stem of an output: with the frame's number where there are several."""
    return f"cleaned-{name}" if frame is None else f"cleaned-{name}.f{frame:04}"
