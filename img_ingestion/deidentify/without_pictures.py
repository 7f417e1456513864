"""
Instances that have no picture: which are cleaned and go on, which are held, and why.

What goes on says all that it says in elements that the one pass over the header looks at: texts
are cleaned, names and UIDs replaced, dates moved, numbers and codes kept. What is held carries
bytes that nobody here can read as a patient's relative would, or belongs to no patient.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from pydicom.uid import UID

from img_ingestion.errors import Incomplete, NotAdmitted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydicom.dataset import Dataset

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_OTHER = "1.2.840.10008.5.1.4."


class Kind(NamedTuple):
    """What instances of some SOP classes are made of."""

    made_of: str
    """Why it can be cleaned."""
    essence: range
    """Tags of which one stands at the top: what the instance is about, and late in the file."""


def _one(tag: int) -> range:
    return range(tag, tag + 1)


def _group(group: int) -> range:
    return range(group << 16, (group + 1) << 16)


CONTENT = 0x0040A730
BEAMS, ION_BEAMS = 0x300A00B0, 0x300A03A2
KINDS: Mapping[Kind, str] = MappingProxyType(
    {
        # Basic text, enhanced, comprehensive (3D), extensible, procedure log, CAD, dose,
        # implantation plan, acquisition context, echo, imaging agents, waveform annotation, macula
        Kind(
            "structured report: a tree of texts, names, codes, numbers, dates and references",
            _one(CONTENT),
        ): "88.11 88.22 88.33 88.34 88.35 88.40 88.50 88.65 88.67 88.68 88.69 88.70 88.71 88.72 "
        "88.73 88.74 88.75 88.76 88.77 79.1",
        Kind("key object selection: references, a title, a description", _one(CONTENT)): "88.59",
        Kind(
            "presentation state: how others are shown, with graphics and texts drawn on them",
            _one(0x00700082),
        ): "11.1 11.2 11.3 11.4 11.5 11.6 11.7 11.8 11.9 11.10 11.11 11.12",
        # ECG, haemodynamic, electrophysiology, pulse, respiratory, EEG, EMG, EOG, sleep, position
        Kind(
            "waveform: samples of a measured quantity, labels and annotations", _one(0x54000100)
        ): "9.1.1 9.1.2 9.1.3 9.1.4 9.2.1 9.3.1 9.5.1 9.6.1 9.6.2 9.7.1 9.7.2 9.7.3 9.7.4 9.8.1",
        Kind("histograms of a dose without its grid", _one(0x30040050)): "481.2",
        Kind("structure set: contours and their labels", _one(0x30060080)): "481.3",
        Kind(
            "radiotherapy plan: beams, sources and machine settings, labels and descriptions",
            range(BEAMS, ION_BEAMS + 1),
        ): "481.5 481.8",
        Kind(
            "radiotherapy record: what was delivered, by numbers and codes",
            range(0x30080020, 0x30090000),
        ): "481.4 481.6 481.7 481.9",
        Kind(
            "radiotherapy, second generation: geometry, doses and machine settings, labels",
            _group(0x3010),
        ): "481.10 481.11 481.12 481.13 481.14 481.15 481.16 481.17 481.18 481.19 481.20 481.21 "
        "481.22 481.25",
        Kind("registration: matrices and references", _one(0x00700308)): "66.1",
        Kind("fiducials: points and references", _one(0x0070031C)): "66.2",
        Kind("deformable registration: grids and references", _one(0x00640002)): "66.3",
        Kind("surfaces found in images: points and labels", _one(0x00660002)): "66.5",
        Kind("tracts found in images: points and labels", _one(0x00660101)): "66.6",
        Kind("MR spectroscopy: samples of a spectrum", _one(0x56000020)): "4.2",
        Kind("real world values: scales and units of other images", _one(0x00409094)): "67",
        Kind("annotations of a slide: points and labels", _one(0x006A0002)): "91.1",
        Kind("assessment of other instances: codes, descriptions", _group(0x0082)): "90.1",
        # Lens, refraction, keratometry, acuity, prescription; stereometry, axial length, lens
        # calculation; perimetry
        Kind("measurements of the eye: numbers and codes", _group(0x0046)): "78.1 78.2 78.3 78.4 "
        "78.5 78.6",
        Kind("lengths and pairs of the eye: numbers and codes", _group(0x0022)): "77.1.5.3 78.7 "
        "78.8",
        Kind("visual field: numbers and codes", _group(0x0024)): "80.1",
        Kind(
            "protocol performed: settings of the device, steps and their labels, codes",
            range(0x00189914, 0x00189940),
        ): "200.2 200.8",
        Kind(
            "structured display: where images and texts stand on a screen",
            range(0x00720422, 0x00720425),
        ): "131",
    }
)
"""What can be cleaned without a picture -> the last parts of its SOP Class UIDs (0008,0016)."""

INSTRUCTION = Kind(
    "delivery instruction: which beams or sources of a plan, by numbers and codes",
    range(0x00741020, 0x00741410),
)

ADMITTED: Mapping[str, Kind] = MappingProxyType(
    {_STORAGE + suffix: kind for kind, suffixes in KINDS.items() for suffix in suffixes.split()}
    | dict.fromkeys((_OTHER + "34.7", _OTHER + "34.10"), INSTRUCTION)
)


def _each(why: str, suffixes: str, root: str = _STORAGE) -> dict[str, str]:
    return {root + suffix: why for suffix in suffixes.split()}


DOCUMENT = "an encapsulated document: it cannot be cleaned"
RETIRED = "retired from the standard: nobody looked into what such an instance holds"
NO_PATIENT = "about no patient: there is no study that it could be filed by"

HELD: Mapping[str, str] = MappingProxyType(
    {
        **_each(DOCUMENT, "104.1 104.2 104.3 104.4 104.5"),
        **_each("raw data: a maker's own bytes, which only the maker can read", "66"),
        **_each("sound: a voice identifies, and what it says does too", "9.4.1 9.4.2 88.2"),
        **_each("a scan of the body's surface: it can show a face", "68.1 68.2"),
        **_each("an inventory of other instances, with their patients", "201.1"),
        # Hanging protocol, palette, implant templates, defined protocols and their approval
        **_each(NO_PATIENT, "200.1 200.3 200.7"),
        **_each(NO_PATIENT, "38.1 39.1 43.1 44.1 45.1", _OTHER),
        **_each("of security screening: about no patient", "501.3 501.4 501.5 501.6"),
        # Overlays, curves and tables alone; trials of reports, waveforms and plans; prints
        **_each(RETIRED, "8 9 9.1 10 11 88.1 88.3 88.4 129"),
        **_each(RETIRED, "34.1", _OTHER),
        **_each(RETIRED, "27", "1.2.840.10008.5.1.1."),
    }
)
"""SOP Class UID -> why such an instance is held in any case."""

UNKNOWN = "no pixel data, and of no kind that this version cleans without"
SERVICE = "SOP Class UID (0008,0016) names a service, and nothing that is stored"


def check(dataset: Dataset) -> None:
    """
    Raise unless an instance without pixel data is of a kind that can be cleaned, and whole.

    Raises
    ------
    NotAdmitted
        A document stands in it, or nobody looked into its kind yet.
    Incomplete
        What it is about is not there: cut between two elements, a file looks whole.

    """
    if "EncapsulatedDocument" in dataset:
        raise NotAdmitted(DOCUMENT)
    kind = ADMITTED.get(str(dataset.SOPClassUID))
    if kind is None:
        name = UID(dataset.SOPClassUID).name
        raise NotAdmitted(SERVICE if name and "Storage" not in name else UNKNOWN)
    if not any(tag in kind.essence for tag in dataset.keys()):  # noqa: SIM118 (of elements else)
        raise Incomplete(f"without its content: no {kind.made_of.partition(':')[0]}")
