"""DICOM files: one read in, one written out (PS3.10 section 7)."""

from __future__ import annotations

import re
import zlib
from io import BytesIO
from typing import TYPE_CHECKING

import pydicom
from pydicom import config as pydicom_config
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RTDoseStorage,
)

from img_ingestion import as_found, attribute, extent
from img_ingestion.errors import Incomplete, NotDicom, TooLarge, turned_into

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from img_ingestion.instance import ReceivedInstance
    from img_ingestion.settings import Limits

PREAMBLE = 128
PREFIX = b"DICM"
SHORTEST = 8
"""Bytes of the shortest element (PS3.5 7.1.2)."""
TRANSFER_SYNTAX = 0x0010
IMAGE = re.compile(
    "(?:Image|Map|Volume|Volume Analysis) Storage|^(?:RT Dose|Segmentation|Label Map.*) Storage"
)
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
"""Where an image has its pixels (PS3.3 C.7.6.3, C.7.6.24, C.7.6.25)."""

# Validation quotes values in warnings and costs time; what we keep we look at ourselves.
pydicom_config.settings.reading_validation_mode = pydicom_config.IGNORE
pydicom_config.settings.writing_validation_mode = pydicom_config.IGNORE


def read(received: ReceivedInstance, limits: Limits) -> Dataset:
    """
    Read one received file.

    A file without preamble and prefix is read too if it starts with file meta information or
    with the identifying group 0008, as older devices write it.

    Returns
    -------
    Dataset
        With `file_meta`, elements still raw where nobody asked for them. Uncompressed pixel data
        are a view of the file's bytes.

    Raises
    ------
    NotDicom
        No data set here, or one that contradicts itself.
    Incomplete
        The file ends before its data set does.
    TooLarge
        The file, or what a deflated one unpacks to, is above its limit.

    """
    content = received.content
    if len(content) > limits.max_file_bytes:
        raise TooLarge("the file is above limits.max_file_bytes")
    with turned_into(NotDicom, "reading"):
        syntax, start = _bare_syntax(content), 0
        if not syntax:
            syntax, start = _file_meta(content, _file_meta_start(content))
        dataset = as_found.dataset(content, start, syntax)
        if dataset is None:
            _complete(content, start, syntax, limits)
            dataset = pydicom.dcmread(BytesIO(content), force=True)
            dataset.file_meta.TransferSyntaxUID = UID(syntax)
        _has_its_pixels(dataset)
    return dataset


def has_pixels(dataset: Dataset) -> bool:
    """Tell an image from an instance that has no picture: a report, a plan, a waveform."""
    return attribute.has(dataset, *PIXELS)


def written(dataset: Dataset) -> bytes:
    """
    Write a data set with its file meta information as a Part 10 file.

    The preamble is zero (PS3.10 7.1) and the group length is right.
    """
    out = BytesIO()
    dataset.preamble = bytes(PREAMBLE)
    pydicom.dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()


def _bare_syntax(content: bytes) -> str:
    """Give the transfer syntax of a data set that stands alone, or "" where none does."""
    explicit = content[4:6] in extent.SHORT_FORM
    if content[:2] == b"\x08\x00":
        return ExplicitVRLittleEndian if explicit else ImplicitVRLittleEndian
    if content[:2] == b"\x00\x08" and explicit:
        return ExplicitVRBigEndian
    return ""


def _file_meta_start(content: bytes) -> int:
    """Give the offset of the first element: after the prefix, or 0 where there is none."""
    if content[PREAMBLE : PREAMBLE + 4] == PREFIX:
        return PREAMBLE + 4
    if not content[: PREAMBLE + 4].strip(b"\0"):
        # Copies that reserve their room first, and what is cut within an empty preamble.
        raise Incomplete("nothing but zeros where a file begins")
    if len(content) < PREAMBLE + 4 and b"\0" in content:
        # The preamble of a file that is a TIFF as well (PS3.10 7.1); text has no zeros.
        raise Incomplete("the file ends inside its preamble")
    if content[:2] == b"\x02\x00" and content[4:6] in extent.SHORT_FORM:
        return 0
    raise NotDicom("no DICM prefix at byte 128")


def _file_meta(content: bytes, position: int) -> tuple[str, int]:
    """Give the transfer syntax and the offset of the data set (PS3.10 7.1: explicit little)."""
    syntax = ""
    while content[position : position + 2] == b"\x02\x00":
        value, end = extent.explicit_value(content, position)
        element = int.from_bytes(content[position + 2 : position + 4], "little")
        if element == TRANSFER_SYNTAX:
            syntax = content[value:end].rstrip(b"\0 ").decode("ascii")
        position = end
    if not syntax and len(content) - position < SHORTEST:
        raise Incomplete("the file ends inside its file meta information")
    if not syntax:
        raise NotDicom("no Transfer Syntax UID (0002,0010)")
    return syntax, position


def _complete(content: bytes, start: int, syntax: str, limits: Limits) -> None:
    """Hold what ends early: pydicom reads 610 of 613 truncations of a CT without a word."""
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    if syntax == DeflatedExplicitVRLittleEndian:
        content, start = _inflated(content[start:], limits.max_unpacked_bytes), 0
    extent.check(content, start, implicit=implicit, little=little)


def _has_its_pixels(dataset: Dataset) -> None:
    """Hold an image that ends before its pixel data: cut between two elements, it looks whole."""
    if has_pixels(dataset):
        return
    sop_class = str(dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID"))
    if not IMAGE.search(UID(sop_class).name):
        return
    # A dose of histograms alone (PS3.3 C.8.8.4) has no grid, and so nothing to scale (C.8.8.3).
    histograms = "DVHSequence" in dataset and "DoseGridScaling" not in dataset
    if sop_class != RTDoseStorage or not histograms:
        raise Incomplete("an image without pixel data")


def _inflated(deflated: bytes, limit: int) -> bytes:
    """Unpack a deflated data set (PS3.5 A.5), up to a limit."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    data = unpacker.decompress(deflated, limit)
    if unpacker.unconsumed_tail:
        raise TooLarge("the deflated data set unpacks to more than limits.max_unpacked_bytes")
    if not unpacker.eof:
        raise Incomplete("the deflated data set ends early")
    return data
