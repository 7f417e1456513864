"""
The stamp: what a reader of the file is told about its de-identification (PS3.15 E.1.1, E.3).

The codes are computed from what really ran for this instance, never from what was wished.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from img_ingestion import __version__, attribute
from img_ingestion.deidentify import profile
from img_ingestion.deidentify.serialised import DEFAULT, Written
from img_ingestion.deidentify.tables import rows
from img_ingestion.deidentify.written_form import of_texts

if TYPE_CHECKING:
    from pydicom.tag import BaseTag

    from img_ingestion.settings import Profile

EXPLICIT_LITTLE = False, True
"""Of the file meta information (PS3.10 7.1), explicit VR: whether implicit, whether little."""
IMPLEMENTATION_CLASS_UID = UID("2.25.134351473349708985578604307872871789624")
IMPLEMENTATION_VERSION = f"IMG_INGEST_{__version__.replace('.', '_')}"
"""PS3.7 D.3.3.2: at most sixteen characters."""

METHOD = "img_ingestion: PS3.15 Annex E, single pass, residue checked"

# CID 7050 (PS3.16).
BASIC_PROFILE = ("113100", "Basic Application Confidentiality Profile")
CLEAN_PIXEL_DATA = ("113101", "Clean Pixel Data Option")
OPTIONS = {
    "clean_graphics": ("113103", "Clean Graphics Option"),
    "clean_structured_content": ("113104", "Clean Structured Content Option"),
    "clean_descriptors": ("113105", "Clean Descriptors Option"),
    "retain_longitudinal_full_dates": (
        "113106",
        "Retain Longitudinal Temporal Information Full Dates Option",
    ),
    "retain_longitudinal_modified_dates": (
        "113107",
        "Retain Longitudinal Temporal Information Modified Dates Option",
    ),
    "retain_patient_characteristics": ("113108", "Retain Patient Characteristics Option"),
    "retain_device_identity": ("113109", "Retain Device Identity Option"),
    "retain_uids": ("113110", "Retain UIDs Option"),
    "retain_safe_private": ("113111", "Retain Safe Private Option"),
    "retain_institution_identity": ("113112", "Retain Institution Identity Option"),
}


def write(
    dataset: Dataset, options: Profile, *, weaker: tuple[int, ...] = (), pixels: bool
) -> None:
    """
    Write the de-identification attributes into a cleaned data set.

    Parameters
    ----------
    dataset : Dataset
        Changed in place: (0012,0062), (0012,0063), (0012,0064), (0028,0303), (0028,0301).
    options : Profile
        The options that were asked for.
    weaker : tuple of int
        Tags of which the recipe keeps more than the Basic Profile and these options would.
    pixels : bool
        The pixels were really cleaned of text.

    """
    codes = [] if weaker else [BASIC_PROFILE]
    codes += [CLEAN_PIXEL_DATA] if pixels else []
    codes += _ran(options, weaker)
    for mark in _marks(tuple(codes), _temporal(options), dataset.original_encoding):
        dataset[mark.tag] = mark
    _say_of_annotation(dataset, pixels=pixels)


def file_meta(dataset: Dataset, transfer_syntax: UID) -> FileMetaDataset:
    """Build the file meta information anew (PS3.10 7.1); nothing of the original's is kept."""
    said = (
        (0x00020002, "UI", attribute.text(dataset, "SOPClassUID")),
        (0x00020003, "UI", attribute.text(dataset, "SOPInstanceUID")),
        (0x00020012, "UI", IMPLEMENTATION_CLASS_UID),
        (0x00020013, "SH", IMPLEMENTATION_VERSION),
    )
    version, syntax = map(attribute.tag_of, ("FileMetaInformationVersion", "TransferSyntaxUID"))
    meta: dict[BaseTag, DataElement | RawDataElement] = {
        version: DataElement(version, "OB", b"\0\1"),
        syntax: DataElement(syntax, "UI", transfer_syntax),
    }
    for number, vr, text in said:
        tag = attribute.tag_of(number)
        meta[tag] = of_texts(tag, vr, [text], EXPLICIT_LITTLE)
    return FileMetaDataset(meta)


@lru_cache(maxsize=64)
def _ran(options: Profile, weaker: tuple[int, ...]) -> tuple[tuple[str, str], ...]:
    """Give the codes of the options in force, but of those whose cleaning the recipe undoes."""
    undone = {
        switch
        for column, switch in profile.OPTIONS.items()
        if any(rows()[tag].options.get(column) == "C" for tag in weaker)
    }
    asked = (name for name in OPTIONS if getattr(options, name))
    return tuple(OPTIONS[name] for name in asked if name not in undone)


@lru_cache(maxsize=64)
def _marks(
    codes: tuple[tuple[str, str], ...],
    temporal: str,
    encoding: tuple[bool, bool] | tuple[None, None],
) -> tuple[RawDataElement, ...]:
    """Write what is the same in every instance with these codes, once."""
    marks = Dataset()
    marks.PatientIdentityRemoved = "YES"
    marks.DeidentificationMethod = METHOD
    marks.DeidentificationMethodCodeSequence = Sequence(map(_item, codes))
    marks.LongitudinalTemporalInformationModified = temporal
    implicit, little = encoding
    written = Written(bool(implicit), little is not False)
    raw = []
    for mark in marks:
        value = bytes(written.value(int(mark.tag), mark, DEFAULT) or b"")
        kept = RawDataElement(
            mark.tag, mark.VR, len(value), value, 0, written.implicit, written.little
        )
        raw.append(kept)
    return tuple(raw)


def _item(code: tuple[str, str]) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodeMeaning = code
    item.CodingSchemeDesignator = "DCM"
    return item


def _temporal(options: Profile) -> str:
    if options.retain_longitudinal_modified_dates:
        return "MODIFIED"
    return "UNMODIFIED" if options.retain_longitudinal_full_dates else "REMOVED"


def _say_of_annotation(dataset: Dataset, *, pixels: bool) -> None:
    """
    Say NO in Burned In Annotation (0028,0301) only when the pixels were really cleaned.

    The source is not believed: its statement goes. Where the IOD requires one (PS3.3 C.8.6.2,
    C.8.11.3, C.8.13.1 and other modules of newer images) the source's own NO is left, because a
    missing one would be invalid and a YES untrue.
    """
    if pixels:
        dataset.BurnedInAnnotation = "NO"
    elif (
        attribute.has(dataset, "BurnedInAnnotation")
        and dataset.BurnedInAnnotation is not None
        and dataset.SOPClassUID not in REQUIRES_STATEMENT
    ):
        del dataset.BurnedInAnnotation


_STORAGE = "1.2.840.10008.5.1.4.1.1."
REQUIRES_STATEMENT = frozenset(
    _STORAGE + suffix
    for suffix in (  # noqa: SIM905 - a table reads better in columns
        # Digital X-ray, mammography, intra-oral, tomosynthesis
        "1.1 1.1.1 1.2 1.2.1 1.3 1.3.1 13.1.3 13.1.4 13.1.5 "
        # Enhanced and legacy converted CT, MR, PET, XA, XRF, US volume
        "2.1 2.2 4.1 4.2 4.3 4.4 6.2 12.1.1 12.2.1 13.1.1 13.1.2 128.1 130 "
        # Multi-frame secondary capture, parametric map, ophthalmic, whole slide
        "7.1 7.2 7.3 7.4 30 77.1.5.1 77.1.5.2 77.1.5.4 77.1.6 14.1 14.2"
    ).split()
)
