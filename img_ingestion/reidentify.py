"""Results come home: a backend's answer with the customer's own identifiers and dates."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from pydicom import dcmread, dcmwrite
from pydicom.multival import MultiValue

from img_ingestion import durable
from img_ingestion.deidentify import dates
from img_ingestion.errors import NotAdmitted, NotDicom, TooLarge, turned_into
from img_ingestion.originals import Originals

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

    from img_ingestion.home import Home
    from img_ingestion.ledger import Ledger
    from img_ingestion.settings import Settings

TEXTS = {"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UI", "UR", "UT"}
MARKERS = (0x00120062, 0x00120063, 0x00120064, 0x00280303)
"""What says that an instance is de-identified: it is no longer."""
PREAMBLE = 128
ISO_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(T.*)?", re.DOTALL)
NAME_AND_BIRTH = ("PatientName", "PatientBirthDate")


@dataclass(frozen=True, slots=True)
class CameHome:
    """A result that has the customer's identifiers again."""

    path: Path
    customer: str
    """Whose patients it speaks of; empty when it speaks of nobody here."""
    identifiers: int
    """Different pseudonyms that were replaced."""
    unknown: int
    """What looks like a pseudonym of ours and is not known here, e.g. a UID of the result's own."""
    dates: bool
    """Whether the patient's dates could be moved back."""


def reidentify(path: Path, home: Home, settings: Settings, ledger: Ledger) -> CameHome:
    """
    Write `NAME.reidentified.SUFFIX` beside a result, mode 0600.

    Pseudonyms become the originals of the vault. Dates move back by the patient's days, except
    those that would lie in the future: the result's own. A DICOM result keeps its own UIDs, loses
    the marks of de-identification, and gets name and birth date from the archived original.

    Raises
    ------
    InstanceError
        It is neither JSON nor DICOM, too large, or speaks of several customers' patients.
    StorageError
        It cannot be read or written.

    """
    with durable.storing("reading a result"):
        size = path.stat().st_size
        if size > settings.limits.max_file_bytes:
            raise TooLarge("the result is larger than limits.max_file_bytes")
        content = path.read_bytes()
    originals = Originals(home, settings, ledger)
    if content[PREAMBLE:].startswith(b"DICM"):
        restored, days = _dicom(content, originals)
    else:
        restored, days = _json(content, originals)
    target = path.with_name(f"{path.stem}.reidentified{path.suffix}")
    durable.write(target, restored)
    found = [original for original in originals.known.values() if original is not None]
    (customer,) = originals.customers or {""}
    unknown = len(originals.known) - len(found)
    return CameHome(target, customer, len(found), unknown, days is not None)


def _dicom(content: bytes, originals: Originals) -> tuple[bytes, int | None]:
    with turned_into(NotDicom, "reading a result"):
        dataset = dcmread(BytesIO(content))
        own = str(dataset.SOPInstanceUID)
        for element in dataset.iterall():
            for text in _texts(element):
                originals.meet(text)
        original = _one_customers(originals)
        days = originals.days(original)
        for element in dataset.iterall():
            _restore(element, originals, days)
        # What the backend made is not one of our instances, even where it took over their UID.
        dataset.SOPInstanceUID = own
        for tag in MARKERS:
            dataset.pop(tag, None)
        for keyword in NAME_AND_BIRTH:
            setattr(dataset, keyword, "" if original is None else original.get(keyword, ""))
        buffer = BytesIO()
        dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue(), days


def _json(content: bytes, originals: Originals) -> tuple[bytes, int | None]:
    with turned_into(NotDicom, "a result that is neither DICOM nor JSON"):
        answer = json.loads(content)
        originals.meet(json.dumps(answer))
        days = originals.days(_one_customers(originals))
        restored = _restored(answer, originals, days)
        return json.dumps(restored, indent=2, ensure_ascii=False).encode(), days


def _one_customers(originals: Originals) -> Dataset | None:
    """Refuse an answer that mixes customers; give an archived original where there is one."""
    if len(originals.customers) > 1:
        raise NotAdmitted("pseudonyms of several customers in one result")
    return originals.first()


def _texts(element: DataElement) -> Iterator[str]:
    if element.VR in TEXTS and element.value is not None:
        values = element.value if isinstance(element.value, MultiValue) else [element.value]
        yield from (str(value) for value in values)


def _restore(element: DataElement, originals: Originals, days: int | None) -> None:
    """Bring one element home, in place."""
    if element.VR in TEXTS and element.value:
        new = [originals.restored(text) for text in _texts(element)]
    elif element.VR in {"DA", "DT"} and element.value and days:
        values = element.value if isinstance(element.value, MultiValue) else [element.value]
        new = [_moved_back(element.VR, str(value), days) for value in values]
    else:
        return
    element.value = new if len(new) > 1 else new[0]


def _restored(answer: Any, originals: Originals, days: int | None, key: str = "") -> Any:  # noqa: ANN401 (JSON)
    """Bring parsed JSON home; `key` is the nearest one above."""
    if isinstance(answer, dict):
        vr = answer.get("vr")
        return {
            originals.restored(name): _restored(
                each, originals, days, f"vr {vr}" if vr and name == "Value" else name
            )
            for name, each in answer.items()
        }
    if isinstance(answer, list):
        return [_restored(each, originals, days, key) for each in answer]
    if not isinstance(answer, str):
        return answer
    text = originals.restored(answer)
    return _dated(text, key, days) if days and text == answer else text


def _dated(text: str, key: str, days: int) -> str:
    """Move a date back: `2010-03-05`, with a time or not; DICOM's where the key says so."""
    if match := ISO_DATE.fullmatch(text):
        return _moved_back("DA", match[1], days) + (match[2] or "")
    if key in {"vr DA", "vr DT"}:
        return _moved_back(key[3:], text, days)
    return _moved_back("DA", text, days) if "date" in key.lower() else text


def _moved_back(vr: str, value: str, days: int) -> str:
    """Undo a shift; what would then lie in the future was never shifted."""
    back = dates.shifted(vr, value, -days)
    if back is None or re.sub(r"\D", "", back)[:8] > time.strftime("%Y%m%d"):
        return value
    return back
