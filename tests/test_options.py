"""Every option of PS3.15 Annex E, alone and together: each row as its column asks, no marker left."""

from __future__ import annotations

import random
from io import BytesIO

import pydicom
import pytest

from img_ingestion.deidentify.profile import OPTIONS
from img_ingestion.settings import Profile
from tests import planted
from tests.test_planted import BASIC, cleaned

DATES = {"RetainLongFullDates", "RetainLongModifiedDates"}
TOGETHER = 24
SEED = 2026


def _combinations() -> list[frozenset[str]]:
    """Give each option alone, all that go together, and some of the others by lot."""
    chance = random.Random(SEED)  # noqa: S311 - a lot, no secret
    found = [frozenset({name}) for name in OPTIONS]
    found += [frozenset(OPTIONS) - {name} for name in sorted(DATES)]
    while len(found) < TOGETHER:
        some = frozenset(name for name in OPTIONS if chance.random() < 0.5)
        if not some >= DATES and some not in found:
            found.append(some)
    return found


@pytest.mark.parametrize("columns", _combinations(), ids=lambda columns: "+".join(sorted(columns)))
def test_every_row_comes_out_as_the_options_ask(columns: frozenset[str]) -> None:
    switched = {switch: name in columns for name, switch in OPTIONS.items()}
    profile = Profile(**{**BASIC.model_dump(), **switched})
    clean = cleaned(planted.planted(), profile)
    dataset = pydicom.dcmread(BytesIO(clean.content))
    nested = planted.wrong(dataset[planted.NEST].value[0], columns)
    assert list(planted.wrong(dataset, columns)) == []
    assert [fault for fault in nested if not fault.startswith(("(50", "(60"))] == []
    assert [each for each in planted.markers(columns) if each in clean.content] == []


def test_the_stamp_names_the_options_that_ran() -> None:
    codes = {
        option: {
            item.CodeValue
            for item in pydicom.dcmread(
                BytesIO(
                    cleaned(planted.planted(), Profile(**{**BASIC.model_dump(), **chosen})).content
                )
            ).DeidentificationMethodCodeSequence
        }
        for option, chosen in {
            "none": {},
            "uids": {"retain_uids": True},
            "device": {"retain_device_identity": True},
            "institution": {"retain_institution_identity": True},
            "full dates": {"retain_longitudinal_full_dates": True},
        }.items()
    }
    assert codes == {
        "none": {"113100"},
        "uids": {"113100", "113110"},
        "device": {"113100", "113109"},
        "institution": {"113100", "113112"},
        "full dates": {"113100", "113106"},
    }
