"""Built instances that carry a patient in odd places: reports, states, waveforms, signatures, UN."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pydicom
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.sequence import Sequence
from pydicom.uid import (
    ComprehensiveSRStorage,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
)

if TYPE_CHECKING:
    from tests.conftest import MakeDataset

IMAGE = "1.2.826.0.1.3680043.9.9999.1.1.1"
STUDY = "1.2.826.0.1.3680043.9.9999.1"
ROOT = "1.2.826.0.1.3680043.9.9999"
NAMES = (b"quill", b"zebedee", b"thistlewood", b"ottoline", b"zq-4711", b"19510723")
"""Of the patient and a physician; in no outgoing byte."""


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """Give an item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def without_picture(sop_class: str, **elements: object) -> Dataset:
    """Give an instance of our invented patient without pixel data."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, f"{ROOT}.7.1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = STUDY, f"{ROOT}.7"
    dataset.PatientName, dataset.PatientID = "Quillfeather^Zebedee", "ZQ-4711"
    dataset.PatientBirthDate, dataset.PatientSex = "19510723", "M"
    dataset.StudyDate, dataset.StudyTime, dataset.AccessionNumber = "20100305", "101112", "ACC77"
    dataset.ReferringPhysicianName, dataset.StudyID = "Thistlewood^Ottoline", "S5"
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "OT", 1, 1
    dataset.Manufacturer = "Example"
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def written(dataset: Dataset) -> bytes:
    """Write it as PS3.10 has it."""
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def report() -> Dataset:
    """Give a report whose tree has an item of each kind (PS3.3 C.17.3)."""
    tree = [
        _item("PNAME", "121008", "Person Observer Name", PersonName="Thistlewood^Ottoline"),
        _item("PNAME", "121029", "Subject Name", PersonName="Quillfeather^Zebedee"),
        _item("TEXT", "121030", "Subject ID", TextValue="ZQ-4711"),
        _item("DATE", "121031", "Subject Birth Date", Date="19510723"),
        _item("TEXT", "121013", "Device Observer Name", TextValue="Example lung"),
        _item("TEXT", "121016", "Device Observer Serial Number", TextValue="4 nodule"),
        _item("UIDREF", "121018", "Procedure Study Instance UID", UID=STUDY),
        _item("DATE", "111060", "Study Date", Date="20100306"),
        _item(
            "DATETIME", "121125", "DateTime of Recording of Log Entry", DateTime="20100306101112"
        ),
        _item(
            "TEXT",
            "121071",
            "Finding",
            TextValue="Quillfeather, Zebedee: nodule of 8 mm in the left lung, seen 06.03.2010",
        ),
        _item("NUM", "121206", "Distance", MeasuredValueSequence=[_measured()]),
        _item("CODE", "121071", "Finding", ConceptCodeSequence=[_nodule()]),
        _item("IMAGE", "121080", "Best illustration", ReferencedSOPSequence=[_reference()]),
    ]
    return without_picture(
        ComprehensiveSRStorage,
        Modality="SR",
        ValueType="CONTAINER",
        ContinuityOfContent="SEPARATE",
        CompletionFlag="COMPLETE",
        VerificationFlag="UNVERIFIED",
        ContentDate="20100305",
        ContentTime="101112",
        ConceptNameCodeSequence=[code("126000", "DCM", "Imaging Measurement Report")],
        ReferencedPerformedProcedureStepSequence=[],
        PerformedProcedureCodeSequence=[],
        ContentSequence=tree,
    )


def _item(kind: str, value: str, meaning: str, **elements: object) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", kind
    item.ConceptNameCodeSequence = [code(value, "DCM", meaning)]
    for keyword, content in elements.items():
        setattr(item, keyword, content)
    return item


def _measured() -> Dataset:
    measured = Dataset()
    measured.NumericValue = "8.25"
    measured.MeasurementUnitsCodeSequence = [code("mm", "UCUM", "millimeter")]
    return measured


def _nodule() -> Dataset:
    return code("27925004", "SCT", "Nodule")


def _reference() -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    reference.ReferencedSOPInstanceUID = IMAGE
    return reference


def presentation_state() -> Dataset:
    """Give a presentation state with a text drawn on an image."""
    text = Dataset()
    text.UnformattedTextValue = "left lung, asked for by Dr. Ottoline Thistlewood"
    text.BoundingBoxAnnotationUnits = "PIXEL"
    annotation = Dataset()
    annotation.GraphicLayer, annotation.TextObjectSequence = "TEXTS", [text]
    layer = Dataset()
    layer.GraphicLayer, layer.GraphicLayerOrder = "TEXTS", 1
    layer.GraphicLayerDescription = "drawn by Thistlewood"
    return without_picture(
        GrayscaleSoftcopyPresentationStateStorage,
        Modality="PR",
        ContentLabel="READING",
        PresentationCreationDate="20100305",
        PresentationCreationTime="101112",
        ContentDescription="nodule, Quillfeather",
        GraphicAnnotationSequence=[annotation],
        GraphicLayerSequence=[layer],
    )


def odd(make_dataset: MakeDataset) -> Dataset:
    """Give an image that names its patient wherever an image can."""
    dataset = make_dataset()
    name = b"Quillfeather^Zebedee"
    icon = Dataset()
    icon.Rows = icon.Columns = icon.BitsAllocated = 8
    icon.PixelData = name.ljust(64)
    dataset.IconImageSequence = [icon]
    # Not an icon's place, and a picture all the same.
    dataset.RadiopharmaceuticalInformationSequence = [icon]
    for tag, vr, value in (
        (0x50000010, "US", 1),
        (0x50003000, "OW", name),
        (0x50002600, "LO", "Quillfeather"),
        (0x60020010, "US", 8),
        (0x60023000, "OW", name),
        (0x60024000, "LT", "Quillfeather"),
        (0xFFFCFFFC, "OB", name),
        (0x00090010, "LO", "QUILLFEATHER 1.0"),
        (0x00091001, "LO", "Zebedee"),
        (0x00091002, "SQ", Sequence([_person()])),
        (0x00091003, "UN", name),
    ):
        dataset[tag] = DataElement(tag, vr, value)
    encrypted, signature, integrity = Dataset(), Dataset(), Dataset()
    encrypted.EncryptedContentTransferSyntaxUID = ExplicitVRLittleEndian
    encrypted.EncryptedContent = name
    signature.MACIDNumber, signature.DigitalSignatureUID = 1, f"{ROOT}.8"
    signature.CertificateOfSigner = signature.Signature = name
    integrity.MACIDNumber, integrity.MACAlgorithm = 1, "SHA256"
    dataset.EncryptedAttributesSequence = [encrypted]
    dataset.DigitalSignaturesSequence = [signature]
    dataset.MACParametersSequence = [integrity]
    return dataset


def _person() -> Dataset:
    person = Dataset()
    person.PatientName = "Quillfeather^Zebedee"
    return person


def unknown(make_dataset: MakeDataset) -> bytes:
    """
    Write an image in which known elements have the VR UN, and others a wrong one.

    What stands in a sequence of VR UN is implicit VR little endian (PS3.5 6.2.2).
    """
    name = b"Quillfeather^Zebedee"
    inner = _implicit(0x00100010, name) + _implicit(0x0040A160, b"Quillfeather: a nodule")
    ended = _tag(0xFFFEE000) + b"\xff" * 4 + inner + _tag(0xFFFEE00D) + bytes(4)
    spliced = {
        0x00091001: _un(0x00091001, name),
        0x00100010: _un(0x00100010, name),
        0x00101010: _explicit(0x00101010, b"LO", b"Quillfeather"),
        0x00104000: _un(0x00104000, b"nodule, Zebedee Quillfeather"),
        0x00180050: _explicit(0x00180050, b"LO", b"Zebedee "),
        0x00181030: _un(0x00181030, b"LUNG Quillfeather "),
        0x00280030: _un(0x00280030, b"1\\1 "),
        0x00186060: _un(0x00186060, struct.pack("<f", 1.5)),
        0x00400260: _tag(0x00400260)
        + b"UN\0\0"
        + b"\xff" * 4
        + ended
        + _tag(0xFFFEE0DD)
        + bytes(4),
        0x0040A730: _un(0x0040A730, _tag(0xFFFEE000) + struct.pack("<L", len(inner)) + inner),
    }
    whole = written(make_dataset())
    source = pydicom.dcmread(BytesIO(whole))
    parts = {int(element.tag): _encoded(element) for element in source} | spliced
    return whole[: whole.index(b"\x08\0\x16\0UI")] + b"".join(parts[tag] for tag in sorted(parts))


def _encoded(element: DataElement) -> bytes:
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = True, False
    write_data_element(out, element)
    encoded: bytes = out.getvalue()
    return encoded


def _tag(tag: int) -> bytes:
    return struct.pack("<HH", tag >> 16, tag & 0xFFFF)


def _implicit(tag: int, value: bytes) -> bytes:
    return _tag(tag) + struct.pack("<L", len(value)) + value


def _explicit(tag: int, vr: bytes, value: bytes) -> bytes:
    return _tag(tag) + vr + struct.pack("<H", len(value)) + value


def _un(tag: int, value: bytes) -> bytes:
    return _tag(tag) + b"UN\0\0" + struct.pack("<L", len(value)) + value


def samples(count: int = 64) -> bytes:
    """Give the samples of a waveform of one channel."""
    return np.arange(count, dtype="<i2").tobytes()
