"""
Zip archives in a customer's folder, where the settings ask for it: each file in one is an arrival.

An archive is taken as a whole or held as a whole. It is removed when the last of its files has its
place in `archive/` or `quarantine/`; until then every pass begins with it anew, and the ledger
knows what was done. No name in it leads anywhere, and an archive in an archive is a file.
"""

from __future__ import annotations

import hashlib
import hmac
from contextlib import closing
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from img_ingestion import durable
from img_ingestion.arrival import Arrival
from img_ingestion.errors import Incomplete, InstanceError, NotAdmitted, TooLarge, turned_into
from img_ingestion.instance import ReceivedInstance
from img_ingestion.sources.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path
    from zipfile import ZipInfo

    from img_ingestion.arrival import Left
    from img_ingestion.sources.folder import Folder
    from img_ingestion.unsynced import Unsynced

ENCRYPTED = 0x1
CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Member:
    """Which file of which archive an arrival is."""

    number: int
    archive: Arrival
    waiting: set[int]
    """Numbers of the archive's files that have no place yet; shared by all of them."""


@dataclass(frozen=True, slots=True)
class Zips:
    """Find the files in the archives that a folder has."""

    folder: Folder
    """Finds nothing but archives."""

    def arrivals(self, stuck: Container[str] = ()) -> Iterator[Arrival | Left]:
        """Give each file of each archive that has arrived; an archive that is held as itself."""
        for found in self.folder.arrivals(stuck):
            if not isinstance(found, Arrival) or found.refused is not None:
                yield found
                continue
            try:
                with (
                    turned_into(NotAdmitted, "unpacking"),
                    closing(_opened(found.received.content)) as archive,
                ):
                    members = self._checked(archive, found)
            except InstanceError as error:
                yield replace(found, refused=error)
            else:
                yield from self._members(found, members, stuck)

    def check(self, arrival: Arrival) -> None:
        """Look whether the archive can be removed afterwards."""
        self.folder.check(arrival.pin.archive if isinstance(arrival.pin, Member) else arrival)

    def put_away(self, arrival: Arrival, target: Path, unsynced: Unsynced | None = None) -> bool:
        """Write a file to its place; with the last one of an archive, remove the archive."""
        # What is written is durable on return: the archive may go with it.
        member = arrival.pin
        if not isinstance(member, Member):
            return self.folder.put_away(arrival, target, unsynced)
        durable.folder(target.parent)
        content = _content(member.archive, member.number)
        durable.write(target, content, arrival.received.id)
        member.waiting.discard(member.number)
        if not member.waiting:
            self.folder.remove(member.archive)
            self.folder.claims.ended(member.archive.place)
        return True

    def _checked(self, archive: ZipFile, found: Arrival) -> list[int]:
        """
        Give the numbers of an archive's files, once all of them are known to be whole.

        Raises
        ------
        InstanceError
            It is no archive that can be unpacked in full, or more than the limits allow.

        """
        incoming = self.folder.settings.incoming
        entries = archive.infolist()
        files = [number for number, entry in enumerate(entries) if not entry.is_dir()]
        unpacked = sum(entries[number].file_size for number in files)
        packed = sum(entries[number].compress_size for number in files)
        limits = self.folder.settings.of(found.received.customer).limits
        if not files:
            raise NotAdmitted("an archive without files")
        if len(files) > incoming.max_zip_files:
            raise TooLarge("an archive of more files than incoming.max_zip_files")
        if unpacked > limits.max_unpacked_bytes:
            raise TooLarge("an archive that unpacks to more than limits.max_unpacked_bytes")
        if unpacked > incoming.max_zip_ratio * found.stamp.size or packed > found.stamp.size:
            raise TooLarge("an archive that unpacks to more than incoming.max_zip_ratio allows")
        for number in files:
            _read_through(archive, entries[number])
        return files

    def _members(
        self, found: Arrival, members: list[int], stuck: Container[str]
    ) -> Iterator[Arrival]:
        waiting = set(members)
        for number in members:
            arrival = self._arrival(Member(number, found, waiting))
            if found.received.customer not in stuck and self.folder.claims.taken(arrival.place):
                yield arrival

    def _arrival(self, member: Member) -> Arrival:
        found, number = member.archive, member.number
        content, customer = _content(found, number), found.received.customer
        sha256 = hashlib.sha256(content).hexdigest()
        where = f"{found.place}\0{number}".encode()
        place = hmac.digest(self.folder.key, where, "sha256").hex()
        words = (customer, place, sha256, str(found.stamp.mtime_ns), str(found.stamp.ctime_ns))
        one = hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]
        path = found.received.path.with_name(_last_part(_name(found, number)))
        received = ReceivedInstance(one, customer, path, content, sha256)
        refused = refusal(self.folder.settings, customer, len(content))
        stamp = found.stamp._replace(size=len(content))
        return Arrival(received, place, stamp, refused, member)


def _opened(content: bytes) -> ZipFile:
    try:
        return ZipFile(BytesIO(content))
    except BadZipFile as error:
        raise Incomplete("no zip archive, or not all of one") from error


def _read_through(archive: ZipFile, entry: ZipInfo) -> None:
    """Read a file of an archive and keep nothing: it cannot be longer than it says."""
    if entry.flag_bits & ENCRYPTED:
        raise NotAdmitted("an archive with encrypted files")
    if entry.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        raise NotAdmitted("an archive with a compression other than deflate")
    with archive.open(entry) as stream:
        while stream.read(CHUNK):
            pass


def _content(found: Arrival, number: int) -> bytes:
    """Give the bytes of a file in an archive that was read through before."""
    with closing(_opened(found.received.content)) as archive:
        return archive.read(archive.infolist()[number])


def _name(found: Arrival, number: int) -> str:
    with closing(_opened(found.received.content)) as archive:
        return archive.infolist()[number].filename


def _last_part(name: str) -> str:
    """Give the last part of a name, whichever system wrote it; never a way to anywhere."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return last if last.strip(".") else "file"
