"""Which kinds of image usually carry burned-in text, by what their header says of them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from pydicom.uid import VLWholeSlideMicroscopyImageStorage

from img_ingestion import attribute
from img_ingestion.errors import NotDeidentified, turned_into

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydicom.dataset import Dataset

# PS3.3 C.7.3.1.1.1, 2026d.
MODALITIES: Mapping[str, str] = MappingProxyType(
    {
        "BDUS": "ultrasound",
        "DF": "digitised film",
        "DOC": "a document",
        "ES": "endoscopy",
        "FS": "a film scan",
        "HC": "a hard copy",
        "IVUS": "intravascular ultrasound",
        "OT": "of another kind",
        "SC": "a secondary capture",
        "US": "ultrasound",
        "XC": "an external-camera photograph",
    }
)

# PS3.6 Table A-1, 2026d, with the retired ones that archives still hold. A UID stands for
# its whole family: 1.2.840.10008.5.1.4.1.1.7 also for ...1.1.7.4.
SOP_CLASSES: Mapping[str, str] = MappingProxyType(
    {
        "1.2.840.10008.5.1.4.1.1.3": "ultrasound",
        "1.2.840.10008.5.1.4.1.1.6": "ultrasound",
        "1.2.840.10008.5.1.4.1.1.7": "a secondary capture",
        "1.2.840.10008.5.1.4.1.1.77.1.1": "endoscopy",
        "1.2.840.10008.5.1.4.1.1.77.1.4": "an external-camera photograph",
        "1.2.840.10008.5.1.1.29": "a hard copy",
        "1.2.840.10008.5.1.1.30": "a hard copy",
    }
)

# Conversion Type (0008,0064), PS3.3 C.8.6.1, 2026d: every way to make a picture of a picture.
CONVERSIONS: Mapping[str, str] = MappingProxyType(
    {
        "DF": "digitised film",
        "DI": "a capture of a digital interface",
        "DRW": "a drawing",
        "DV": "digitised video",
        "SD": "a scanned document",
        "SI": "a scanned picture",
        "SYN": "a synthetic picture",
        "WSD": "a capture of a workstation",
    }
)

# Words in Image Type (0008,0008) beyond the defined terms, as makers write them.
IMAGE_TYPE_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "CAPTURE": "a screen capture",
        "DOSE": "a dose report",
        "REPORT": "a report",
        "SCREEN": "a screen capture",
    }
)

# Words of Image Type that tell of text on a CT alone: its secondary images are so often dose
# sheets and screen saves that the further words do not decide it, and its scouts carry names.
CT_IMAGE_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "LOCALIZER": "the scout of a CT",
        "SECONDARY": "a secondary CT image, as dose sheets and screen saves are",
    }
)

SLIDE_CARRIERS: Mapping[str, str] = MappingProxyType(
    {"LABEL": "the label of a slide", "OVERVIEW": "the overview of a slide, label included"}
)

BURNED_IN = "BurnedInAnnotation"
FACE = "RecognizableVisualFeatures"


def usually_burned(dataset: Dataset) -> str:
    """
    Say why images of this kind are expected to carry text, in plain words; empty if not.

    The kind is told by Modality (0008,0060), SOP Class UID (0008,0016), Conversion Type
    (0008,0064) and Image Type (0008,0008), each for itself: one honest word is enough.
    """
    modality, image_type = _words(dataset, "Modality"), _words(dataset, "ImageType")
    reasons = (
        "" if any(modality) else "of an unknown kind, without Modality",
        _found(MODALITIES, modality),
        _family(_words(dataset, "SOPClassUID")),
        _found(CONVERSIONS, _words(dataset, "ConversionType")),
        _found_within(IMAGE_TYPE_WORDS, image_type),
        _found(CT_IMAGE_TYPES, image_type) if "CT" in modality else "",
    )
    return next(filter(None, reasons), "")


def modality(dataset: Dataset) -> str:
    """Give Modality (0008,0060); empty where it is absent or says more than one."""
    words = _words(dataset, "Modality")
    return words[0] if len(words) == 1 else ""


def shows_face(dataset: Dataset) -> bool:
    """Tell whether Recognizable Visual Features (0028,0302) says anything but NO."""
    return _is_said(dataset, FACE)


def said_burned_in(dataset: Dataset, *, looked: bool) -> bool:
    """
    Tell whether Burned In Annotation (0028,0301) says YES, or anything but NO if nobody looked.

    PS3.3 C.7.6.1 defines no other value: OTHER is as good as nothing where text was looked for.
    """
    if looked:
        return any(word.startswith("Y") for word in _words(dataset, BURNED_IN))
    return _is_said(dataset, BURNED_IN)


def slide_label(dataset: Dataset) -> str:
    """Say why a whole-slide image shows the slide's label (PS3.3 C.8.12.4.1.1); else empty."""
    if _words(dataset, "SpecimenLabelInImage") == ("YES",):
        return "said to show the label of its specimen"
    slide = "SM" in _words(dataset, "Modality")
    slide |= VLWholeSlideMicroscopyImageStorage in _words(dataset, "SOPClassUID")
    return _found(SLIDE_CARRIERS, _words(dataset, "ImageType")) if slide else ""


def _words(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    with turned_into(NotDeidentified, f"reading {keyword}"):
        return tuple(word.strip().upper() for word in attribute.texts(dataset, keyword))


def _found(table: Mapping[str, str], words: tuple[str, ...]) -> str:
    return next((table[word] for word in words if word in table), "")


def _found_within(table: Mapping[str, str], words: tuple[str, ...]) -> str:
    return next((plain for part, plain in table.items() if part in "\\".join(words)), "")


def _family(uids: tuple[str, ...]) -> str:
    within = (
        plain
        for uid in uids
        for root, plain in SOP_CLASSES.items()
        if uid == root or uid.startswith(f"{root}.")
    )
    return next(within, "")


def _is_said(dataset: Dataset, keyword: str) -> bool:
    return any(word not in {"", "NO"} for word in _words(dataset, keyword))
