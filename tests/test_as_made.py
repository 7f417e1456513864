"""Base64 is held against the digest of its picture, and there is one way only to write it."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from img_ingestion import as_made
from img_ingestion.ledger import Filed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PICTURE = bytes(range(256)) * (as_made.CHUNK // 256) + b"the end"
TEXT = b64encode(PICTURE)
FIRST = as_made.CHUNK // 4 * 3 - 1
"""Bytes whose base64 fills what is read at a time, and ends in it."""


def filed(outputs: Mapping[str, str]) -> Filed:
    return Filed(
        id="", customer="", state="sent", size=0, archived=True, name="", outputs=outputs,
        data=(), receipts=0, twins=0, sha256="", settled_at=0, delivered=True, pruned=frozenset(),
    )  # fmt: skip


def is_as_made(path: Path, outputs: Mapping[str, str]) -> bool:
    one = filed(outputs)
    return as_made.digest(one, path) == as_made.entered(one, path.name)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        (TEXT, True),
        (TEXT + b"\n", False),
        (TEXT[:-1], False),
        (TEXT[:100] + b"\n" + TEXT[100:], False),
        (TEXT.replace(b"+", b"-"), False),
        (b64encode(PICTURE[:-1]), False),
        (b64encode(PICTURE[:FIRST]) + b64encode(PICTURE[FIRST:]), False),
        (b"", False),
    ],
)
def test_a_text_is_as_made_where_it_is_the_one_of_its_picture(
    tmp_path: Path, text: bytes, *, same: bool
) -> None:
    path = tmp_path / "a.png.txt"
    path.write_bytes(text)
    assert is_as_made(path, {"a.png": sha256(PICTURE).hexdigest()}) is same


def test_bits_that_no_byte_takes_are_looked_at_too(tmp_path: Path) -> None:
    path = tmp_path / "a.png.txt"
    path.write_bytes(b"QR==")
    assert not is_as_made(path, {"a.png": sha256(b"A").hexdigest()})


def test_what_an_older_program_entered_is_held_against_the_text(tmp_path: Path) -> None:
    path = tmp_path / "a.png.txt"
    path.write_bytes(TEXT)
    old = {"a.png": sha256(PICTURE).hexdigest(), "a.png.txt": sha256(TEXT).hexdigest()}
    assert is_as_made(path, old)
    path.write_bytes(TEXT + b"\n")
    assert not is_as_made(path, old)
