"""What stands as it stood is passed in one step; what differs in a single byte is looked at."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from img_ingestion import as_found, part10
from img_ingestion.deidentify import deidentify, identifiers, policy, recipe, residue
from img_ingestion.deidentify.free_text import Cleaner
from img_ingestion.errors import InstanceError, NotVerified
from img_ingestion.instance import ReceivedInstance
from img_ingestion.settings import Limits, Pixels, Settings
from img_ingestion.stretches import LONGEST, MOST, Stretches

if TYPE_CHECKING:
    from tests.conftest import MakeDataset

RECIPE = recipe.load(Path(__file__).parents[1] / "deid.dicom")
META, PIXELS = 132, 16 * 16 * 2


def _instance(make_dataset: MakeDataset, syntax: str) -> bytes:
    """Write an image that has a sequence without a length, and one with."""
    dataset, item = make_dataset(), Dataset()
    item.StudyInstanceUID, item.ScheduledProcedureStepID = "1.2.3", "774411"
    dataset.RequestAttributesSequence = [item, Dataset()]
    dataset["RequestAttributesSequence"].is_undefined_length = True
    item.is_undefined_length_sequence_item = True
    dataset.ReferencedStudySequence = [Dataset()]
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = dataset.PixelData[::-1]
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _mutations(content: bytes, step: int) -> list[bytes]:
    """Change a byte of the header, cut there, put one in, and leave one out."""
    mutated = []
    for at in range(META, len(content) - PIXELS, step):
        before, byte, behind = content[:at], content[at], content[at + 1 :]
        mutated += [before + bytes([byte ^ bit]) + behind for bit in (1, 0x20)]
        mutated += [before, before + behind, before + bytes([byte, byte]) + behind]
    return mutated


def _read(content: bytes) -> object:
    """Give the elements of a file, or why it has none."""
    try:
        dataset = part10.read(ReceivedInstance("id", "c", Path("x"), content, ""), Limits())
    except InstanceError as error:
        return type(error), str(error)
    return [
        (*each[:3], bytes(each.value or b"")) if isinstance(each, RawDataElement) else str(each)
        for each in dataset.values()
    ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("syntax", "step"),
    [(ExplicitVRLittleEndian, 1), (ImplicitVRLittleEndian, 3), (ExplicitVRBigEndian, 3)],
)
def test_a_file_is_read_alike_whatever_was_read_before(
    make_dataset: MakeDataset, syntax: str, step: int
) -> None:
    content = _instance(make_dataset, syntax)
    mutated = [content, *_mutations(content, step)]
    alone = []
    for each in mutated:
        as_found._known.cache_clear()
        alone.append(_read(each))
    assert len({str(each) for each in alone}) > len(mutated) / 5
    for each, expected in zip(mutated, alone, strict=True):
        assert _read(each) == expected
        assert _read(content) == alone[0]


def test_the_last_look_finds_the_same_whatever_it_saw_before(make_dataset: MakeDataset) -> None:
    source = pydicom.dcmread(BytesIO(_instance(make_dataset, ExplicitVRLittleEndian)))
    source.SeriesDescription = source.ProtocolName = "Chest, routine, second look"
    out = BytesIO()
    source.save_as(out)
    rules = policy("c", Settings(pixels=Pixels(policy="rules")), RECIPE, b"k" * 32)
    content = deidentify(
        ReceivedInstance("id", "c", Path("x"), out.getvalue(), "00"), rules
    ).content
    found = identifiers.collect(source)
    cleaner = Cleaner.of(found)

    def looked_at(content: bytes) -> str:
        try:
            residue.check((content,), found, cleaner, -12)
        except NotVerified as held:
            return str(held)
        return ""

    mutated = [content, *_mutations(content, 5)]
    # Too short to be sought in all bytes, so that only the elements tell.
    places = range(META, len(content) - PIXELS, 3)
    mutated += [content[:at] + b"ZQ-4711 " + content[at + 8 :] for at in places]
    alone = []
    for each in mutated:
        residue._lasting.cache_clear()
        alone.append(looked_at(each))
    assert alone[0] == ""
    assert len(set(alone)) > 10
    for each, expected in zip(mutated, alone, strict=True):
        assert looked_at(each) == expected
        assert looked_at(content) == ""


def test_what_stood_one_behind_the_other_is_one_step_and_ends_where_it_differs() -> None:
    known: Stretches[str] = Stretches()
    content = b"element1 one ;element2 two ;element3 three ;"
    for start, end in ((0, 14), (14, 28), (28, 44)):
        known.learn(content, start, end, content[start : start + 8].decode())
    first, second = known.at(content, 0, 44), known.at(content, 14, 44)
    assert first
    assert second
    known.join([first, second])
    assert (joined := known.at(content, 0, 44))
    assert joined.made == ("element1", "element2")
    assert known.at(b"behind " + content, 7, 51) == joined
    assert known.at(content[:27], 0, 27) is None
    assert known.at(content.replace(b"two", b"2.."), 0, 44) is None
    # The second belongs to the level above.
    assert known.at(content, 0, 14) is None
    assert known.at(content, 1, 44) is None


def test_what_is_known_is_bounded() -> None:
    known: Stretches[int] = Stretches()
    for number in range(2 * MOST // LONGEST):
        known.learn(b"%08d" % number + bytes(LONGEST - 8), 0, LONGEST, number)
    again = known.at(b"%08d" % number + bytes(LONGEST - 8), 0, LONGEST)
    assert again
    known.join([again] * (MOST // LONGEST + 1))
    assert sum(len(each.content) for each in known.known.values()) <= MOST
    known.learn(bytes(LONGEST + 1), 0, LONGEST + 1, 0)
    assert known.at(bytes(LONGEST + 1), 0, LONGEST + 1) is None
