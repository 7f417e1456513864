"""Dates in text move with the patient's other dates, or go; nothing of the true ones is left."""

from __future__ import annotations

import hashlib
import random
import re
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydicom.dataelem import DataElement

from img_ingestion import deidentify as engine
from img_ingestion.deidentify.free_text import Cleaner
from img_ingestion.deidentify.identifiers import collect
from img_ingestion.instance import Identifiers, ReceivedInstance
from img_ingestion.settings import Pixels, Profile, Settings

if TYPE_CHECKING:
    from img_ingestion.instance import CleanInstance
    from tests.conftest import MakeDataset, MakeInstance

FOUND = Identifiers(
    names=frozenset({"quillfeather"}),
    numbers=frozenset({"20991234"}),
    dates=frozenset({"20140321", "19510723", "20101103"}),
    births=frozenset({"19510723"}),
)
DAYS = -1208
MOVING = Cleaner.of(FOUND, DAYS)
SITE = engine.recipe.load(Path(__file__).parents[1] / "deid.dicom")


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("Gated, 0.0% 20140321", "Gated, 0.0% 20101129"),
        ("CT on 2014-03-21T14:30:12+0100", "CT on 2010-11-29T14:30:12+0100"),
        ("seen 21 Mar 2014 14:30", "seen 29 Nov 2010 14:30"),
        ("21-MAR-2014", "29-NOV-2010"),
        ("05May2014", "13Jan2011"),
        ("March 21st, 2014 fracture", "November 29th, 2010 fracture"),
        ("Kontrolle 21. März 2014", "Kontrolle 29. November 2010"),
        ("Kontrolle 12. April 2014", "Kontrolle 21. Dezember 2010"),
        ("1er mars 2014", "9 novembre 2010"),
        ("21 de marzo de 2014", "29 de noviembre de 2010"),
        ("21 марта 2014", "29 ноября 2010"),
        ("2014年3月21日撮影", "2010年11月29日撮影"),
        ("2014년 3월 21일", "2010년 11월 29일"),
        ("27 MAYIS 2014", "4 SUBAT 2011"),
        ("03/21/2014", "11/29/2010"),
    ],
)
def test_a_certain_date_moves_and_is_written_as_it_was(text: str, moved: str) -> None:
    assert MOVING.cleaned(text) == moved
    assert not MOVING.finds(moved, prose=True)


@pytest.mark.parametrize(
    "text",
    [
        "03/04/2011",  # two days
        "03/12/11",
        "Mar 2014",  # no day
        "21 Mar 14",
        "2014-02-30",  # no date
        "23 July 1951",  # the patient's birth
        "DOB 2001-05-12",  # anybody's
        "born on 12 May 2001",
        "*12 May 2001",
        "2001年5月12日生",
        "1939-05-12",  # would be an age over 89
        "Friday, 21 March 2014",  # the day of the week tells the shift modulo seven
        "24 Feb 2014",  # would become another date of the instance
        "12 May 2014 and 22 Aug 2017",  # the second would become the first
        "acc 20140321",  # a record
        "1.2.840.20140321.3.4.5.6",
        "20140321143000",
        "S20140321",
        "99-2014-03-21-7",
        "20991234",  # the patient's number
        "29/11/2010, 2014-03-21",  # what stands for the second has parts of the first
    ],
)
def test_what_is_uncertain_or_would_tell_is_cut(text: str) -> None:
    result = MOVING.cleaned(text)
    true = set(re.findall(r"\d+", text))
    assert not any(part in result for part in true - {"99", "7"})
    assert not MOVING.finds(result, prose=True)


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y%m%d", "%d-%b-%Y", "%B %d, %Y", "%m/%d/%Y"])
def test_intervals_stay_and_no_part_of_a_true_date_is_left(form: str) -> None:
    source = random.Random(form)  # noqa: S311 - no secret
    moved = 0
    for _ in range(60):
        day = date(2008, 1, 1) + timedelta(days=source.randrange(5500))
        days = -source.randrange(1, 3651)
        cleaner = Cleaner.of(Identifiers(dates=frozenset({f"{day:%Y%m%d}"})), days)
        result = cleaner.cleaned(f"CT chest {day.strftime(form)}")
        written = f"{day + timedelta(days=days):{form}}"
        assert result.replace(" 0", " ") in {"CT chest", f"CT chest {written}".replace(" 0", " ")}
        parts = re.findall(r"\w+", day.strftime(form).lower())
        assert not any(part in result.lower() for part in parts)
        moved += result != "CT chest"
    assert moved > 0


@pytest.mark.parametrize(
    "text",
    [
        "2014年3月21日金曜日",
        "2014년 3월 21일(금)",
        "пятница, 21 марта 2014",
        "Fr., 21.03.2014",
        "21 de março de 2014 (sexta-feira)",
        "21 March 2014 at 10:00 Friday",
        "2014-03-21 10:15 Fri",
        "Christmas 25 December 2014",
        "2014-W12-5, seen 2014-03-25",
        "between 14 and 21 March 2014",
        "22nd and 25th March 2014",
        "seen 17 Apr, again 25 May 2014",
    ],
)
def test_no_date_moves_beside_what_tells_the_true_one(text: str) -> None:
    clean = Cleaner.of(Identifiers(), -300).cleaned(text)
    assert not re.search(r"2013", clean)


@pytest.mark.parametrize(
    "text",
    [
        "2014 03 21",
        "2014\N{EN DASH}03\N{EN DASH}21",
        "٢٠١٤/٠٣/٢١",
        "2014 Mar 21",
        "2014-Mar-21",
        "21/III/2014",
        "21.III.14",
        "2557-03-21",
        "21/03/2557",
        "21 มีนาคม 2557",
        "1393/01/01",
        "1435-05-20",
        "3/21",
        "21.3.",
        "21 Mar",
        "Mar 21",
    ],
)
def test_forms_of_a_day_that_are_no_measure_go(text: str) -> None:
    found = Identifiers(dates=frozenset({"20140321"}))
    assert Cleaner.of(found).cleaned(f"chest {text}") == "chest"


def test_small_numbers_and_settings_are_no_days() -> None:
    cleaner = Cleaner.of(Identifiers(dates=frozenset({"20140203", "20140321"})))
    for text in ("grade 2/3", "T2 2.3 mm", "3.21 mm", "1024/512", "echo 3/22", "LAD II 50"):
        assert cleaner.cleaned(text) == text


def test_a_longer_month_never_overruns_its_element() -> None:
    text = f"{'x' * 53} 5 May 2014"
    assert len(text) == 64
    assert len(Cleaner.of(FOUND, -230).cleaned(text)) <= 64


def _walked(make_instance: MakeInstance, **options: bool) -> CleanInstance:
    settings = Settings(pixels=Pixels(policy="rules"), profile=Profile.model_validate(options))
    content = make_instance(
        StudyDate="20140321",
        PatientBirthDate="19510723",
        StudyDescription="CHEST 20140321",
        ImageComments="born 23 Jul 1951, operated 02 Jan 2012",
    )
    digest = hashlib.sha256(content).hexdigest()
    received = ReceivedInstance("", "north", Path("a.dcm"), content, digest)
    return engine.deidentify(received, engine.policy("north", settings, SITE, b"k" * 32))


def test_text_and_elements_move_by_the_same_days(make_instance: MakeInstance) -> None:
    clean = _walked(make_instance).dataset
    assert clean.StudyDate != "20140321"
    assert clean.StudyDescription == f"CHEST {clean.StudyDate}"
    assert "1951" not in clean.ImageComments


def test_full_dates_stay_in_text_but_for_the_birth(make_instance: MakeInstance) -> None:
    clean = _walked(
        make_instance, retain_longitudinal_full_dates=True, retain_longitudinal_modified_dates=False
    ).dataset
    assert clean.StudyDescription == "CHEST 20140321"
    assert clean.ImageComments == "born , operated 02 Jan 2012"


@pytest.mark.parametrize(("vr", "birth"), [("DA", "07/23/1951"), ("LO", "1951-07-23")])
def test_a_birth_date_is_known_however_it_is_written(
    make_dataset: MakeDataset, vr: str, birth: str
) -> None:
    dataset = make_dataset()
    dataset[0x00100030] = DataElement(0x00100030, vr, birth)
    births = collect(dataset).births
    assert Cleaner.of(Identifiers(births=births), 0).cleaned("since 23 Jul 1951") == "since"


def test_dates_of_texts_go_where_no_option_keeps_dates(make_instance: MakeInstance) -> None:
    clean = _walked(make_instance, retain_longitudinal_modified_dates=False).dataset
    assert clean.StudyDescription == "CHEST"
    assert not any(map(str.isdigit, clean.ImageComments))
