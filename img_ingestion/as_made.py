"""
Whether an output is as it was made.

The ledger has a sha256 of each instance and each picture. The base64 of a picture can be written in
one way only, so what it holds says whether it is that: no second digest is made of the same bytes.
"""

from __future__ import annotations

import binascii
import hashlib
from typing import TYPE_CHECKING

import pybase64

if TYPE_CHECKING:
    from pathlib import Path

    from img_ingestion.ledger import Filed

CHUNK = 4 * 64 * 1024
"""Characters of base64 in hand at a time: whole groups of four."""
ALTERED = "altered"


def entered(filed: Filed, name: str) -> str:
    """Give the digest of an output, or of the picture in it; empty where the ledger has none."""
    return filed.outputs.get(name) or filed.outputs.get(name.removesuffix(".txt"), "")


def digest(filed: Filed, path: Path) -> str:
    """Give the same of a file as it lies."""
    # Older programs entered a digest of the text, too.
    if path.suffix == ".txt" and path.name not in filed.outputs:
        return _picture(path)
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _picture(path: Path) -> str:
    """Give the sha256 of what a text is the base64 of; `ALTERED` where it is not written so."""
    held, ended = hashlib.sha256(), False
    with path.open("rb") as stream:
        while text := stream.read(CHUNK):
            try:
                part = pybase64.b64decode(text, validate=True)
            except binascii.Error:
                return ALTERED
            if ended or pybase64.b64encode(part) != text:
                return ALTERED
            ended = text.endswith(b"=")
            held.update(part)
    return held.hexdigest()
