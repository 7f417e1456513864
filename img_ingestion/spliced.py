"""A body of our own words and whole files: it knows its length and gives itself in chunks."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from img_ingestion.durable import storing
from img_ingestion.errors import NotDescribed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

CHUNK = 256 * 1024
"""Bytes in hand at a time."""


@dataclass(frozen=True, slots=True)
class FileBytes:
    """A file, and how long it was when the body was made."""

    path: Path
    size: int

    @classmethod
    def of(cls, path: Path) -> FileBytes:
        """Measure a file; raise NotDescribed where it is gone."""
        with opened(path) as stream:
            return cls(path, stream.seek(0, 2))

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[bytes]:
        left = self.size
        with opened(self.path) as stream:
            while left and (chunk := stream.read(min(CHUNK, left))):
                left -= len(chunk)
                yield chunk
            if left or stream.read(1):
                raise NotDescribed("an image's data changed while it was sent")


class Spliced:
    """
    A body in pieces: bytes, and files that are read when their turn comes.

    Memory does not grow with the files. It can be iterated again.
    """

    __slots__ = ("_length", "_pieces")

    def __init__(self, pieces: Iterable[bytes | FileBytes]) -> None:
        self._pieces = tuple(pieces)
        self._length = sum(len(piece) for piece in self._pieces)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, FileBytes):
                yield from piece
            else:
                yield piece


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open an image's file; one that is gone concerns this image, a broken disk them all."""
    with storing("reading an image's data"):
        try:
            stream = path.open("rb")
        except FileNotFoundError as error:
            raise NotDescribed("an image's data are gone") from error
        with stream:
            yield stream
