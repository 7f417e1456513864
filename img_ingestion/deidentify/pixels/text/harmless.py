"""
What a line may say and stay under the policy `identifiers`: scales, measures, sides, technique.

Not what identifies is listed but what does not; everything else is hidden, so that a name that
nobody has thought of, and whatever was read badly, is hidden too.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from img_ingestion.deidentify.pixels.text.reading import Reading
    from img_ingestion.instance import Identifiers

OWN = "what identifies this patient"
UNSURE = "not to be read for certain"
NUMBER_OF_SOMEBODY = "looks like a number or a date of somebody"
UNKNOWN = "not known to be harmless"

SURE = 0.8
"""Of a reading: below it nobody knows what stands there."""
SURE_MARK = 0.9
"""Of what stays where nothing else does."""
MOST_DIGITS = 9
"""In a line of measures; more of them may be a number of somebody."""
SHORTEST = 3
"""Letters of an identifier that is looked for within a line."""

SIDES = "L R LT RT LEFT RIGHT A P H F AP PA LAT LL RL CC MLO ML LM LAO RAO LPO RPO OBL PALAT APLAT"
MARKS_ALONE = "AP PA LAT LEFT RIGHT ERECT UPRIGHT SUPINE PRONE PORTABLE"
POSTURES = "SUPINE PRONE ERECT UPRIGHT SEMI SITTING STANDING DECUB PORTABLE MOBILE INSP EXP"
PLANES = "AX AXIAL TRA TRANS SAG SAGITTAL COR CORONAL LONG TRV 2D 3D 4D MIP MPR"
SOUND = "MI TIS TIB TIC TI FR GAIN GN HGEN GEN THI CHI PRC PST MAP DEPTH DIST PWR PRF WF SV FPS"
TECHNIQUE = "W WL WW WC C D G T KVP KV MA MAS MS FOV THK TH SL ST ZOOM MAG TR TE FA NEX ACQ KERNEL"
NO_NAMES = "SUPINE PRONE ERECT UPRIGHT PORTABLE DECUB STANDING SITTING SAGITTAL CORONAL HGEN"
"""Words that say something alone, and could be no part of a name."""
UNITS = "MM CM M UM HZ KHZ MHZ DB S SEC MSEC MIN BPM KG ML MMHG DEG CMS MGY"

NUMBER = r"(?<![\d.,/:\-])[+-]?\d{1,3}(?:[.,]\d{1,2})?(?![\d:]|/(?![A-Z])|[.,-]\d)"
MARKS = r"[+%:=()<>~*x\u00d7\u00b0/.,\-\s]"
"""Between a word and a number; a number with `/`, `:` or `-` on either side may be a date."""


def objection(reading: Reading, own: Identifiers) -> str:
    """
    Say why a line may not stay; empty when it may.

    Parameters
    ----------
    reading : Reading
        Of the line.
    own : Identifiers
        Of this patient: they are looked for even in what consists of harmless words.

    """
    texts = _folded(reading.text)
    if any(_tells(text, own) for text in texts):
        return OWN
    if reading.sure < SURE:
        return UNSURE
    if any(_is_numbered(text) for text in texts):
        return NUMBER_OF_SOMEBODY
    return "" if any(map(LINE.fullmatch, texts)) else UNKNOWN


def is_whole(text: str) -> bool:
    """
    Tell what says something by itself from what may be a part of a name, a number or a date.

    A measure with its unit, a technique with its number, and long words that are no names do.
    """
    return any(map(WHOLE.fullmatch, _folded(text)))


def is_mark(reading: Reading, own: Identifiers) -> bool:
    """Tell a mark of a side, a posture or a scale, read for certain and alone."""
    text = reading.text.upper().strip()
    return reading.sure >= SURE_MARK and bool(MARK.fullmatch(text)) and not _tells(text, own)


def says_word(text: str) -> bool:
    """Tell whether one of the harmless words stands there, not numbers and letters alone."""
    return any(
        sum(map(str.isalpha, word)) > 1 or word == one
        for one in _folded(text)
        for word in re.findall(WORD, one)
    )


def _tells(text: str, own: Identifiers) -> bool:
    """Look for this patient's identifiers, in parts and whatever separates their letters."""
    words = set(re.findall(r"[^\W_]+", text.lower()))
    joined, digits = re.sub(r"[\W_]", "", text.lower()), re.sub(r"\D", "", text)
    known = (*own.numbers, *own.dates, *own.phrases)
    return bool(words & own.names) or any(
        len(each) >= SHORTEST
        and (
            each in joined
            or each in digits
            or (len(joined) > SHORTEST and joined in each)
            or (len(digits) > SHORTEST and _is_misread(digits, each))
        )
        for each in (re.sub(r"[\W_]", "", one) for one in known)
    )


def _is_misread(digits: str, known: str) -> bool:
    """Tell whether one digit was taken for another."""
    same_length = len(digits) == len(known)
    return same_length and sum(map(str.__ne__, digits, known)) <= 1


def _is_numbered(text: str) -> bool:
    text = " ".join(map(_number, text.split()))
    digits = sum(map(str.isdigit, text))
    nothing_else = not any(map(str.isalpha, text))
    return (
        digits > MOST_DIGITS
        or NUMBERED.search(text) is not None
        or (nothing_else and digits > SHORTEST)
    )


def _number(word: str) -> str:
    """Give a word of digits without the letters that some of them were taken for."""
    digits, letters = sum(map(str.isdigit, word)), sum(map(str.isalpha, word))
    return word.translate(TAKEN_FOR) if digits > letters else word


def _folded(text: str) -> tuple[str, str, str]:
    """Give a line as it was read, without letters taken for digits, and without its spaces."""
    wide = unicodedata.normalize("NFKC", text).upper().strip()
    numbers = re.sub(r"(?<=\d)O|(?<=\d\.)O", "0", wide)
    letters = re.sub(r"(?<=[A-Z])[0|1](?=[A-Z]|\b)", _letter, numbers)
    return numbers, letters, re.sub(r"(?<=[A-Z]) (?=[A-Z])", "", letters)


def _letter(digit: re.Match[str]) -> str:
    return "O" if digit[0] == "0" else "I"


def _word(listed: str, letters: range = range(1, 99)) -> str:
    """Give an expression for the words of a list that have so many letters."""
    longest_first = sorted(set(listed.split()), key=lambda one: (-len(one), one))
    words = "|".join(one for one in longest_first if len(one) in letters)
    return rf"(?<![A-Z])(?:{words})(?![A-Z])"


TAKEN_FOR = str.maketrans("ODQISBZ", "0001582")
NUMBERED = re.compile(r"\d{4}|\d[/:.-]\d+[/:.-]\d")
"""A record number, a year, a telephone, a date, a time."""
MARK = re.compile(rf"{_word(MARKS_ALONE)}|[1-9]\d? ?[CM]M")
WORD = _word(f"{SIDES} {POSTURES} {PLANES} {SOUND} {TECHNIQUE} {UNITS}")
LINE = re.compile(rf"(?:{WORD}|{NUMBER}|{MARKS})+")
UNIT = rf"{MARKS}*(?:{_word(f'{UNITS} KVP KV MA MAS', range(2, 99))}|%)"
TECHNICAL = f"{SIDES} {SOUND} {TECHNIQUE}"
LONG, SHORT = _word(TECHNICAL, range(3, 99)), _word(TECHNICAL, range(2, 3))
DECIMAL = r"(?<!\d)\d{1,3}[.,]\d{1,2}(?!\d)"
MEASURE = rf"{LONG}{MARKS}*{NUMBER}|{SHORT}{MARKS}*{DECIMAL}|(?:{SHORT}{MARKS}*)?{NUMBER}{UNIT}"
WHOLE = re.compile(rf"{MARKS}*(?:{_word(NO_NAMES)}|{MEASURE})(?:{MARKS}|{WORD}|{NUMBER})*")
