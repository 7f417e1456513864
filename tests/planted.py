"""
A file with a distinct marker in every place that PS3.15 Table E.1-1 names, and a judge for it.

The judge knows the codes of the table and nothing of the engine: it reads Table E.1-1 itself and
the cleaned file, and says of each row whether it came out as its code asks.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pydicom
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TABLE = Path(__file__).parents[1] / "img_ingestion" / "deidentify" / "tables" / "e1_1.json"
NEST = 0x00540016
"""Radiopharmaceutical Information Sequence: known to the dictionary, named by no row."""
NOT_IN_A_DATASET = {"(0000,1000)", "(0000,1001)", "(gggg,eeee) gggg odd"}
REPEATING = {"(50xx,xxxx)": 0x50003000, "(60xx,3000)": 0x60003000, "(60xx,4000)": 0x60004000}
NOT_IN_THE_BODY = {0x00020003}
OVERLAYS = 0x5000
STRINGS = {"AE", "LO", "LT", "SH", "ST", "UC", "UT"}


@dataclass(frozen=True)
class Row:
    """One row, its place in a data set, and the marker that stands there."""

    tag: int
    vr: str
    codes: frozenset[str]
    """Every code that may apply under the options asked for."""
    marker: str | bytes | int

    @property
    def text(self) -> str:
        """The marker as it would be read."""
        return self.marker.decode() if isinstance(self.marker, bytes) else str(self.marker)


def rows(columns: frozenset[str] = frozenset()) -> list[Row]:
    """Give the rows that can stand in a data set, under the options whose columns are named."""
    found = []
    for number, line in enumerate(json.loads(TABLE.read_text())["rows"]):
        notation = line["Tag"]
        if notation in NOT_IN_A_DATASET:
            continue
        tag = REPEATING.get(notation) or int(notation[1:5] + notation[6:10], 16)
        vr = line.get("VR") or {0x50003000: "OW", 0x60003000: "OW"}.get(tag, "")
        if not vr:
            vr = dictionary_VR(tag).split(" ")[0] if dictionary_has_tag(tag) else "LO"
        chosen = {line[name] for name in columns if line.get(name)}
        codes = frozenset(chosen or {line["Basic"]})
        found.append(Row(tag, vr, codes, _marker(number, vr)))
    return found


def _marker(number: int, vr: str) -> str | bytes | int:
    day = date(1931, 1, 1) + timedelta(days=7 * number)
    markers: Mapping[str, str | bytes | int] = {
        "UI": f"1.2.826.0.1.3680043.9.7777.{number:05}5",
        "DA": f"{day:%Y%m%d}",
        "DT": f"{day:%Y%m%d}0930",
        "TM": f"09{number % 60:02}{number // 60:02}.{number:06}",
        "PN": f"Zqpn{_letters(number)}^Planted",
        "AS": "090Y",
        "CS": f"ZQCS{number:05}",
        "DS": f"7.{number:05}1",
        "IS": f"77{number:05}",
        "US": 1,
        "UR": f"http://zq{number:05}.example/planted",
        **dict.fromkeys(("OB", "OW", "UN"), f"ZQBYTES{number:05}".encode()),
        **dict.fromkeys(STRINGS, f"ZQPHI{number:05}"),
    }
    return f"ZQPHI{number:05}" if vr == "SQ" else markers[vr]


def _letters(number: int) -> str:
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def planted(*, implicit: bool = False) -> bytes:
    """Give the whole file, every row at the top and once more inside a sequence."""
    dataset, nested = Dataset(), Dataset()
    for row in rows():
        if row.tag not in NOT_IN_THE_BODY:
            dataset.add(_element(row, ""))
            if row.tag >> 16 < 0x5000:
                nested.add(_element(row, "9"))
    dataset.add(DataElement(NEST, "SQ", Sequence([nested])))
    _add_image(dataset)
    _add_hiding_places(dataset)
    dataset.preamble = b"ZQPREAMBLE00001".ljust(128, b"\0")
    dataset.file_meta = _file_meta(dataset)
    if implicit:
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    out = BytesIO()
    pydicom.dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()


def _element(row: Row, suffix: str) -> DataElement:
    text = row.text + suffix
    if row.vr == "SQ":
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator = text, "99ZQ"
        item.CodeMeaning = text
        return DataElement(row.tag, "SQ", Sequence([item]))
    if row.vr == "UI":
        return DataElement(row.tag, "UI", text)
    if row.vr in STRINGS and len(text) <= 16:
        return DataElement(row.tag, row.vr, text)
    value = row.marker
    if isinstance(value, bytes) and len(value) % 2:
        value += b"\0"
    return DataElement(row.tag, row.vr, value)


def _add_image(dataset: Dataset) -> None:
    dataset.SOPClassUID = CTImageStorage
    dataset.Modality, dataset.Manufacturer = "CT", "Maker"
    dataset.Rows = dataset.Columns = 16
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.PixelData = np.arange(256, dtype="<u2").tobytes()


def _add_hiding_places(dataset: Dataset) -> None:
    block = dataset.private_block(0x0019, "ZQPRIVATE00001", create=True)
    block.add_new(0x10, "LO", "ZQPRIVATE00002")
    block.add_new(0x11, "UN", b"ZQPRIVATE00003")
    inner = Dataset()
    inner.PatientComments = "ZQPRIVATE00004"
    block.add_new(0x12, "SQ", Sequence([inner]))
    dataset.add_new(0x00080399, "LO", "ZQUNKNOWN00001")
    dataset.add_new(0x60000010, "US", 16)
    dataset.add_new(0x60000022, "LO", "ZQOVERLAY00001")
    icon = Dataset()
    icon.Rows = icon.Columns = 8
    icon.add_new(0x7FE00010, "OB", b"ZQICON00000001" + bytes(50))
    dataset.IconImageSequence = Sequence([icon])


def _file_meta(dataset: Dataset) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.SourceApplicationEntityTitle = "ZQAETITLE00001"
    meta.PrivateInformationCreatorUID = UID("1.2.826.0.1.3680043.9.7777.99999")
    meta.PrivateInformation = b"ZQMETA00000001"
    return meta


def wrong(dataset: Dataset, columns: frozenset[str]) -> Iterator[str]:
    """Name each row that did not come out of the top level as its code asks."""
    for row in rows(columns):
        if row.tag in NOT_IN_THE_BODY:
            continue
        code = "/".join(sorted(row.codes))
        element = dataset.get(row.tag)
        if not any(_as_asked(one, row, element) for one in _single(row.codes)):
            yield f"({row.tag >> 16:04X},{row.tag & 0xFFFF:04X}) {row.vr} {code}"


def _single(codes: frozenset[str]) -> set[str]:
    return {part.rstrip("*") for code in codes for part in code.split("/")}


def _as_asked(code: str, row: Row, element: DataElement | None) -> bool:
    known = dictionary_has_tag(row.tag)
    if code == "X" or element is None:
        # Bytes, graphics, and what the dictionary cannot tell the form of: cleaned is removed.
        unclear = row.vr in {"OB", "OW"} or row.tag >> 16 >= OVERLAYS or not known
        return element is None and (code == "X" or (code in "CK" and unclear))
    text = "" if element.value is None else str(element.value)
    kept = row.text in text or (isinstance(row.marker, bytes) and row.marker in _raw(element))
    match code:
        case "K":
            return kept or row.vr == "SQ"
        case "Z":
            return not kept
        case "D":
            return not kept and not element.is_empty
        case "U":
            return not kept and (row.vr == "SQ" or text.startswith("2.25."))
        case _:
            return not kept or row.vr == "TM"


def _raw(element: DataElement) -> bytes:
    return element.value if isinstance(element.value, bytes) else b""


HIDDEN = "ZQPREAMBLE ZQPRIVATE ZQAETITLE ZQMETA ZQUNKNOWN ZQOVERLAY ZQICON"


def markers(columns: frozenset[str]) -> Iterator[bytes]:
    """Give what must not be in any outgoing byte: all but what an option says to keep."""
    yield from HIDDEN.encode().split()
    for row in rows(columns):
        distinct = row.vr in STRINGS | {"DA", "DT", "OB", "OW", "PN", "SQ", "UI", "UN", "UR"}
        if distinct and "K" not in row.codes and row.tag not in NOT_IN_THE_BODY:
            yield row.text.encode()
