"""Which fields may be scrubbed by hand, and with what: checked before a file is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom.charset import convert_encodings, encode_string
from pydicom.config import RAISE
from pydicom.datadict import dictionary_VM, dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.uid import UID

from img_ingestion.deidentify.pseudonyms import names_a_class
from img_ingestion.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydicom.dataset import Dataset

NEEDED = frozenset(
    """
    SpecificCharacterSet SOPClassUID
    SamplesPerPixel PhotometricInterpretation PlanarConfiguration NumberOfFrames Rows Columns
    BitsAllocated BitsStored HighBit PixelRepresentation
    PixelData FloatPixelData DoubleFloatPixelData ExtendedOffsetTable ExtendedOffsetTableLengths
    RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor
    BluePaletteColorLookupTableDescriptor RedPaletteColorLookupTableData
    GreenPaletteColorLookupTableData BluePaletteColorLookupTableData
    SegmentedRedPaletteColorLookupTableData SegmentedGreenPaletteColorLookupTableData
    SegmentedBluePaletteColorLookupTableData
    RescaleSlope RescaleIntercept ModalityLUTSequence VOILUTSequence LUTDescriptor LUTData
    WindowCenter WindowWidth VOILUTFunction PresentationLUTShape
    SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence
    PixelValueTransformationSequence FrameVOILUTSequence
    """.split()  # noqa: SIM905 (in columns it can be read)
)
"""What a viewer cannot do without (PS3.3 C.7.6.3, C.7.9, C.11.1, C.11.2, C.7.6.16)."""

FILE_META = 0x0002
ONE_TEXT = frozenset({"LT", "ST", "UR", "UT"})
"""A backslash is a letter like any other there (PS3.5 6.2)."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to become of one element wherever it stands."""

    tag: int
    keyword: str
    value: object = None
    """None: blank it, or map it if it is a UID."""


def wishes(fields: Mapping[str, object] | Iterable[str]) -> list[Wish]:
    """
    Give what is wished for, whichever way it was said.

    Raises
    ------
    SettingsError
        A keyword that does not exist, that an image needs, or that the replacement does not fit.

    """
    if isinstance(fields, Mapping):
        return [_wish(keyword, value) for keyword, value in fields.items()]
    return [_wish(keyword, None) for keyword in ([fields] if isinstance(fields, str) else fields)]


def _wish(keyword: str, value: object) -> Wish:
    """Check one field at the door."""
    tag = tag_for_keyword(keyword) if keyword else None
    if tag is None:
        raise SettingsError(f"{keyword}: the standard has no such keyword")
    if keyword in NEEDED or tag >> 16 == FILE_META or _names_a_class(tag):
        raise SettingsError(f"{keyword}: an image needs it; it can be neither blank nor replaced")
    vr = dictionary_VR(tag)
    if vr == "UI" and value is not None and not UID(str(value)).is_valid:
        raise SettingsError(f"{keyword}: the replacement is no UID")
    if value is not None and not _is_one(tag, value):
        raise SettingsError(f"{keyword}: it has one value (PS3.6), the replacement has several")
    if value is not None:
        try:
            DataElement(tag, vr.split(" ")[0], value, validation_mode=RAISE)
        except (ValueError, TypeError, AttributeError, ArithmeticError) as error:
            raise SettingsError(f"{keyword}: the replacement does not fit its VR {vr}") from error
    return Wish(tag, keyword, value)


def check_spelling(dataset: Dataset, chosen: Iterable[Wish]) -> None:
    """
    See that the file's character set (PS3.5 6.1) can spell each replacement.

    Raises
    ------
    SettingsError
        It cannot; pydicom would write a question mark for each letter.

    """
    encodings = convert_encodings(dataset.get("SpecificCharacterSet") or "ISO_IR 6")
    for wish in chosen:
        text = str(wish.value or "")
        if encode_string(text, encodings).count(b"?") > text.count("?"):
            raise SettingsError(f"{wish.keyword}: the file's character set cannot spell this")


def _names_a_class(tag: int) -> bool:
    return dictionary_VR(tag) == "UI" and names_a_class(tag)


def _is_one(tag: int, value: object) -> bool:
    """Tell whether a replacement has no more values than the attribute may have."""
    several = isinstance(value, list | tuple) or "\\" in str(value)
    return (
        not several or dictionary_VM(tag) != "1" or dictionary_VR(tag) in ("LT", "ST", "UT", "UR")
    )
