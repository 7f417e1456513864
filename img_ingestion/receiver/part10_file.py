"""A received data set as a file of a customer's: the bytes as they came, and durable."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID, UID

from img_ingestion import durable
from img_ingestion.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path

    from img_ingestion.home import Home
    from img_ingestion.settings import Limits

PREFIX = bytes(128) + b"DICM"


@dataclass(frozen=True, slots=True)
class ReceivedDataSet:
    """What came by C-STORE."""

    sop_class: str = field(repr=False)
    sop_instance: str = field(repr=False)
    transfer_syntax: str
    content: bytes = field(repr=False)
    """Encoded, as it was received."""


def write(received: ReceivedDataSet, folder: Path, limits: Limits) -> None:
    """
    Write a data set as a Part 10 file (PS3.10 section 7) of its own; durable on return.

    Two of the same instance are two files: which of them counts is not decided here. The name is
    the moment and chance: it says nothing, and sorts as things came.

    Raises
    ------
    StorageError
        There is no room for it under the limits, or the folder refuses.

    """
    content = b"".join((PREFIX, _meta(received), received.content))
    durable.folder(folder)
    if len(content) > limits.max_file_bytes:
        raise StorageError("receiving: above limits.max_file_bytes")
    if durable.free_bytes(folder) < limits.min_free_bytes + len(content):
        raise StorageError("receiving: less free space than limits.min_free_bytes")
    durable.write(folder / f"{time.time_ns():016x}-{secrets.token_hex(4)}.dcm", content)


def sweep(home: Home, customers: set[str]) -> None:
    """Remove what a killed receiver left half written; nobody else writes under such names."""
    ours = f"{durable.TEMPORARY}{'[0-9a-f]' * 16}"
    for customer in customers:
        found = (home.local_dcm / customer).glob(ours)
        durable.remove(path for path in found if path.is_file() and not path.is_symlink())


def _meta(received: ReceivedDataSet) -> bytes:
    """Give the file meta information: the same for the same instance, whoever sent it."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = UID(received.sop_class)
    meta.MediaStorageSOPInstanceUID = UID(received.sop_instance)
    meta.TransferSyntaxUID = UID(received.transfer_syntax)
    meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    buffer = DicomBytesIO()
    write_file_meta_info(buffer, meta)
    return buffer.getvalue()
