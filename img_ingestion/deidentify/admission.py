"""Who may enter the line: whole instances of a kind that can be cleaned."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from pydicom.uid import UID, MediaStorageDirectoryStorage, MPEGTransferSyntaxes

from img_ingestion import attribute, part10
from img_ingestion.deidentify import without_pictures
from img_ingestion.deidentify.written_form import is_encapsulated
from img_ingestion.errors import NotAdmitted, NotDecoded

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

REQUIRED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
# PS3.3 C.12.1.1.2, with the misspellings that readers forgive.
CHARACTER_SET = re.compile(r"(?:ISO(?: 2022)?[ _-]?IR[ _-]?\d{1,3}|GB18030|GBK)?", re.IGNORECASE)
STORAGE = "SOP Class"
NEWER = frozenset({"1.2.840.10008.5.1.4.1.1.66.7", "1.2.840.10008.5.1.4.1.1.66.8"})
"""Label Map and Height Map Segmentation (PS3.4 B.5): images that pydicom's dictionary has not."""


def check(dataset: Dataset) -> None:
    """
    Raise unless the instance can be de-identified, rendered and described.

    Raises
    ------
    NotAdmitted
        A directory, a document, a video, a private SOP class, a kind that is held without pixel
        data, or one of the UIDs that make an instance (PS3.3 C.12.1, C.7.2.1, C.7.3.1) is absent.
    Incomplete
        There is neither pixel data nor what such an instance is about.
    NotDecoded
        The transfer syntax is unknown, or the pixel data do not follow it.

    """
    said = attribute.text(dataset.file_meta, "MediaStorageSOPClassUID")
    if said == MediaStorageDirectoryStorage:
        raise NotAdmitted("a DICOMDIR: a directory of other files, with their patients' names")
    for keyword in REQUIRED:
        if not attribute.text(dataset, keyword):
            raise NotAdmitted(f"{keyword} is absent or empty")
    sop_class = attribute.text(dataset, "SOPClassUID")
    if not _is_storage(sop_class):
        raise NotAdmitted("SOP Class UID (0008,0016) is none that this version knows")
    if why := without_pictures.HELD.get(sop_class):
        raise NotAdmitted(why)
    if not part10.has_pixels(dataset):
        without_pictures.check(dataset)
    _check_coding(dataset)
    _check_character_set(dataset)


@lru_cache(maxsize=256)
def _is_storage(sop_class: str) -> bool:
    """Tell a kind of instance that the standard, or pydicom's dictionary of it, knows."""
    uid = UID(sop_class)
    return (uid.type == STORAGE and not uid.is_private) or uid in NEWER


def _check_character_set(dataset: Dataset) -> None:
    """Hold what says its texts are written in no character set: nobody could read them."""
    if not all(map(CHARACTER_SET.fullmatch, attribute.texts(dataset, "SpecificCharacterSet"))):
        raise NotAdmitted("Specific Character Set (0008,0005) is none of the standard's")


def _check_coding(dataset: Dataset) -> None:
    expected = _is_of_fragments(dataset.file_meta.TransferSyntaxUID)
    pixels = dataset.get_item(attribute.tag_of("PixelData"))
    if pixels is not None and is_encapsulated(pixels) != expected:
        said = "is not" if expected else "is"
        raise NotDecoded(f"pixel data {said} encapsulated, against the transfer syntax")


@lru_cache(maxsize=64)
def _is_of_fragments(transfer_syntax: str) -> bool:
    """Tell whether pixel data stand in fragments, or raise where they cannot be cleaned."""
    syntax = UID(transfer_syntax)
    if not syntax.is_transfer_syntax:
        raise NotDecoded("Transfer Syntax UID (0002,0010) is none that this version knows")
    if syntax in MPEGTransferSyntaxes:
        raise NotAdmitted("a video: its pictures cannot be searched or cleaned one by one")
    return syntax.is_encapsulated
