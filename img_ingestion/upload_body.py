"""The body of one upload: held against the contract, then streamed from the files as they are."""

from __future__ import annotations

import json
from base64 import b64decode
from contextlib import contextmanager
from dataclasses import dataclass
from string import ascii_letters, digits
from typing import TYPE_CHECKING, BinaryIO

from img_ingestion import png_header
from img_ingestion.contract import request_fault
from img_ingestion.durable import storing
from img_ingestion.errors import NotDescribed, turned_into

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from img_ingestion.instance import Parcel, ParcelImage

CHUNK = 256 * 1024
"""Bytes in hand at a time."""

_ALPHABET = f"{ascii_letters}{digits}+/".encode()
_HEADER = png_header.LENGTH // 3 * 4
"""Characters of base64 that hold a PNG's header."""
_PADDING = 2
"""Characters of `=` at the end of base64, at the most."""


@dataclass(frozen=True, slots=True)
class _Data:
    """One image's `data`: a file and how long it was when the body was made."""

    path: Path
    size: int

    def __iter__(self) -> Iterator[bytes]:
        left = self.size
        with _opened(self.path) as stream:
            while left and (chunk := stream.read(min(CHUNK, left))):
                left -= len(chunk)
                yield chunk
            if left or stream.read(1):
                raise NotDescribed("an image's data changed while it was sent")


class UploadBody:
    """
    A JSON body that knows its length and gives itself in chunks.

    The `data` strings are spliced from their files, neither decoded nor encoded again, so
    that memory does not grow with the images. It can be iterated again.
    """

    __slots__ = ("_length", "_pieces")

    def __init__(self, parcel: Parcel) -> None:
        self._pieces = tuple(_pieces(parcel))
        self._length = sum(
            piece.size if isinstance(piece, _Data) else len(piece) for piece in self._pieces
        )

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, _Data):
                yield from piece
            else:
                yield piece


def checked(parcel: Parcel) -> UploadBody:
    """
    Give a parcel's body, once all of it has been held against the contract.

    The schema sees a short stand-in for each `data`; the files are looked at one by one.

    Raises
    ------
    NotDescribed
        The body would break the contract, or a file is gone, cut or not the PNG that its
        fields describe. Nothing was sent.
    StorageError
        A file cannot be read.

    """
    images = [{**image.fields, "data": "AAAA"} for image in parcel.images]
    body = {"study": parcel.study, "series": parcel.series, "images": images}
    if fault := request_fault(_json(body)):
        raise NotDescribed(f"the body breaks the contract: {fault}")
    for image in parcel.images:
        _check_data(image)
    return UploadBody(parcel)


def _pieces(parcel: Parcel) -> Iterator[bytes | _Data]:
    """Give the body in order: our own JSON, and files where the `data` strings stand."""
    yield b'{"study":%b,"series":%b,"images":[' % (_json(parcel.study), _json(parcel.series))
    for place, image in enumerate(parcel.images):
        fields = _json(image.fields).removesuffix(b"}")
        yield b'%b%b,"data":"' % (b"," if place else b"", fields)
        with _opened(image.data) as stream:
            yield _Data(image.data, stream.seek(0, 2))
        yield b'"}'
    yield b"]}"


def _check_data(image: ParcelImage) -> None:
    """Hold an image whose data are not base64 of the whole PNG that its fields describe."""
    with _opened(image.data) as stream:
        rest, start, end = b"", b"", b""
        while chunk := stream.read(CHUNK):
            start, end = start or chunk[:_HEADER], (end + chunk)[-_HEADER:]
            rest += chunk.translate(None, _ALPHABET)
            if len(rest) > _PADDING:
                break
    if not end.endswith(rest) or rest.strip(b"="):
        raise NotDescribed("an image's data are not base64")
    with turned_into(NotDescribed, "decoding an image's data"):
        header = png_header.png_header(b64decode(start, validate=True))
        whole = b64decode(end, validate=True).endswith(png_header.END)
        described = _described(image.fields)
    if not whole or header != described:
        raise NotDescribed("an image's data are not the PNG that was described")


def _described(fields: Mapping[str, object]) -> png_header.PngHeader:
    words = ("height", "width", "samplesPerPixel", "bitsAllocated")
    rows, columns, samples, bits = (int(str(fields[word])) for word in words)
    return png_header.PngHeader(rows, columns, samples, bits)


def _json(words: Mapping[str, object]) -> bytes:
    with turned_into(NotDescribed, "writing JSON"):
        return json.dumps(words, allow_nan=False, separators=(",", ":")).encode()


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open an image's data; a file that is gone concerns this image, a broken disk them all."""
    with storing("reading an image's data"):
        try:
            stream = path.open("rb")
        except FileNotFoundError as error:
            raise NotDescribed("an image's data are gone") from error
        with stream:
            yield stream
