"""
Dates and times, shifted by whole days: intervals, times of day and the written form stay.

PS3.5 6.2 for DA, DT and TM, with the older forms `YYYY.MM.DD` and `HH:MM:SS`, and the ranges of
PS3.4 C.2.2.2.5. What does not parse gives None: the caller removes it.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

DA = re.compile(r"(?P<y>\d{4})(?P<sep>[.\-/]?)(?P<m>\d\d)(?P=sep)(?P<d>\d\d)")
PARTIAL = re.compile(r"(?P<y>\d{4})(?P<m>\d\d)?")
TIME = r"(?:[01]\d|2[0-3])(?:[0-5]\d(?:(?:[0-5]\d|60)(?:\.\d{1,9})?)?)?"
TM = re.compile(rf"{TIME}|(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{{1,9}})?)?")
ZONE = r"(?:[+\-](?:0\d|1[0-4])[0-5]\d)?"
DT = re.compile(rf"(?P<date>\d{{8}})(?P<rest>(?:{TIME})?{ZONE})")
DT_PARTIAL = re.compile(rf"(?P<date>\d{{4}}(?:\d\d)?)(?P<rest>{ZONE})")


def shifted(vr: str, value: str, days: int) -> str | None:
    """
    Shift one DA, DT or TM value, or range of values, by `days`.

    Returns
    -------
    str or None
        In the form that it was written in; None for what is no date or time.

    """
    text = value.strip(" \0")
    if not text:
        return ""
    one = {"DA": _da, "DT": _dt, "TM": _tm}[vr]
    whole = one(text, days)
    if whole is not None or "-" not in text:
        return whole
    return _range(one, text, days)


def _range(one: Callable[[str, int], str | None], text: str, days: int) -> str | None:
    """Shift both ends of `A-B`, `A-` or `-B`; a zone's minus sign makes several cuts to try."""
    for match in re.finditer("-", text):
        ends = [text[: match.start()].strip(), text[match.end() :].strip()]
        moved = ["" if not end else one(end, days) for end in ends]
        if any(ends) and None not in moved:
            return "-".join(end or "" for end in moved)
    return None


def _tm(text: str, _days: int) -> str | None:
    return text if TM.fullmatch(text) else None


def _da(text: str, days: int) -> str | None:
    match = DA.fullmatch(text)
    if match is None:
        return _partial(text, days)
    day = _day(match["y"], match["m"], match["d"], days)
    return None if day is None else f"{day.year:04}{match['sep']}{day:%m}{match['sep']}{day:%d}"


def _dt(text: str, days: int) -> str | None:
    match = DT.fullmatch(text)
    if match is not None:
        day = _da(match["date"], days)
    else:
        match = DT_PARTIAL.fullmatch(text)
        day = None if match is None else _partial(match["date"], days)
    return None if match is None or day is None else day + match["rest"]


def _partial(text: str, days: int) -> str | None:
    """Shift a year or a month from its middle, so that the error is smallest either way."""
    match = PARTIAL.fullmatch(text)
    if match is None:
        return None
    month, middle = match["m"], "15"
    day = _day(match["y"], month or "07", middle if month else "01", days)
    if day is None:
        return None
    return f"{day.year:04}{day:%m}" if month else f"{day.year:04}"


def _day(year: str, month: str, day: str, days: int) -> date | None:
    try:
        return date(int(year), int(month), int(day)) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
