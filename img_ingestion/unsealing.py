"""
Encrypted originals read again, by who has `state/keys/archive.identity`, or with `age -d` anywhere.

Without a key, what is encrypted is looked at as it lies. A key that is none, or that others can
read, is an error: nobody shall take such a look for a look at contents.
"""

from __future__ import annotations

import hashlib
from io import BytesIO
from typing import TYPE_CHECKING

from img_ingestion import durable
from img_ingestion.errors import SettingsError, StorageError
from img_ingestion.sealing import Digest, is_sealed, library

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any, BinaryIO

    from img_ingestion.home import Home

IDENTITY = "archive.identity"
NO_KEY = "No matching keys found"
ALTERED = "altered"


class NotOurs(SettingsError):
    """An original is encrypted to keys of which none is here."""


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
    """
    Give the sha256 of an original; empty where its key is not here, `ALTERED` if it was.

    Raises
    ------
    SettingsError
        There is a key, and it is none.

    """
    if not is_sealed(path):
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    found = Digest()
    try:
        _opened(home, path, found)
    except NotOurs:
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
        identities(home)


def unseal(home: Home, path: Path, target: Path) -> None:
    """Write an encrypted original in plain, durably, then remove the encrypted file."""
    with durable.writer(target) as plain:
        _opened(home, path, plain)
    durable.remove([path])


def _opened(home: Home, path: Path, plain: BinaryIO | BytesIO | Digest) -> None:
    """Decrypt a file into a stream; what was altered or cut ends in an error."""
    pyrage, keys = library(), identities(home)
    with durable.storing("reading an encrypted original"), path.open("rb") as stream:
        try:
            pyrage.decrypt_io(stream, plain, keys)
        except pyrage.DecryptError as error:
            if NO_KEY in error.args:
                raise NotOurs(
                    f"an original is encrypted to a key that is not in state/keys/{IDENTITY}"
                ) from error
            raise StorageError("an encrypted original was altered") from error


def identities(home: Home) -> list[Any]:
    """
    Read the keys that are here.

    Raises
    ------
    NotOurs
        There is no file of keys.
    SettingsError
        It holds no key, or a damaged one, or others can read it.

    """
    path = home.state / "keys" / IDENTITY
    if not path.is_file():
        raise NotOurs(f"originals are encrypted: put the key to state/keys/{IDENTITY}")
    with durable.storing("reading the key of the archive"):
        if path.stat().st_mode & 0o077:
            raise SettingsError(f"state/keys/{IDENTITY}: other accounts can read it; chmod 600")
        lines = path.read_text("ascii", "replace").splitlines()
    keys = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not keys:
        raise SettingsError(f"state/keys/{IDENTITY}: there is no key in it")
    pyrage = library()
    try:
        return [pyrage.x25519.Identity.from_str(key) for key in keys]
    except pyrage.IdentityError as error:
        raise SettingsError(f"state/keys/{IDENTITY}: a damaged key") from error
