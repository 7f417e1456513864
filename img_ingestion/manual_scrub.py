"""Blank or replace the fields that somebody chose by hand; the result is still an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom.config import RAISE
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.uid import UID

from img_ingestion import durable, part10
from img_ingestion.deidentify.pseudonyms import Pseudonyms, load_key, names_a_class
from img_ingestion.errors import NotDeidentified, SettingsError, turned_into
from img_ingestion.home import UNASSIGNED, Home
from img_ingestion.instance import ReceivedInstance
from img_ingestion.settings import Limits

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


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to become of one element wherever it stands."""

    tag: int
    keyword: str
    value: object = None
    """None: blank it, or map it if it is a UID."""


def img_manual_scrub(
    path: str | Path,
    fields: Mapping[str, object] | Iterable[str],
    out: str | Path | None = None,
) -> Path:
    """
    Blank or replace chosen fields of an image, at every nesting level.

    UIDs are mapped instead of blanked, the same UID to the same one in every file of a customer.
    Pixel data are copied byte for byte. This is no de-identification: what you do not choose stays.

    Parameters
    ----------
    path : str or Path
        The image; it stays as it is.
    fields : mapping or iterable of str
        Keywords to blank (`["PatientName", "StudyInstanceUID"]`), or keywords and what to put in
        their place (`{"PatientName": "Nobody"}`; None blanks).
    out : str or Path, optional
        Where to write. Otherwise `scrubbed-NAME` beside the image, or in `scrubbed/CUSTOMER/` of
        the home for an image in `local_dcm/CUSTOMER/`, where it would count as a new arrival.

    Returns
    -------
    Path
        The file, which opens in viewers and converts to PNG.

    Raises
    ------
    SettingsError
        A keyword that does not exist, that an image needs, or that the replacement does not fit.
    InstanceError
        The file is no DICOM, or cannot be changed.

    """
    source = Path(path)
    wishes = [_wish(keyword, value) for keyword, value in _pairs(fields)]
    home, customer = _owner(source.absolute())
    content = source.read_bytes()
    one = ReceivedInstance("", customer, source, content, "")
    dataset = part10.read(one, Limits())
    with turned_into(NotDeidentified, "scrubbing"):
        # Without a UID to map no key is needed, and none is made.
        mapping = any(map(_is_mapped, wishes))
        pseudonyms = Pseudonyms(load_key(home.state, customer) if mapping else b"")
        for wish in wishes:
            _apply(dataset, wish, pseudonyms)
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        scrubbed = part10.written(dataset)
    target = Path(out) if out else _beside(source, home, customer)
    durable.folder(target.parent)
    durable.write(target, scrubbed)
    return target


def _pairs(fields: Mapping[str, object] | Iterable[str]) -> Iterable[tuple[str, object]]:
    """Give keyword and replacement, whichever way the fields were said."""
    if isinstance(fields, Mapping):
        return fields.items()
    return [(keyword, None) for keyword in ([fields] if isinstance(fields, str) else fields)]


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
    if value is not None:
        try:
            DataElement(tag, vr.split(" ")[0], value, validation_mode=RAISE)
        except (ValueError, TypeError, AttributeError, ArithmeticError) as error:
            raise SettingsError(f"{keyword}: the replacement does not fit its VR {vr}") from error
    return Wish(tag, keyword, value)


def _names_a_class(tag: int) -> bool:
    return dictionary_VR(tag) == "UI" and names_a_class(tag)


def _is_mapped(wish: Wish) -> bool:
    return wish.value is None and dictionary_VR(wish.tag) == "UI"


def _apply(dataset: Dataset, wish: Wish, pseudonyms: Pseudonyms) -> None:
    """Do one wish in a data set and in every item below it."""
    for tag in list(dataset.keys()):
        if dataset.get_item(tag).VR in {None, "SQ", "UN"} and dataset[tag].VR == "SQ":
            for item in dataset[tag].value:
                _apply(item, wish, pseudonyms)
    if wish.tag not in dataset:
        return
    element = dataset[wish.tag]
    if not _is_mapped(wish):
        dataset[wish.tag] = DataElement(wish.tag, element.VR, wish.value)
    elif element.value:
        uids = [element.value] if isinstance(element.value, str) else element.value
        new = [pseudonyms.uid(str(uid)) for uid in uids]
        dataset[wish.tag] = DataElement(wish.tag, "UI", new if len(new) > 1 else new[0])


def _owner(path: Path) -> tuple[Home, str]:
    """Give the home and the customer of a file by where it lies, else this folder and nobody."""
    for folder in path.parents:
        home = Home(folder.parent.parent)
        if folder.parent in {home.local_dcm, home.cleaned}:
            return home, folder.name
    return Home(Path()), UNASSIGNED


def _beside(source: Path, home: Home, customer: str) -> Path:
    """Choose where the result goes."""
    name = f"scrubbed-{source.name}"
    if source.absolute().is_relative_to(home.local_dcm.absolute()):
        return home.root / "scrubbed" / customer / name
    return source.with_name(name)
