"""
In which character set texts really are, and how a changed text is written back in it.

PS3.3 C.12.1.1.2. Devices leave Specific Character Set (0008,0005) out, or name one and use another;
names would then be taken apart wrongly and not be found. Bytes that no rule touches stay.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pydicom
from pydicom.charset import convert_encodings, decode_bytes, encode_string
from pydicom.valuerep import TEXT_VR_DELIMS

from img_ingestion import attribute, part10
from img_ingestion.attribute import known
from img_ingestion.deidentify.representation import BINARY_NUMBERS, BYTES, CODED, TEXT
from img_ingestion.errors import NotDeidentified

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydicom.dataset import Dataset

NEVER_TEXT = BYTES | BINARY_NUMBERS | CODED
FIRST_SIGN, FIRST_LETTER = 0x80, 0xC0
"""Of Latin 1: what stands between them are controls and signs, which no name has."""
LONGEST = 10_240
"""Bytes of a text at most (LT, PS3.5 6.2); longer ones say nothing that shorter ones would not."""
NONE_OR_LATIN = frozenset({"", "ISO_IR 6", "ISO_IR 100", "ISO 2022 IR 6", "ISO 2022 IR 100"})
UTF_8, GB18030, LATIN_1, CYRILLIC = "ISO_IR 192", "GB18030", "ISO_IR 100", "ISO_IR 144"
CODECS = {UTF_8: "utf-8", GB18030: "gb18030", "GBK": "gbk", LATIN_1: "latin-1"}
ESCAPE = b"\x1b"
ESCAPES = {
    ESCAPE + final: f"ISO 2022 IR {number}"
    for final, number in (
        *((b"-A", 100), (b"-B", 101), (b"-C", 109), (b"-D", 110), (b"-F", 126), (b"-G", 127)),
        *((b"-H", 138), (b"-L", 144), (b"-M", 148), (b"-T", 166), (b")I", 13), (b"$B", 87)),
        *((b"$(D", 159), (b"$)C", 149), (b"$)A", 58)),
    )
}
"""They say themselves which set follows (PS3.3 Tables C.12-3 and C.12-4)."""
CHINESE = b"\x1b$)A"
"""ISO-IR 58 into G1 (PS3.3 Table C.12-4)."""


def settled(dataset: Dataset) -> Dataset:
    """
    Give a data set whose Specific Character Set (0008,0005) says what its bytes are.

    The data set itself where that holds already; else the same bytes read once more. What is named
    nowhere is what its escapes say, UTF-8 where all texts are that, GB 18030 where they are no
    Latin letters, or Latin 1 where they may be; Cyrillic, where every byte is a letter, if not.
    """
    found = list(_texts(dataset))
    if not found:
        return dataset
    said = "\\".join(attribute.texts(dataset, "SpecificCharacterSet"))
    real = _real(said, [text for _, text in found], [text for vr, text in found if vr == "PN"])
    if real == said:
        return dataset
    dataset.SpecificCharacterSet = sets = real.split("\\")
    # Else pydicom would write the texts anew, in a character set that it believes.
    implicit, little = dataset.original_encoding
    dataset.set_original_encoding(implicit, little, convert_encodings(sets))
    again = pydicom.dcmread(BytesIO(part10.written(dataset)), force=True)
    again.file_meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    return again


def _real(said: str, texts: list[bytes], names: list[bytes]) -> str:
    escaped = [name for escape, name in ESCAPES.items() if any(escape in text for text in texts)]
    if said in NONE_OR_LATIN and escaped:
        return "\\".join(["", *escaped])
    if said in NONE_OR_LATIN and _all_are(UTF_8, texts):
        return UTF_8
    if said in CODECS and not _all_are(said, texts):
        return LATIN_1
    if said in NONE_OR_LATIN - {LATIN_1}:
        signs = any(FIRST_SIGN <= code < FIRST_LETTER for name in names for code in name)
        chinese = signs and _all_are(GB18030, texts) and all(map(_keeps_its_parts, names))
        # Of any other set the bytes are kept apart as they are, where all of them are letters.
        return GB18030 if chinese else CYRILLIC if signs else LATIN_1
    return said


def _keeps_its_parts(name: bytes) -> bool:
    """Tell whether read as GB 18030 no letter swallows the `^` behind it: that was another set."""
    text = name.decode("gb18030")
    return all(text.count(sign) == name.count(sign.encode()) for sign in "^=")


def _texts(dataset: Dataset) -> Iterator[tuple[str, bytes]]:
    """Give VR and value of what is text at the top level and no plain ASCII."""
    for raw in list(dataset.values()):
        value = raw.value
        if (
            isinstance(value, bytes)
            and len(value) <= LONGEST
            and (not value.isascii() or ESCAPE in value)
            and raw.VR not in NEVER_TEXT
        ):
            vr = raw.VR or known(int(raw.tag))
            if vr in TEXT or vr == "PN":
                yield vr, value.rstrip(b"\0 ")


def _all_are(name: str, texts: list[bytes]) -> bool:
    try:
        for text in texts:
            text.decode(CODECS[name])
    except UnicodeDecodeError:
        return False
    return True


def written(text: str, encodings: str | Sequence[str]) -> bytes | None:
    """
    Give a text in the character sets of its data set, or None where pydicom will write it right.

    Raises
    ------
    NotDeidentified
        Nothing writes it so that it reads as the same text again.

    """
    names = [encodings] if isinstance(encodings, str) else list(encodings)
    if text.isascii() or _reads(encode_string(text, names), names) == text:
        return None
    for name in names:
        other = _encoded(text, name)
        if other and _reads(other, names) == text:
            return other + b" " * (len(other) % 2)
    raise NotDeidentified("a cleaned text cannot be written in its character set")


def _encoded(text: str, name: str) -> bytes:
    codec, start = ("gb2312", CHINESE) if name == "iso_ir_58" else (name, b"")
    try:
        lines = [line.encode(codec) for line in text.splitlines(keepends=True)]
    except (UnicodeEncodeError, LookupError):
        return b""
    return b"".join(line if line.isascii() else start + line for line in lines)


def _reads(content: bytes, names: list[str]) -> str:
    return decode_bytes(content, names, TEXT_VR_DELIMS)
