"""What is remembered of one file changes nothing in the next, of whomever it is."""

from __future__ import annotations

import hashlib
from io import BytesIO
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom

from img_ingestion.deidentify import deidentify, memory, policy, recipe, residue
from img_ingestion.instance import ReceivedInstance
from img_ingestion.settings import Pixels, Profile, Settings

if TYPE_CHECKING:
    from img_ingestion.deidentify import Policy
    from tests.conftest import MakeInstance

RECIPE = recipe.load(Path(__file__).parents[1] / "deid.dicom")
OTHER = "1.2.826.0.1.3680043.9.7777.42"
FILES: list[dict[str, object]] = [
    {"SOPInstanceUID": "1.2.3.4.1"},
    {"SOPInstanceUID": "1.2.3.4.2", "StudyDescription": "Chest, as on 3 May 2019"},
    # The same words, in which somebody else is named.
    {
        "SOPInstanceUID": "1.2.3.4.3",
        "StudyDescription": "Chest, as on 3 May 2019",
        "PatientID": "7",
    },
    {"SOPInstanceUID": "1.2.3.4.4", "PatientName": "Stone^Graves", "PatientID": "7"},
    {"SOPInstanceUID": "1.2.3.4.5", "StudyInstanceUID": "1.2.3.9", "AccessionNumber": ""},
    {"SOPInstanceUID": "1.2.3.4.6", "PatientBirthDate": "19000101", "PatientAge": "084Y"},
    {"SOPInstanceUID": "1.2.3.4.7", "PatientAge": "084Y"},
    # A UID in a text is this file's own, and was nobody's in the other.
    {"SOPInstanceUID": "1.2.3.4.8", "ImageComments": f"see {OTHER}"},
    {"SOPInstanceUID": OTHER, "ImageComments": f"see {OTHER}"},
    {"SOPInstanceUID": "1.2.3.4.9", "ImageComments": "moved to 471177", "SeriesNumber": "471177"},
    {"SOPInstanceUID": "1.2.3.4.10", "ImageComments": "moved to 471177", "PatientID": "ZQ-471177"},
]
POLICIES = [Profile(), Profile(retain_uids=True, retain_patient_characteristics=False)]


def _policies() -> list[Policy]:
    pixels = Pixels(policy="rules")
    made = [Settings(profile=each, pixels=pixels) for each in POLICIES]
    return [policy("customer", each, RECIPE, b"k" * 32) for each in made]


def _forget() -> None:
    memory.memory_of.cache_clear()
    residue._lasting.cache_clear()


def _outcome(content: bytes, rules: Policy) -> tuple[bytes, object]:
    digest = hashlib.sha256(content).hexdigest()
    received = ReceivedInstance("id", "customer", Path("IM0001.dcm"), content, digest)
    clean = deidentify(received, rules)
    return clean.content, clean.replaced


def _with_private(content: bytes, creator: str) -> bytes:
    """Give the file with a private element: the same bytes, another owner."""
    dataset = pydicom.dcmread(BytesIO(content))
    dataset.private_block(0x0019, creator, create=True).add_new(0x0C, "IS", "1000")
    out = BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def test_a_file_comes_out_alike_whatever_came_before(make_instance: MakeInstance) -> None:
    files = [make_instance(**each) for each in FILES]
    files += [_with_private(files[0], creator) for creator in ("SIEMENS MR HEADER", "NOBODY")]
    for rules in reversed(_policies()):
        alone = []
        for each in files:
            _forget()
            alone.append(_outcome(each, rules))
        _forget()
        assert [_outcome(each, rules) for each in files] == alone
        assert [_outcome(each, rules) for each in reversed(files)] == alone[::-1]
    owned, nobodys = alone[-2:]
    assert owned != nobodys == alone[0]


def test_policies_do_not_share_what_they_remember(make_instance: MakeInstance) -> None:
    content = make_instance(**FILES[1])
    alone = []
    for rules in _policies():
        _forget()
        alone.append(_outcome(content, rules))
    for order in permutations(range(len(alone))):
        _forget()
        assert all(_outcome(content, _policies()[at]) == alone[at] for at in order)
