"""
Originals encrypted where they stay, to keys whose other half need not be here: the wall around age.

Who may read them again has `state/keys/archive.identity`, or `age -d` anywhere else. Until the
encrypted file is durable, its original lies in `state/unsealed/`, so that neither `archive/` nor
`quarantine/` ever has it in plain.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from img_ingestion import durable
from img_ingestion.errors import SettingsError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any, BinaryIO

    from img_ingestion.home import Home
    from img_ingestion.settings import Settings

ID_LENGTH = 16
SUFFIX = ".age"
IDENTITY = "archive.identity"
PART, TAG, NONCE = 64 * 1024, 16, 16
"""Bytes of the format: C2SP age-encryption.org/v1, Payload."""
LONGEST_LINE = 4096
NO_KEY = "No matching keys found"
ALTERED = "altered"


@dataclass(frozen=True, slots=True)
class Sealing:
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
                _recipients(own.archive.recipients)

    def way(self, target: Path) -> Path:
        """Give the place where an original is put first that is to end at `target`."""
        place = target.relative_to(self.home.root)
        _, customer, *_ = place.parts
        asked = self.settings.of(customer).archive.recipients
        return self.home.unsealed / place if asked else target

    def seal(self, place: Path) -> None:
        """
        Encrypt what lies on the way, durably, and then remove it; elsewhere nothing is done.

        Raises
        ------
        StorageError
            It cannot be read, written or removed; the next pass does it.

        """
        if not place.is_relative_to(self.home.unsealed):
            return
        target = self.home.root / place.relative_to(self.home.unsealed)
        customer = place.relative_to(self.home.unsealed).parts[1]
        durable.folder(target.parent)
        if asked := self.settings.of(customer).archive.recipients:
            pyrage, given = _pyrage(), _recipients(asked)
            with durable.writer(sealed(target)) as copy, place.open("rb") as original:
                try:
                    pyrage.encrypt_io(original, copy, given)
                except pyrage.EncryptError as error:
                    raise StorageError("encrypting an original: it cannot be written") from error
            durable.remove([place])
        else:
            durable.move(place, target)

    def catch_up(self) -> set[str]:
        """Seal what a pass that was cut short left; give the customers in whose places it stays."""
        stuck = set()
        for place in unsealed(self.home):
            try:
                self.seal(place)
            except StorageError:
                stuck.add(place.relative_to(self.home.unsealed).parts[1])
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


def content(home: Home, path: Path) -> bytes:
    """
    Read an original, encrypted or not.

    Raises
    ------
    SettingsError
        It is encrypted, and what it takes to read it is not here.
    StorageError
        It cannot be read, or was altered.

    """
    with durable.storing("reading an original"):
        if not is_sealed(path):
            return path.read_bytes()
        plain = BytesIO()
        _opened(home, path, plain)
        return plain.getvalue()


def digest(home: Home, path: Path) -> str:
    """Give the sha256 of an original; empty where its key is not here, `ALTERED` if it was."""
    if not is_sealed(path):
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    found = _Digest()
    try:
        _opened(home, path, found)
    except SettingsError:
        return ""
    except StorageError:
        return ALTERED
    return found.sum.hexdigest()


def require_key(home: Home, path: Path) -> None:
    """
    See that a file can be read here.

    Raises
    ------
    SettingsError
        It is encrypted, and there is no key.

    """
    if is_sealed(path):
        list(_identities(home))


def unseal(home: Home, path: Path, target: Path) -> None:
    """Write an encrypted original in plain, durably, then remove the encrypted file."""
    with durable.writer(target) as plain:
        _opened(home, path, plain)
    durable.remove([path])


class _Digest:
    """Takes bytes, keeps their digest."""

    def __init__(self) -> None:
        self.sum = hashlib.sha256()

    def write(self, part: bytes) -> int:
        self.sum.update(part)
        return len(part)

    def flush(self) -> None:
        """Nothing is kept back."""


def _opened(home: Home, path: Path, plain: BinaryIO | BytesIO | _Digest) -> None:
    """Decrypt a file into a stream; what was altered or cut ends in an error."""
    pyrage, identities = _pyrage(), list(_identities(home))
    with durable.storing("reading an encrypted original"), path.open("rb") as stream:
        try:
            pyrage.decrypt_io(stream, plain, identities)
        except pyrage.DecryptError as error:
            if NO_KEY in error.args:
                raise SettingsError(
                    f"an original is encrypted to a key that is not in state/keys/{IDENTITY}"
                ) from error
            raise StorageError("an encrypted original was altered") from error


def _identities(home: Home) -> Iterator[Any]:
    path = home.state / "keys" / IDENTITY
    if not path.is_file():
        raise SettingsError(f"originals are encrypted: put the key to state/keys/{IDENTITY}")
    pyrage = _pyrage()
    with durable.storing("reading the key of the archive"):
        if path.stat().st_mode & 0o077:
            raise SettingsError(f"state/keys/{IDENTITY}: other accounts can read it; chmod 600")
        lines = path.read_text("ascii", "replace").split()
    for line in lines:
        if line.startswith("AGE-SECRET-KEY-1"):
            try:
                yield pyrage.x25519.Identity.from_str(line)
            except pyrage.IdentityError as error:
                raise SettingsError(f"state/keys/{IDENTITY}: a damaged key") from error


def _recipients(given: tuple[str, ...]) -> list[Any]:
    pyrage = _pyrage()
    try:
        return [pyrage.x25519.Recipient.from_str(one) for one in given]
    except pyrage.RecipientError as error:
        raise SettingsError("archive.recipients: one of them is damaged") from error


def _pyrage() -> Any:  # noqa: ANN401 (a module without types)
    try:
        import pyrage  # noqa: PLC0415 (optional: requirements-archive.txt)
    except ImportError as error:
        raise SettingsError("the archive is encrypted: install requirements-archive.txt") from error
    return pyrage
