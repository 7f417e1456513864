"""
The patient's own identifiers, found in a text in any form: the words of names, and numbers.

A name that is also a word (Graves, Stone, Head) goes where it is the person and stays where it is
the finding; the words around it decide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from img_ingestion.deidentify.dicom_words import DICOM_WORDS
from img_ingestion.deidentify.people import TITLES
from img_ingestion.deidentify.text_forms import LETTERS, WORD, Squeezed, is_unspaced
from img_ingestion.deidentify.vocabulary import (
    is_clinical,
    is_finding,
    is_phrase,
    listed,
    may_be_finding,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from img_ingestion.deidentify.span import Span

SHORT_NUMBER = 6
"""Below this many characters a number may have nothing before, after, and hardly within."""
SHORTENED = 5
"""Letters at least that a name is cut to by an element that has no room for more."""
SPLIT_NAME = 6
"""Names from this length on are found across separators too: `Mac Donald`, `S m i t h`."""
START = 3
FEW = 64
"""So many numbers are looked for one after the other; more by what they start with."""
FUNCTION_WORDS = listed("function_words")
HONORIFICS = "先生|女士|小姐|太太|同志|患者|様|さま|さん|氏|殿|님|씨|환자"
"""Behind a name of one character these tell it from a part of another word."""


@dataclass(frozen=True, slots=True)
class Names:
    """The words of names of one instance, prepared to be looked for."""

    known: frozenset[str]
    starts: frozenset[str]
    shortened: frozenset[str]
    long: tuple[str, ...]
    scripts: tuple[str, ...]
    """Names in a script that sets no spaces between words."""

    @classmethod
    def of(cls, names: Iterable[str]) -> Names:
        """Prepare the words."""
        known = frozenset(names)
        spaced = {name for name in known if not is_unspaced(name)}
        starts = frozenset(name[:START] for name in spaced if len(name) >= START)
        shortened = {name[:end] for name in spaced for end in range(SHORTENED, len(name))}
        long = tuple(name for name in spaced if len(name) >= SPLIT_NAME and not is_clinical(name))
        told = frozenset(name for name in shortened if not may_be_finding(name))
        return cls(known, starts, told, long, tuple(known - spaced))

    def spans(self, text: str, squeezed: Squeezed, *, prose: bool) -> Iterator[Span]:
        """Give where somebody's name stands in folded text."""
        words = [(match.start(), match.end(), match.group()) for match in LETTERS.finditer(text)]
        for at, (start, end, word) in enumerate(words):
            if word in self.known:
                if self._is_person(text, words, at, prose=prose):
                    yield start, end
                    yield from self._initials(text, words, at)
            elif word in self.shortened or (len(word) > START and self._joined(word)):
                yield start, end
        yield from self._split(text, squeezed)
        for name in self.scripts:
            if len(name) > 1:
                yield from squeezed.find(name)
            elif name in text:
                alone = rf"(?<![^\W\d_]){name}(?:(?![^\W\d_])|(?={HONORIFICS}))"
                yield from (match.span() for match in re.finditer(alone, text))

    def _split(self, text: str, squeezed: Squeezed) -> Iterator[Span]:
        """Give where a long name stands in several parts."""
        for name in self.long:
            if name in squeezed.text:
                for start, end in squeezed.find(name):
                    if end - start > len(name) and _apart(text, (start, end), str.isalpha):
                        yield start, end

    def _is_person(
        self, text: str, words: list[tuple[int, int, str]], at: int, *, prose: bool
    ) -> bool:
        word = words[at][2]
        before = _neighbour(text, words, at, -1)
        after = _neighbour(text, words, at, 1)
        beside = _spaced(text, words, at, -1), word, _spaced(text, words, at, 1)
        if is_phrase(*beside):
            return False
        technical = word in DICOM_WORDS or word in FUNCTION_WORDS
        for near in (before, after):
            whole = near and (word + near in self.known or near + word in self.known)
            ordinary = technical and near in DICOM_WORDS | FUNCTION_WORDS
            if near in self.known and (whole or not ordinary):
                return True
        if is_finding(*beside):
            return False
        if before in TITLES:
            return True
        if technical:
            # J. Bone, and Bone's knee, are somebody; BONE is not.
            whose = re.match(r"['\u2019]s\b", text[words[at][1] :]) is not None
            named = self._is_initial(text, words, at, -1) and text[words[at - 1][1]] == "."
            return word in DICOM_WORDS and prose and (whose or named)
        return prose or not is_clinical(word)

    def _initials(self, text: str, words: list[tuple[int, int, str]], at: int) -> Iterator[Span]:
        """Give the single letters beside a name that are initials of others: J. Smith."""
        for step in (-1, 1):
            place = at
            while self._is_initial(text, words, place, step):
                place += step
                yield words[place][:2]

    def _is_initial(self, text: str, words: list[tuple[int, int, str]], at: int, step: int) -> bool:
        """Tell an initial from the f of T20f, the B of B-mode and the W of `with`."""
        near = _neighbour(text, words, at, step)
        if len(near) != 1 or not any(name[0] == near for name in self.known):
            return False
        start, end, _ = words[at + step]
        before, after = text[:start].rstrip(" "), text[end:].lstrip(" ")
        ends = not after or after[0] in ",;()" if step > 0 else not before or before[-1] in ",;()"
        other = _neighbour(text, words, at + step, step) in self.known
        return text[end : end + 1] == "." or ends or other

    def _joined(self, word: str) -> bool:
        """Tell JOHNSMITH, JSMITH, SMITHJ and SMITHJO from other words."""
        if word[:START] in self.starts or word[1 : START + 1] in self.starts:
            for cut in range(1, len(word)):
                first, second = word[:cut], word[cut:]
                if first in self.known and len(first) >= START and self._completes(first, second):
                    return True
                if second in self.known and len(second) > START and self._completes(second, first):
                    return True
        return False

    def _completes(self, name: str, rest: str) -> bool:
        """Tell whether what is left of a word is another name or its beginning."""
        if is_clinical(name + rest) or is_clinical(rest + name):
            return False
        if rest in self.known and rest not in FUNCTION_WORDS:
            return True
        initial = len(rest) == 1 or (len(rest) < START and len(name) > START)
        return initial and any(other.startswith(rest) for other in self.known if other != name)


def _neighbour(text: str, words: list[tuple[int, int, str]], at: int, step: int) -> str:
    """Give the word before or after, if no more than separators of names are between."""
    other = at + step
    if not 0 <= other < len(words):
        return ""
    left, right = sorted((words[at], words[other]))
    gap = text[left[1] : right[0]]
    return words[other][2] if len(gap) <= START and not set(gap) - set(" ,.^_-'\u2019=/&") else ""


def _spaced(text: str, words: list[tuple[int, int, str]], at: int, step: int) -> str:
    """Give the word before or after, if one space or hyphen, or a possessive, is between."""
    other = at + step
    if not 0 <= other < len(words):
        return ""
    left, right = sorted((words[at], words[other]))
    if words[other][2] == "s" and step > 0 and text[left[1] : right[0]] in {"'", "\u2019"}:
        return _spaced(text, words, other, step)
    return words[other][2] if text[left[1] : right[0]] in {" ", "-", "_", "' "} else ""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers and phrases of one instance, without their separators."""

    squeezed: frozenset[str]
    lengths: Mapping[str, tuple[int, ...]]
    """How long those are that start with the same characters; of few nobody asks."""

    @classmethod
    def of(cls, texts: Iterable[str]) -> Numbers:
        """Prepare folded numbers and phrases."""
        found = frozenset("".join(WORD.findall(text)) for text in texts) - {""}
        same = min(START, *map(len, found)) if len(found) > FEW else 0
        lengths: dict[str, set[int]] = {}
        for each in found if same else ():
            lengths.setdefault(each[:same], set()).add(len(each))
        return cls(found, {start: tuple(several) for start, several in lengths.items()})

    def standing(self, text: str) -> Iterator[tuple[int, str]]:
        """Give where one of them stands in squeezed text: by a search for each, or for many."""
        if not self.lengths:
            for needle in self.squeezed:
                at = text.find(needle)
                while at >= 0:
                    yield at, needle
                    at = text.find(needle, at + 1)
            return
        same = len(next(iter(self.lengths)))
        for at in range(len(text)):
            for length in self.lengths.get(text[at : at + same], ()):
                if text[at : at + length] in self.squeezed and at + length <= len(text):
                    yield at, text[at : at + length]

    def spans(self, text: str, squeezed: Squeezed) -> Iterator[Span]:
        """Give where one of them stands in folded text, whatever separates its parts."""
        for at, needle in self.standing(squeezed.text):
            span = squeezed.span(at, len(needle))
            if _is_number(text, span, needle):
                yield span


def _is_number(text: str, span: Span, needle: str) -> bool:
    start, end = span
    if len(needle) < SHORT_NUMBER:
        within = text[start:end]
        close = end - start <= len(needle) + 1 and not set(".,:;") & set(within)
        return close and _apart(text, span, str.isalnum)
    if needle[0] == "0" or needle[0].isdigit():
        while start and text[start - 1] == "0":
            start -= 1
    first = str.isdigit if needle[0].isdigit() else str.isalpha
    last = str.isdigit if needle[-1].isdigit() else str.isalpha
    return not (start and first(text[start - 1])) and not (end < len(text) and last(text[end]))


def _apart(text: str, span: Span, kind: Callable[[str], bool]) -> bool:
    """Tell whether neither neighbour of a place is a character of a kind."""
    start, end = span
    return not (start and kind(text[start - 1])) and not (end < len(text) and kind(text[end]))
