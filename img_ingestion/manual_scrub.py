"""Blank or replace the fields that somebody chose by hand; the result is still an image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement

from img_ingestion import durable, part10
from img_ingestion.deidentify.pseudonyms import Pseudonyms, load_key
from img_ingestion.errors import NotAdmitted, NotDeidentified, turned_into
from img_ingestion.home import UNASSIGNED, Home
from img_ingestion.instance import ReceivedInstance
from img_ingestion.settings import Limits
from img_ingestion.wishes import check_spelling, wishes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydicom.dataset import Dataset

    from img_ingestion.wishes import Wish


def img_manual_scrub(
    path: str | Path,
    fields: Mapping[str, object] | Iterable[str],
    out: str | Path | None = None,
) -> Path:
    """
    Blank or replace chosen fields of an image, at every nesting level.

    UIDs are mapped instead of blanked, the same UID to the same one in every file of a customer;
    for a file outside any home, with a key in `state/keys/` of the current folder. Pixel data are
    copied byte for byte. This is no de-identification: what you do not choose stays.

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
    StorageError
        The file cannot be read, or the result not be written.
    InstanceError
        The file is no DICOM, or cannot be changed.

    """
    source = Path(path)
    chosen = wishes(fields)
    home, customer = _owner(source.absolute())
    with durable.storing("reading the file to scrub"):
        content = source.read_bytes()
    one = ReceivedInstance("", customer, source, content, "")
    dataset = part10.read(one, Limits())
    if not dataset.get("SOPClassUID") or not dataset.get("SOPInstanceUID"):
        raise NotAdmitted("SOP Class UID or SOP Instance UID is absent: no file can be made of it")
    check_spelling(dataset, chosen)
    with turned_into(NotDeidentified, "scrubbing"):
        # Without a UID to map no key is needed, and none is made.
        mapping = any(map(_is_mapped, chosen))
        pseudonyms = Pseudonyms(load_key(home.state, customer) if mapping else b"")
        for wish in chosen:
            _apply(dataset, wish, pseudonyms)
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        scrubbed = part10.written(dataset)
    target = Path(out) if out else _beside(source, home, customer)
    durable.folder(target.parent)
    durable.write(target, scrubbed)
    return target


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
