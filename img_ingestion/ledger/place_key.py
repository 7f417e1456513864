"""The key under which the ledger remembers places, `state/ledger.key`."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from img_ingestion import durable

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "ledger.key"
BYTES = 32


def made(state: Path) -> bytes:
    """Give the key of a home; make it on first use."""
    path = state / FILE_NAME
    with durable.storing("the ledger's key"):
        durable.create(path, secrets.token_bytes(BYTES))
        return path.read_bytes()


def lent(state: Path) -> bytes:
    """Give the key of a home, or one for the moment where there is none; write nothing."""
    path = state / FILE_NAME
    with durable.storing("the ledger's key"):
        return path.read_bytes() if path.exists() else secrets.token_bytes(BYTES)
