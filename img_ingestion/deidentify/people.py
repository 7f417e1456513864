"""People whom the header does not name: found in prose by a title, by a cue, or by the name."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from img_ingestion.deidentify.text_forms import folded
from img_ingestion.deidentify.vocabulary import (
    is_clinical,
    is_eponym,
    is_finding,
    is_full_name,
    is_given_name,
    is_surname,
    listed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from img_ingestion.deidentify.span import Span

TITLES, CUES, LINKS = listed("titles"), listed("cues"), listed("links")
INITIALS_AFTER, KNOWN_INITIALS = listed("initials_after"), listed("known_initials")
CREDENTIALS = listed("credentials")
TOKEN = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*|\d+|[^\w\s]")
TITLE_GOES_ON = frozenset({"dent", "habil", "med", "nat", "rer", "ssa", "univ"})
"""Dr. med., Dott.ssa."""
PARTICLES = frozenset(
    {"van", "der", "den", "de", "la", "le", "du", "des", "dos", "das", "da", "do", "del", "della"}
    | {"di", "von", "zu", "zum", "zur", "vom", "af", "av", "ten", "ter", "te", "bin", "ibn", "el"}
)
"""Dr. van der Berg: words that a name may begin with, before one with a capital."""
CAPITAL = "[A-Z\u00c0-\u00de\u0391-\u03a9\u0401\u0410-\u042f]"
WITH_INITIALS = re.compile(
    rf"(?<!\w)(?:(?P<before>{CAPITAL}[^\W\d_]{{2,}}),?\s{CAPITAL}\.\s?{CAPITAL}\."
    rf"|{CAPITAL}\.\s?{CAPITAL}\.\s?(?P<after>{CAPITAL}[^\W\d_]{{2,}}))"
)
NOBODY = frozenset(
    {"患者", "家族", "家属", "主治", "病人", "担当", "患者さん", "환자", "보호자", "선생"}
)
LONGEST_NAME = 3
SHORT_TITLE = 2


def spans(text: str) -> Iterator[Span]:
    """Give where somebody's name may stand in a text (not folded: capitals tell)."""
    tokens = list(TOKEN.finditer(text))
    low = [folded(token.group()) for token in tokens]
    for at, word in enumerate(low):
        if word in TITLES:
            # In capitals DR and MR are digital radiography and magnetic resonance.
            shouted = len(word) <= SHORT_TITLE and tokens[at].group().isupper()
            yield from _after(tokens, low, at + 1, titled=not shouted)
        elif word in CUES:
            start = _skip(low, at + 1)
            yield from _after(tokens, low, start, titled=False)
            yield from _initials(tokens, low, at, start)
        elif word in CREDENTIALS and at > 1 and low[at - 1] == ",":
            yield from _before(tokens, low, at - 2)
    yield from _listed(tokens, low)
    yield from _with_initials(text)
    if not text.isascii():
        yield from (each.span() for each in _polite().finditer(text) if each.group() not in NOBODY)


@cache
def _polite() -> re.Pattern[str]:
    """Give what finds a name before a polite word; made for the first text that is not ASCII."""
    return re.compile(
        "(?<![\u4e00-\u9fff])([\u4e00-\u9fff]{1,4}?)(?=様|さま|さん|氏|殿|先生|女士|小姐|太太)"
        "|(?<![\uac00-\ud7a3])([\uac00-\ud7a3]{2,4}?)(?= ?(?:님|씨))"
    )


def _with_initials(text: str) -> Iterator[Span]:
    """Give a name and two initials, in either order: no view (A.P. Chest)."""
    for match in WITH_INITIALS.finditer(text):
        if not is_clinical(folded(match["before"] or match["after"])):
            yield match.span()


def _skip(low: list[str], at: int) -> int:
    """Pass over `:`, `with`, `is` and the like between a cue and the name."""
    while at < len(low) and (low[at] in LINKS or low[at] in {":", ".", "=", "-", "/"}):
        at += 1
    return at


def _after(tokens: list[re.Match[str]], low: list[str], at: int, *, titled: bool) -> Iterator[Span]:
    """Give the words of a name that starts at a token, with the dots and commas among them."""
    taken: list[str] = []
    while at < len(tokens) and len(taken) < LONGEST_NAME:
        name = _behind_particles(tokens, low, at, expected=titled and not taken)
        particles, at = tokens[at:name], name
        word = tokens[at].group()
        if titled and not taken and low[at] in TITLE_GOES_ON:
            pass
        elif word in {".", ","}:
            if not taken and not titled:
                return
        elif _goes_on(taken, tokens, low, at) and _may_be_name(
            word, low[at], expected=titled and not taken
        ):
            taken.append(word)
            yield from (token.span() for token in (*particles, tokens[at]))
        else:
            return
        at += 1


def _behind_particles(
    tokens: list[re.Match[str]], low: list[str], start: int, *, expected: bool
) -> int:
    """Give where the name goes on behind its particles; the start where none leads to a name."""
    at = start
    while at < len(tokens) and low[at] in PARTICLES:
        at += 1
    if at == start or at == len(tokens):
        return start
    word = tokens[at].group()
    shouted = word.isupper() and not tokens[start].group().isupper()
    name = len(word) > 1 and word[0].isupper() and not shouted
    return at if name and (expected or not is_clinical(low[at])) else start


def _goes_on(taken: list[str], tokens: list[re.Match[str]], low: list[str], at: int) -> bool:
    """Tell whether a word may belong to the name before it: of the same case, and no finding."""
    after = low[at + 1] if at + 1 < len(low) else ""
    touches = bool(after) and tokens[at].end() == tokens[at + 1].start()
    word = tokens[at].group()
    if len(word) == 1:
        return not (touches and after.isdigit())
    if not taken:
        return True
    whole = [each for each in taken if len(each) > 1]
    same = not whole or whole[-1].isupper() == word.isupper()
    return same and not is_finding("", low[at], after)


def _may_be_name(word: str, low: str, *, expected: bool) -> bool:
    """Tell whether a word can be part of a name where one is expected, or may follow."""
    if not word[0].isalpha() or low in LINKS or low in CUES:
        return False
    if is_clinical(low):
        # Dr. White and Dr. Hans Meyer, but neither DR CHEST nor MR KNEE.
        return (expected or is_eponym(low)) and word[0].isupper() and not word.isupper()
    if len(word) == 1:
        return word.isupper()
    if expected:
        return True
    named = is_surname(low) or is_given_name(low)
    return named or (word[0].isupper() and not word.isupper())


def _initials(tokens: list[re.Match[str]], low: list[str], cue: int, at: int) -> Iterator[Span]:
    """Give two or three capitals after `by` and the like."""
    if at >= len(tokens) or not INITIALS_AFTER.intersection(low[cue:at]):
        return
    word = tokens[at].group()
    initials = 1 < len(word) <= LONGEST_NAME and word.isupper() and word not in KNOWN_INITIALS
    if initials and not is_clinical(low[at]):
        yield tokens[at].span()


def _before(tokens: list[re.Match[str]], low: list[str], at: int) -> Iterator[Span]:
    """Give the words of a name before `, MD`."""
    for back in range(at, max(at - LONGEST_NAME, -1), -1):
        word = tokens[back].group()
        if not word[0].isupper() or is_clinical(low[back]):
            return
        yield tokens[back].span()


def _listed(tokens: list[re.Match[str]], low: list[str]) -> Iterator[Span]:
    """Give a given name beside a surname, both of the census and neither a clinical word."""
    for at in range(len(tokens) - 1):
        after = at + 2 if low[at + 1] == "," else at + 1
        if after >= len(tokens) or not tokens[at].group()[0].isupper():
            continue
        pair = low[at], low[after]
        behind = low[after + 1] if after + 1 < len(low) else ""
        known = is_full_name(*pair) or is_full_name(*pair[::-1])
        if known and is_finding(*pair, behind):
            continue
        if known and tokens[after].group()[0].isupper():
            yield tokens[at].span()
            yield tokens[after].span()
