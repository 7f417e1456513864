"""
Hospitals, practices and universities that the header does not name.

Found in folded text. Capitals of the text as it was written tell the name behind a word that also
means the findings (clinique, Klinik), as far as they tell anything.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from img_ingestion.deidentify.vocabulary import is_clinical, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from img_ingestion.deidentify.span import Span
    from img_ingestion.deidentify.text_forms import Folded

GENERIC, OTHERS = listed("generic_places"), listed("places_of_nobody")
LINKS, COUNTED = listed("links"), listed("counted")
PARTICLES = listed("particles_of_places")
PASSED = listed("passed_in_places")
"""Within a name that another word begins."""
NOBODYS = listed("unspaced_places_of_nobody")
KIND = re.compile(
    r"(?<![^\W_])(?P<kind>hospitals?|clinic|infirmary|hospice|sanatorium|polyclinic|university"
    r"|(?:medical|health|imaging|cancer|heart|diagnostic|radiology|surgery|surgical|trauma|eye"
    r"|breast|mri|orthopa?edic|cardiac|neurological|children's)"
    r" (?:center|centre|group|associates|partners|institute|clinic)|healthcare|institute"
    r"|(?P<abroad>[^\W\d_]*(?:krankenhaus|klinik(?:um|en)?|spital|sjukhuset|sjukhus|lasarett(?:et)?"
    r"|sykehus(?:et)?|sygehus(?:et)?|sairaala|ziekenhuis)|universitatsmedizin|medisch centrum"
    r"|hastanesi|(?P<first>universita|universidade?|institut[oe]?|istituto|hopital|hopitaux"
    r"|clinique|polyclinique|centre hospitalier|hospices civils|chu|azienda ospedaliera|ospedal[ei]"
    r"|policlinico|clinica|sanatorio|casa di cura|santa casa|centro (?:medico|de salud|hospitalar)"
    r"|szpital[ua]?|больниц[аыеу]|госпитал[ьяе]|клиник[аиеу]|поликлиник[аиеу])))(?![^\W_])"
)
BEFORE = re.compile(r"(?<![^\W_])[^\W\d_]+(?:['\u2019-][^\W\d_]+)*\.?[ ]$")
WORD = re.compile(
    r"\.? (?:(?P<number>(?:№|no\.?|nr\.?) ?\d+)|(?P<name>[^\W\d_]+(?:['\u2019-][^\W\d_]+)*))"
)
DEPARTMENT = re.compile(
    r"(?<![^\W_])(?:dept|department|division)\.? (?:of )?(?:[^\W\d_]+ ){1,4}?at (?:the )?"
    r"(?P<name>(?:st\.? )?[^\W\d_]+(?:['\u2019-][^\W\d_]+)*)"
)
SAINT = re.compile(
    r"(?<![^\W_])(?:st\.?|saint) [^\W\d_]{3,}['\u2019]s(?![^\W_])"
    r"|(?:(?<=\bat )|(?<=\bfrom ))(?:st\.|saint) [^\W\d_]{3,}"
)
INITIALS = re.compile(
    r"(?<![^\W_])(?:(?:performed|done|scanned|imaged|treated|operated|seen|study|exam) at"
    r"|(?:transferred|transfer|referred) (?:from|to))(?: the)? (?P<name>[^\W\d_]{3,6})(?![^\W_])"
)
HAN, HANGUL = "\u4e00-\u9fff\u3040-\u30ff", "\uac00-\ud7a3"
LONGEST, MOST_NAMES = 4, 2


def spans(form: Folded, text: str) -> Iterator[Span]:
    """Give names of institutions: the word for one, with the words that are no common ones."""
    shouted = text.isupper()

    def is_capital(at: int) -> bool:
        """Tell whether a word may be a name as it was written; in capitals every word may."""
        first, second = form.span(at, at + 1)[0], form.span(at + 1, at + 2)[0]
        # An abbreviation behind a name is the examination's: Los Arrayanes TC.
        short = text[second : second + 1].isupper()
        return shouted or not (text[first].islower() or short)

    for match in KIND.finditer(form.text):
        start, named = match.start(), False
        if not match["first"]:
            start, named = _before(form.text, match.start())
            named = named and (not match["abroad"] or is_capital(start))
            start = start if named else match.start()
        end = match.end()
        of = match["kind"] in {"university", "institute"} and form.text.startswith(" of ", end)
        if match["abroad"] or of or (match["kind"] == "hospital" and not named):
            capital = None if match["kind"] == "hospital" else is_capital
            end, after = _after(form.text, end, capital)
            named = named or after
        if named:
            yield start, end
    yield from _without_a_kind(form.text)


def _without_a_kind(text: str) -> Iterator[Span]:
    """Give what stands where an institution is named, and names in scripts without spaces."""
    for pattern in (DEPARTMENT, INITIALS):
        for match in pattern.finditer(text):
            if _is_name(match["name"].removeprefix("st").strip(". ")):
                yield match.span("name")
    yield from (match.span() for match in SAINT.finditer(text))
    if not text.isascii():
        for match in _unspaced().finditer(text):
            if (match["name"] or match["korean"]) not in NOBODYS:
                yield match.span()


@cache
def _unspaced() -> re.Pattern[str]:
    """Give what finds names in scripts without spaces; made for the first text not in ASCII."""
    return re.compile(
        f"(?P<name>[{HAN}]{{2,8}}?)(?:病院|医院|醫院|診療所|诊所|クリニック|医科大学|大学)"
        f"|(?P<korean>[{HANGUL}]{{2,8}}?)(?:병원|의원|의료원)"
    )


def _before(text: str, at: int) -> tuple[int, bool]:
    """Go back over the words of a name; tell where it starts and whether there is one."""
    start, named = at, False
    for _ in range(LONGEST):
        word = BEFORE.search(text, max(0, at - 40), at)
        if word is None:
            break
        plain = word.group().rstrip(" .")
        is_name = _is_name(plain)
        passed = plain in GENERIC or plain in PASSED or plain == "st"
        if plain in LINKS - {"and", "of"} or not (is_name or passed):
            break
        at = word.start()
        if is_name and plain not in PASSED:
            start, named = at, True
        elif named or plain in {"st", "saint"}:
            start = at
    return start, named


def _after(text: str, at: int, is_capital: Callable[[int], bool] | None) -> tuple[int, bool]:
    """Go on over the words of a name; tell where it ends and whether there is one."""
    end, named, joined, taken = at, False, True, 0
    for _ in range(LONGEST + 2):
        word = WORD.match(text, at)
        if word is None or (word["number"] and named):
            break
        at = word.end()
        if word["number"]:
            return at, True
        name = word["name"]
        if name in PARTICLES or name in GENERIC:
            joined = True
            continue
        goes_on = joined or name[1:2] in {"'", "\u2019"} or (is_capital and taken < MOST_NAMES)
        if not (goes_on and _is_name(name)) or (is_capital and not is_capital(word.start("name"))):
            break
        end, named, joined, taken = at, True, False, taken + 1
    return end, named


def _is_name(word: str) -> bool:
    parts = re.findall(r"[^\W\d_]{2,}", word)
    common = GENERIC | OTHERS | LINKS | COUNTED | PARTICLES
    if parts[:1] == ["saint"] and len(parts) > 1:
        return True
    return not all(is_clinical(part) or part in common for part in parts)
