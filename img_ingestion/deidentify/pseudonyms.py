"""
Pseudonyms: keyed, so that the same input gives the same output on every machine with the key.

HMAC-SHA256 under the customer's key. Nothing is remembered; destroying the key severs the link
between pseudonyms and patients (PS3.15 E.1.1 and its note on consistent replacement).
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from pydicom._uid_dict import UID_dictionary
from pydicom.datadict import keyword_for_tag

from img_ingestion import durable
from img_ingestion.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path

KEY_BYTES = 32
LETTERS, DIGITS = "BCDFGHJKLMNPQRSTVWXZ", "0123456789"
"""In turn: no two letters together, which may be a name (Ng), and no two digits of a number."""
CODE_LENGTH = 15
CODE = rf"(?:[{LETTERS}]\d){{{CODE_LENGTH // 2}}}[{LETTERS}]"
CLASS_UID = re.compile(
    "SOPClass|CreatorVersion|CodingScheme|ContextUID|ContextGroup|MappingResource|TransferSyntax"
)


@lru_cache(maxsize=8192)
def names_a_class(tag: int) -> bool:
    """Tell an attribute whose UID names a kind of thing (SOP class, code scheme) from a thing."""
    return CLASS_UID.search(keyword_for_tag(tag)) is not None


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """The pseudonyms of one customer."""

    key: bytes = field(repr=False)

    def uid(self, original: str) -> str:
        """Give `2.25.` and 128 keyed bits (PS3.5 B.2); registered UIDs stay as they are."""
        if original in UID_dictionary:
            return original
        return f"2.25.{int.from_bytes(self._digest('uid', original)[:16], 'big')}"

    def code(self, kind: str, original: str) -> str:
        """Give fifteen letters and digits that fit SH (PS3.5 6.2) for a patient, accession ..."""
        number = int.from_bytes(self._digest(kind, original), "big")
        signs = []
        for at in range(CODE_LENGTH):
            alphabet = DIGITS if at % 2 else LETTERS
            number, rest = divmod(number, len(alphabet))
            signs.append(alphabet[rest])
        return "".join(signs)

    def days(self, patient: str, most: int) -> int:
        """Give the patient's date shift: 1 to `most` days, always into the past."""
        return -1 - int.from_bytes(self._digest("days", patient)[:8], "big") % most

    def _digest(self, kind: str, original: str) -> bytes:
        return hmac.digest(
            self.key, f"{kind}\0{original}".encode("utf-8", "surrogatepass"), "sha256"
        )


def load_key(state: Path, customer: str) -> bytes:
    """
    Give the customer's key; make it on first use.

    `state/keys/CUSTOMER.key`, mode 0600, durable before it is used: a pseudonym made with a key
    that a power cut lost could never be made again.

    Raises
    ------
    StorageError
        The key cannot be read or written, or is damaged.

    """
    path = state / "keys" / f"{customer}.key"
    try:
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make_key(path)
        key = path.read_bytes()
    except OSError as error:
        raise StorageError(f"state/keys: {type(error).__name__}") from error
    if len(key) != KEY_BYTES:
        raise StorageError("state/keys: a key is damaged; restore it from a backup")
    return key


def _make_key(path: Path) -> None:
    """Write a new key; of two that race, the first one linked wins."""
    temporary = path.with_name(f"{durable.TEMPORARY}{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(KEY_BYTES))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
