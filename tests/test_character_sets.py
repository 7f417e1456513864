"""Names are found in every character set, declared or not, and text that stays keeps its bytes."""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
import pytest
from pydicom.charset import convert_encodings, encode_string
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from img_ingestion.deidentify import deidentify, policy, recipe
from img_ingestion.instance import ReceivedInstance
from img_ingestion.settings import Pixels, Settings

if TYPE_CHECKING:
    from tests.conftest import MakeDataset

RULES = policy(
    "customer",
    Settings(pixels=Pixels(policy="rules")),
    recipe.load(Path(__file__).parents[1] / "deid.dicom"),
    b"k" * 32,
)
CHINESE = "ISO-IR 58"
"""Our name for it: pydicom writes it without its escape."""
ESCAPED = ["ISO 2022 IR 13", "ISO 2022 IR 87"]


@pytest.mark.parametrize(
    ("declared", "codec", "name", "kept"),
    [
        ("ISO_IR 100", "latin-1", "M\u00fcller^J\u00fcrgen", "Gr\u00f6\u00dfe"),
        ("ISO_IR 101", "iso8859-2", "Wójcik^Łukasz", "żebro"),
        ("ISO_IR 109", "iso8859-3", "Ċamilleri^Ġorġ", "Ħal"),
        ("ISO_IR 110", "iso8859-4", "Bērziņš^Jānis", "krūtis"),
        ("ISO_IR 144", "iso8859-5", "Иванов^Пётр", "грудь"),
        ("ISO_IR 127", "iso8859-6", "قباني^لنزار", "صدر"),
        ("ISO_IR 126", "iso8859-7", "Διονυσιος^Ελένη", "θώρακας"),
        ("ISO_IR 138", "iso8859-8", "שרון^דבורה", "חזה"),
        ("ISO_IR 148", "iso8859-9", "Çavuşoğlu^I\u015f\u0131l", "göğüs"),
        ("ISO_IR 203", "iso8859-15", "Lefèvre^Zoé", "thorax"),
        ("ISO_IR 13", "shift_jis", "ﾔﾏﾀﾞ^ﾀﾛｳ", "ﾑﾈ"),
        ("ISO_IR 166", "tis-620", "สมชาย^ใจดี", "ปอด"),
        ("ISO_IR 192", "utf-8", "Wang^XiaoDong=王^小东", "胸部"),
        ("GB18030", "gb18030", "Wang^XiaoDong=王^小东", "胸部"),
        ("GBK", "gbk", "Wang^XiaoDong=王^小东", "胸部"),
        (["", "ISO 2022 IR 87"], "", "Yamada^Tarou=山田^太郎", "胸部"),
        (ESCAPED, "", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎", "胸部"),
        (["", "ISO 2022 IR 149"], "", "Hong^Gildong=洪^吉洞=홍^길동", "흉부"),
        (["", "ISO 2022 IR 58"], CHINESE, "Zhang^XiaoDong=张^小东", "胸部"),
        (["ISO 2022 IR 100", "ISO 2022 IR 144"], "", "Иванов^Пётр", "грудь"),
        (None, "latin-1", "M\u00fcller^J\u00fcrgen", "Gr\u00f6\u00dfe"),
        (None, "utf-8", "M\u00fcller^J\u00fcrgen", "Gr\u00f6\u00dfe"),
        (None, "gb18030", "王^小东", "胸部"),
        (None, "iso8859-5", "Люк^Иван", "колено"),
        (None, "ISO 2022 IR 87", "Yamada^Tarou=山田^太郎", "胸部"),
        (None, "ISO 2022 IR 149", "Hong^Gildong=洪^吉洞=홍^길동", "흉부"),
        ("ISO_IR 100", "utf-8", "王^小东", "胸部"),
        ("ISO_IR 192", "latin-1", "M\u00fcller^J\u00fcrgen", "Gr\u00f6\u00dfe"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else str(value)[:10],
)
def test_names_go_and_kept_text_keeps_its_bytes(
    make_dataset: MakeDataset, declared: str | list[str] | None, codec: str, name: str, kept: str
) -> None:
    def encoded(text: str) -> bytes:
        if codec == CHINESE:
            return text.encode() if text.isascii() else b"\x1b$)A" + text.encode("gb2312")
        if codec.startswith("ISO 2022"):
            return encode_string(text, convert_encodings(["", codec]))
        if not codec:
            return encode_string(text, convert_encodings(declared))
        return text.encode(codec)

    words = [word for group in name.split("=") for word in group.split("^")]
    content = _file(
        make_dataset,
        declared,
        {
            "PatientName": ("PN", encoded(name)),
            "ImageComments": ("LT", encoded(f"{kept} {words[-2]} {words[-1]}")),
            "Manufacturer": ("LO", encoded(kept)),
        },
    )
    digest = hashlib.sha256(content).hexdigest()
    received = ReceivedInstance("id", "customer", Path("x"), content, digest)
    clean = deidentify(received, RULES).content
    after = pydicom.dcmread(BytesIO(clean))
    assert bytes(after.get_item("Manufacturer").value).rstrip() == encoded(kept)
    assert kept in str(after.ImageComments)
    assert not [word for word in words if word in str(after.ImageComments)]
    assert not [word for word in words if len(encoded(word)) > 2 and encoded(word) in clean]


def _file(
    make_dataset: MakeDataset,
    declared: str | list[str] | None,
    elements: dict[str, tuple[str, bytes]],
) -> bytes:
    """Write a file with texts whose bytes are as given, whatever they claim to be."""
    dataset = make_dataset()
    dataset["PixelData"].VR = "OW"
    if declared is not None:
        dataset.SpecificCharacterSet = declared
    for keyword, (vr, value) in elements.items():
        tag = Tag(tag_for_keyword(keyword) or 0)
        even = value + b" " * (len(value) % 2)
        dataset._dict[tag] = RawDataElement(tag, vr, len(even), even, 0, False, True)  # noqa: FBT003
    # As pydicom names it: what it takes for another set it writes anew.
    encodings = convert_encodings(declared) if declared else "iso8859"
    dataset.set_original_encoding(False, True, encodings)  # noqa: FBT003
    out = BytesIO()
    pydicom.dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()
