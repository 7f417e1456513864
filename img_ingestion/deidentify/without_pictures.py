"""
Instances that have no picture: which are cleaned and go on, which are held, and why.

What goes on says all that it says in elements that the one pass over the header looks at: texts
are cleaned, names and UIDs replaced, dates moved, numbers and codes kept. What is held carries
bytes that nobody here can read as a patient's relative would, or belongs to no patient.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_OTHER = "1.2.840.10008.5.1.4."


def _each(why: str, suffixes: str, root: str = _STORAGE) -> dict[str, str]:
    return {root + suffix: why for suffix in suffixes.split()}


ADMITTED: Mapping[str, str] = MappingProxyType(
    {
        # Basic text, enhanced, comprehensive (3D), extensible, procedure log, CAD, dose,
        # implantation plan, acquisition context, echo, imaging agents, waveform annotation
        **_each(
            "structured report: a tree of texts, names, codes, numbers, dates and references",
            "88.11 88.22 88.33 88.34 88.35 88.40 88.50 88.65 88.67 88.68 88.69 88.70 88.71 88.72 "
            "88.73 88.74 88.75 88.76 88.77",
        ),
        **_each("key object selection: references, a title, a description", "88.59"),
        **_each(
            "presentation state: how others are shown, with graphics and texts drawn on them",
            "11.1 11.2 11.3 11.4 11.5 11.6 11.7 11.8 11.9 11.10 11.11 11.12",
        ),
        # ECG, haemodynamic, electrophysiology, pulse, respiratory, EEG, EMG, EOG, sleep, position
        **_each(
            "waveform: samples of a measured quantity, labels and annotations",
            "9.1.1 9.1.2 9.1.3 9.1.4 9.2.1 9.3.1 9.5.1 9.6.1 9.6.2 9.7.1 9.7.2 9.7.3 9.7.4 9.8.1",
        ),
        # Structure set, plans, treatment records, a dose of histograms alone, second generation
        **_each(
            "radiotherapy: geometry, doses and machine settings, labels and descriptions",
            "481.2 481.3 481.4 481.5 481.6 481.7 481.8 481.9 481.10 481.11 481.12 481.13 481.14 "
            "481.15 481.16 481.17 481.18 481.19 481.20 481.21 481.22 481.25",
        ),
        **_each("registration, fiducials: matrices, points and references", "66.1 66.2 66.3"),
        **_each("surfaces and tracts found in images: points and labels", "66.5 66.6"),
        **_each("MR spectroscopy: samples of a spectrum", "4.2"),
        **_each("real world values: scales and units of other images", "67"),
        **_each("annotations of a slide: points and labels", "91.1"),
        **_each("assessment of other instances: codes and descriptions", "90.1"),
        # Lens, refraction, keratometry, acuity, prescription, axial length, perimetry, stereo
        **_each(
            "measurements of the eye: numbers and codes",
            "77.1.5.3 78.1 78.2 78.3 78.4 78.5 78.6 78.7 78.8 79.1 80.1",
        ),
    }
)
"""SOP Class UID (0008,0016) -> what such an instance is made of, so that it can be cleaned."""

DOCUMENT = "an encapsulated document: it cannot be cleaned"

HELD: Mapping[str, str] = MappingProxyType(
    {
        **_each(DOCUMENT, "104.1 104.2 104.3 104.4 104.5"),
        **_each("raw data: a maker's own bytes, which only the maker can read", "66"),
        **_each("sound: a voice identifies, and what it says does too", "9.4.1 9.4.2 88.2"),
        **_each("a scan of the body's surface: it can show a face", "68.1 68.2"),
        **_each("an inventory of other instances, with their patients", "201.1"),
        # Hanging protocol, palette, implant templates, defined protocols and their approval
        **_each(
            "about no patient: there is no study that it could be filed by",
            "200.1 200.3 200.7",
        ),
        **_each(
            "about no patient: there is no study that it could be filed by",
            "38.1 39.1 43.1 44.1 45.1",
            _OTHER,
        ),
    }
)
"""SOP Class UID -> why such an instance is held in any case."""

UNKNOWN = "no pixel data, and of no kind that this version cleans without"


def why_held(sop_class: str, *, pictured: bool) -> str:
    """Say why an instance of this SOP class is held; empty where it goes on."""
    if pictured or sop_class in HELD:
        return HELD.get(sop_class, "")
    return "" if sop_class in ADMITTED else UNKNOWN
