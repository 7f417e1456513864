"""What stays under the policy `identifiers`, and what must not stay with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from img_ingestion.deidentify.identifiers import collect
from img_ingestion.deidentify.pixels import clean
from img_ingestion.deidentify.pixels.rules import Box
from img_ingestion.deidentify.pixels.text.along import whole_lines
from img_ingestion.deidentify.pixels.text.deciding import Wanted, decided
from img_ingestion.deidentify.pixels.text.harmless import OWN, UNKNOWN, is_whole, objection
from img_ingestion.deidentify.pixels.text.keeping import left_free, objected
from img_ingestion.deidentify.pixels.text.lines import Line
from img_ingestion.deidentify.pixels.text.reading import Reading
from img_ingestion.instance import Identifiers, Region
from img_ingestion.settings import Limits
from tests.test_text_detector import image, ink, left_over, noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.conftest import MakeDataset

PATIENT = Identifiers(names=frozenset({"quillfeather"}), dates=frozenset({"20130319"}))
NOBODY = Identifiers()


def view(text: str, at: tuple[int, int] = (10, 30), columns: int = 220) -> NDArray[np.uint8]:
    """Give a line of clear print as the detector is shown it."""
    page = np.full((44, columns, 3), 100, np.uint8)
    cv2.putText(page, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.7, (250, 250, 250), 1, cv2.LINE_AA)
    return page


@pytest.mark.parametrize(
    "text", ["LAO 30", "15 cm", "15/cm", "MI 0.8", "Fr 32 Hz", "120 kVp", "Gain 60%", "PORTABLE"]
)
def test_a_measure_says_something_by_itself(text: str) -> None:
    assert not objection(Reading(text, 0.95), PATIENT)
    assert is_whole(text)


@pytest.mark.parametrize(
    "text", ["30", "L", "12 L", "Long", "C 61", "St 12", "45 M", "Fr 12", "AP"]
)
def test_what_may_be_a_part_of_a_line_says_nothing_by_itself(text: str) -> None:
    assert not is_whole(text)


@pytest.mark.parametrize("text", ["19.D3.2D13", "I9.03.20I3", "B5 2O O1B"])
def test_a_date_read_with_letters_is_a_date(text: str) -> None:
    assert objection(Reading(text, 0.97), NOBODY)


def test_what_one_view_misreads_stays_when_another_shows_it() -> None:
    line = Line(4, 8, 130, 38, score=0.9)
    why, says = objected((view("SUPNE"), view("SUPINE")), line, Reading("SUPNE", 1.0), PATIENT)
    assert (why, says.text) == ("", "SUPINE")


@pytest.mark.parametrize(
    ("first", "shown", "why"),
    [
        pytest.param("Quillfeathen", "QUILLFEATHER", OWN, id="the name of the patient"),
        pytest.param("1--2S-", "1 25", UNKNOWN, id="a number that may be left of a date"),
        pytest.param("SUPERWOMAN", "SUPINE", UNKNOWN, id="half of what was read"),
    ],
)
def test_what_is_read_again_is_held_against_the_patient(first: str, shown: str, why: str) -> None:
    line = Line(4, 8, 210, 38, score=0.9)
    assert objected((view(shown),), line, Reading(first, 0.9), PATIENT)[0] == why


def test_a_rim_gives_way_to_the_line_that_stays_beside_it() -> None:
    name = Line(20, 20, 120, 40, score=0.9)
    below, after = Line(60, 37, 150, 55, score=0.9), Line(122, 20, 150, 40, score=0.9)
    assert left_free(name, 6, ()) == Line(14, 14, 126, 46, score=0.9)
    assert left_free(name, 6, [below]) == Line(14, 14, 126, 38.5, score=0.9)
    assert left_free(name, 6, [after]) == Line(14, 14, 121, 46, score=0.9)
    over = Line(60, 25, 150, 45, score=0.9)
    assert left_free(name, 6, [over]) == Line(14, 14, 126, 46, score=0.9)


def test_a_line_goes_on_to_the_one_that_stays_and_not_into_it() -> None:
    picture = noise(100, 400)
    picture[ink(100, 400)] = 2000
    found = Region(52, 42, 180, 66, "text")
    stays = Region(230, 42, 300, 66, "harmless")
    (whole,) = whole_lines([found], picture.astype(np.float32), Box(0, 0, 400, 100), [stays])
    assert 180 < whole.right <= 230


def test_what_was_read_for_certain_stays_when_a_part_of_it_is_found_again() -> None:
    part, again = Box(0, 0, 220, 44), Line(20, 10, 70, 36, score=0.9)
    pictures = (view("SUFFINE"),)
    assert decided(pictures, [again], part, Wanted(unread=False, own=PATIENT)).hidden
    known = Wanted(unread=False, own=PATIENT, stays=(Region(6, 6, 120, 40, "harmless"),))
    assert not decided(pictures, [again], part, known).hidden


@pytest.mark.parametrize(("after", "hidden"), [("LAO 30", 1), ("30", 2), ("LAO", 2)])
def test_a_measure_stays_beside_a_name_and_what_may_go_on_with_it_does_not(
    after: str, hidden: int
) -> None:
    page, part = view("QUILLFEATHER", columns=300), Box(0, 0, 300, 44)
    page[:, 190:] = view(after, columns=110)
    name, beside = Line(4, 8, 188, 38, score=0.9), Line(190, 8, 280, 38, score=0.9)
    found = decided((page,), [name, beside], part, Wanted(unread=False, own=PATIENT)).hidden
    assert len(found) == hidden


def test_a_harmless_line_stays_and_the_name_does_not(make_dataset: MakeDataset) -> None:
    name, posture = ink(200, 400), ink(200, 400, "SUPINE", at=(20, 150))
    picture = noise(200, 400)
    picture[name | posture] = 2000
    dataset = image(make_dataset, picture)
    clean(dataset, (), "identifiers", Limits(), PATIENT)
    assert left_over(dataset, name) < 0.05
    assert left_over(dataset, posture) > 0.95


@pytest.mark.parametrize(
    ("mark", "elements", "share"),
    [
        pytest.param("ERECT", {}, 1, id="a mark"),
        pytest.param("ERECTA", {}, 0, id="a word"),
        pytest.param("ERECT", {"BurnedInAnnotation": "YES"}, 0, id="somebody is said to be named"),
        pytest.param("ERECT", {"PatientName": "Erect^E"}, 0, id="the name of the patient"),
    ],
)
def test_a_mark_alone_stays_even_where_all_text_is_hidden(
    make_dataset: MakeDataset, mark: str, elements: dict[str, str], share: float
) -> None:
    strokes, picture = ink(120, 240, mark, at=(60, 60)), noise(120, 240)
    picture[strokes] = 2000
    dataset = image(make_dataset, picture, **elements)
    clean(dataset, (), "all", Limits(), collect(dataset))
    assert abs(left_over(dataset, strokes) - share) < 0.05


def test_a_mark_within_a_block_of_lines_is_hidden_with_them(make_dataset: MakeDataset) -> None:
    mark, picture = ink(120, 240, "ERECT", at=(60, 60)), noise(120, 240)
    name = ink(120, 240, "QUILLFEATHER", at=(60, 84))
    picture[mark | name] = 2000
    dataset = image(make_dataset, picture)
    clean(dataset, (), "all", Limits(), collect(dataset))
    assert left_over(dataset, mark) < 0.05
    assert left_over(dataset, name) < 0.05
