"""Dates and times move by whole days and keep their form; what is none is not kept."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from img_ingestion.deidentify.dates import shifted


@pytest.mark.parametrize(
    ("vr", "value", "expected"),
    [
        ("DA", "20200301", "20200229"),
        ("DA", "2020.03.01", "2020.02.29"),
        ("DA", "20200301-20200305", "20200229-20200304"),
        ("DA", "20200301-", "20200229-"),
        ("DA", "-20200301", "-20200229"),
        ("DA", "2020", "2020"),
        ("DA", "202003", "202003"),
        ("DA", " 20200301 ", "20200229"),
        ("DA", "", ""),
        ("DT", "20200301123456.123456+0100", "20200229123456.123456+0100"),
        ("DT", "20200301123456-0500", "20200229123456-0500"),
        ("DT", "2020030112", "2020022912"),
        ("DT", "20200301", "20200229"),
        ("DT", "2020", "2020"),
        ("TM", "123456.5", "123456.5"),
        ("TM", "12:34:56", "12:34:56"),
        ("TM", "1200-1300", "1200-1300"),
    ],
)
def test_a_date_keeps_its_form_and_a_time_its_value(vr: str, value: str, expected: str) -> None:
    assert shifted(vr, value, -1) == expected


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        ("DA", "20201301"),
        ("DA", "20200230"),
        ("DA", "Tuesday"),
        ("DA", "20200301 Smith"),
        ("DA", "-"),
        ("DT", "20200301123456 Smith"),
        ("DT", "2020-03-01T12:00"),
        ("TM", "noon"),
        ("TM", "250000"),
        ("TM", "Smith"),
    ],
)
def test_what_is_no_date_or_time_is_not_kept(vr: str, value: str) -> None:
    assert shifted(vr, value, -1) is None


DAYS = st.dates(min_value=date(1950, 1, 1))


def _parsed(text: str | None) -> datetime:
    assert text is not None
    return datetime.strptime(text, "%Y%m%d")  # noqa: DTZ007 - dates have no zone


@given(first=DAYS, second=DAYS, days=st.integers(-3650, -1))
def test_intervals_stay(first: date, second: date, days: int) -> None:
    plain = [_parsed(f"{day:%Y%m%d}") for day in (first, second)]
    moved = [_parsed(shifted("DA", f"{day:%Y%m%d}", days)) for day in (first, second)]
    assert moved[1] - moved[0] == plain[1] - plain[0]
    assert (moved[0] - plain[0]).days == days
