"""
Originals encrypted where they stay, to keys whose other half need not be here: the wall around age.

Until the encrypted file is durable, its original lies in `state/unsealed/`, so that neither
`archive/` nor `quarantine/` ever has it in plain. `unsealing.py` reads them again.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, NamedTuple

from img_ingestion import durable
from img_ingestion.errors import SettingsError, StorageError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any, BinaryIO

    from img_ingestion.home import Home
    from img_ingestion.settings import Settings

ID_LENGTH = 16
SUFFIX = ".age"
PART, TAG, NONCE = 64 * 1024, 16, 16
"""Bytes of the format: C2SP age-encryption.org/v1, Payload."""
LONGEST_LINE = 4096


class Sealing(NamedTuple):
    """Encrypts originals of those customers for whom the settings ask it."""

    home: Home
    settings: Settings

    def require(self) -> None:
        """
        See that it can be done for all who ask for it.

        Raises
        ------
        SettingsError
            pyrage is not installed, or a recipient is none.

        """
        for own in (self.settings, *self.settings.customers.values()):
            if own.archive.recipients:
                recipients(own.archive.recipients)

    def way(self, target: Path, customer: str) -> Path:
        """Give the place where a customer's original is put first that is to end at `target`."""
        asked = self.settings.of(customer).archive.recipients
        return self.home.unsealed / target.relative_to(self.home.root) if asked else target

    def seal(self, place: Path) -> str:
        """
        Encrypt what lies on the way, durably, and then remove it; elsewhere nothing is done.

        Returns
        -------
        str
            sha256 of the encrypted file as it was written, empty where nothing was encrypted.

        Raises
        ------
        StorageError
            It cannot be read, written or removed; the next pass does it.

        """
        if not place.is_relative_to(self.home.unsealed):
            return ""
        target = self.home.root / place.relative_to(self.home.unsealed)
        customer = place.relative_to(self.home.unsealed).parts[1]
        durable.folder(target.parent)
        asked = self.settings.of(customer).archive.recipients
        if not asked:
            durable.move(place, target)
            return ""
        pyrage, given = library(), recipients(asked)
        with durable.writer(sealed(target)) as copy, place.open("rb") as original:
            written = Digest(copy)
            try:
                pyrage.encrypt_io(original, written, given)
            except pyrage.EncryptError as error:
                raise StorageError("encrypting an original: it cannot be written") from error
        durable.remove([place])
        return written.sum.hexdigest()

    def catch_up(self, whose: str = "") -> set[str]:
        """Seal what a cut pass left, of all or one; give the customers in whose places it stays."""
        stuck = set()
        for place in unsealed(self.home):
            customer = place.relative_to(self.home.unsealed).parts[1]
            try:
                if whose in {"", customer}:
                    self.seal(place)
            except StorageError:
                stuck.add(customer)
        return stuck


def unsealed(home: Home) -> list[Path]:
    """Give the originals that are on the way."""
    with durable.storing("looking for originals on the way"):
        return sorted(
            path
            for path in home.unsealed.rglob("*")
            if path.is_file() and not path.name.startswith(durable.TEMPORARY)
        )


def sealed(original: Path) -> Path:
    """Name the encrypted file of an original by its id alone: a name can be the patient."""
    return original.with_name(f"{original.name[:ID_LENGTH]}.dcm{SUFFIX}")


def there(original: Path) -> Path:
    """Give the encrypted file of an original where that is what is there, else the original."""
    return one if (one := sealed(original)).exists() else original


def is_sealed(path: Path) -> bool:
    """Tell by its name whether a file is encrypted."""
    return path.name.endswith(SUFFIX) and len(path.name) == ID_LENGTH + len(".dcm" + SUFFIX)


def size(path: Path) -> int:
    """Give the size of an original in bytes; of an encrypted one without reading it."""
    with path.open("rb") as stream:
        whole = os.fstat(stream.fileno()).st_size
        if not is_sealed(path):
            return whole
        while not (line := stream.readline(LONGEST_LINE)).startswith(b"--- "):
            if not line:
                return -1
        payload = whole - stream.tell() - NONCE
    return payload - TAG * -(-payload // (PART + TAG))


def sealed_digest(path: Path) -> str:
    """Give the sha256 of an encrypted file as it lies; empty where it is none."""
    if not is_sealed(path):
        return ""
    with durable.storing("reading an original"), path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class Digest:
    """Takes bytes, keeps their digest, and hands them on where somebody wants them."""

    def __init__(self, to: BinaryIO | None = None) -> None:
        self.sum, self.to = hashlib.sha256(), to

    def write(self, part: bytes) -> int:
        """Take some."""
        if self.to is not None:
            self.to.write(part)
        self.sum.update(part)
        return len(part)

    def flush(self) -> None:
        """Nothing is kept back here; whoever opened the stream flushes it."""


def recipients(given: tuple[str, ...]) -> list[Any]:
    """Read the keys that originals are encrypted to."""
    pyrage = library()
    try:
        return [pyrage.x25519.Recipient.from_str(one) for one in given]
    except pyrage.RecipientError as error:
        raise SettingsError("archive.recipients: one of them is damaged") from error


def library() -> Any:  # noqa: ANN401 (a module without types)
    """Give the library, or say how it is installed."""
    try:
        import pyrage  # noqa: PLC0415 (optional: requirements-archive.txt)
    except ImportError as error:
        raise SettingsError("the archive is encrypted: install requirements-archive.txt") from error
    return pyrage
