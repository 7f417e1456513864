"""The working home: which folder holds what, and whose a folder is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from img_ingestion import durable

if TYPE_CHECKING:
    from pathlib import Path

UNASSIGNED = "_unassigned"
"""Whose the files are that lie in no customer's folder; no customer can have this name."""

_CUSTOMER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def customer_of(folder: str) -> str:
    """Give the customer that a folder directly under `local_dcm/` belongs to."""
    return folder if _CUSTOMER.fullmatch(folder) else UNASSIGNED


@dataclass(frozen=True)
class Home:
    """The folders of one gateway, all below `root`."""

    root: Path

    @cached_property
    def local_dcm(self) -> Path:
        """What the customers sent: `CUSTOMER/**`."""
        return self.root / "local_dcm"

    @cached_property
    def cleaned(self) -> Path:
        """Cleaned instances and their pictures: `CUSTOMER/cleaned-NAME.dcm`, `.png`."""
        return self.root / "local_dcm_dicomcleaner"

    @cached_property
    def encoded(self) -> Path:
        """Base64 of the pictures, the payload's `data`: `CUSTOMER/cleaned-NAME.png.txt`."""
        return self.root / "encoded_images"

    @cached_property
    def archive(self) -> Path:
        """Originals whose outputs are durable: `CUSTOMER/YYYY/MM/DD/`."""
        return self.root / "archive"

    @cached_property
    def quarantine(self) -> Path:
        """Held originals: `CUSTOMER/ID.dcm`, each with `ID.json`."""
        return self.root / "quarantine"

    @cached_property
    def unsealed(self) -> Path:
        """Originals on their way to where they are encrypted: below it, as below `root`."""
        return self.state / "unsealed"

    @cached_property
    def state(self) -> Path:
        """Ledger, vault, keys, lock."""
        return self.root / "state"

    @cached_property
    def folders(self) -> tuple[Path, ...]:
        """Every folder of the home."""
        return (
            self.local_dcm,
            self.cleaned,
            self.encoded,
            self.archive,
            self.quarantine,
            self.state,
        )

    def prepare(self) -> None:
        """
        Make the folders that are missing, for the gateway's own account alone.

        A folder that is there keeps its mode (an sftp account may have to write to
        `local_dcm`), except `state`, which nobody else has any business in.

        Raises
        ------
        StorageError
            A folder cannot be made.

        """
        for folder in self.folders:
            durable.folder(folder)
        with durable.storing("closing state/ to other accounts"):
            self.state.chmod(0o700)
