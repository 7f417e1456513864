"""The body of one upload: held against the contract, then streamed from the files as they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pybase64

from img_ingestion import png_header
from img_ingestion.contract import request_fault
from img_ingestion.errors import NotDescribed, turned_into
from img_ingestion.spliced import CHUNK, FileBytes, Spliced, opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from img_ingestion.instance import Parcel, ParcelImage


def upload_body(parcel: Parcel) -> Spliced:
    """
    Give the JSON body of a parcel.

    The `data` strings are spliced from their files, neither decoded nor encoded again.
    """
    return Spliced(_pieces(parcel))


def checked(parcel: Parcel) -> Spliced:
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
    return upload_body(parcel)


def _pieces(parcel: Parcel) -> Iterator[bytes | FileBytes]:
    """Give the body in order: our own JSON, and files where the `data` strings stand."""
    yield b'{"study":%b,"series":%b,"images":[' % (_json(parcel.study), _json(parcel.series))
    for place, image in enumerate(parcel.images):
        fields = _json(image.fields).removesuffix(b"}")
        yield b'%b%b,"data":"' % (b"," if place else b"", fields)
        yield FileBytes.of(image.data)
        yield b'"}'
    yield b"]}"


def _check_data(image: ParcelImage) -> None:
    """Hold an image whose data are not base64 of the whole PNG that its fields describe."""
    start, end, ended, last = b"", b"", False, len(png_header.END)
    with opened(image.data) as stream, turned_into(NotDescribed, "decoding an image's data"):
        while chunk := stream.read(CHUNK):
            if ended:
                raise NotDescribed("an image's data go on behind the end of their base64")
            part = pybase64.b64decode(chunk, validate=True)
            start, end = start or part[: png_header.LENGTH], (end + part[-last:])[-last:]
            ended = chunk.endswith(b"=")
        header, described = png_header.png_header(start), _described(image.fields)
    if end != png_header.END or header != described:
        raise NotDescribed("an image's data are not the PNG that was described")


def _described(fields: Mapping[str, object]) -> png_header.PngHeader:
    words = ("height", "width", "samplesPerPixel", "bitsAllocated")
    rows, columns, samples, bits = (int(str(fields[word])) for word in words)
    return png_header.PngHeader(rows, columns, samples, bits)


def _json(words: Mapping[str, object]) -> bytes:
    with turned_into(NotDescribed, "writing JSON"):
        return json.dumps(words, allow_nan=False, separators=(",", ":")).encode()
