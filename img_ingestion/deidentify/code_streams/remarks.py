"""What may stand in a code stream beside the pixels: an encoder's own name, and padding."""

from __future__ import annotations

import re

PROGRAMS = (
    rb"Kakadu|OpenJPEG|OpenJPH|Grok|JasPer|GIMP|LEADTOOLS|LEAD Technologies Inc\.|JPEG Pro"
    rb"|Intel\(R\) JPEG Library|MITRA_DICOM_STANDARD|Lavc|Aware|OFFIS|IJG|CREATOR: gd-jpeg"
    rb"|JJ2000|Pegasus Imaging Corp|AVLT_\d{1,4}"
)
VERSION = rb"[ ,;-]*(?:[Vv](?:er(?:sion)?)?\.?)? *[\[(]?\d*(?:\.\d+)*\.?[\])]?"
OWN = re.compile(
    rb"(?:Creat(?:ed|or):? *(?:by|with)? *)?(?:GDCM/)?(?:" + PROGRAMS + rb")" + VERSION + rb"\s*\0*"
)
SAYS_NOTHING = 2
"""Bytes: so few are padding, whatever they are."""
KAKADU_LAYERS = re.compile(
    rb"Kdu-Layer-Info: log_2\{Delta-D\(MSE\)/\[2\^16\*Delta-L\(bytes\)\]\}, L\(bytes\)"
    rb"[\s\d.,:e+-]*\0*"
)


def is_encoders_own(remark: bytes) -> bool:
    """Tell a program's name and version from what a person or a device may have written."""
    return bool(OWN.fullmatch(remark) or KAKADU_LAYERS.fullmatch(remark))


def is_padding(rest: bytes) -> bool:
    """Tell what stands behind the end of a code stream and says nothing from what may."""
    return len(rest) <= SAYS_NOTHING or not rest.strip(b"\0") or not rest.strip(b"\xff")
