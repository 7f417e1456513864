"""Text as it is compared: lower case, compatibility forms, no diacritics, no separators."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

# Letters and dashes that have no decomposition in Unicode, as their nearest ASCII.
PLAIN = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "\u0131": "i",
        "ħ": "h",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        **dict.fromkeys("\u2010\u2012\u2013\u2014\u2015\u2212", "-"),
    }
)
ROMANISED = str.maketrans(
    {
        "ä": "ae",
        "ö": "oe",
        "ü": "ue",
        "å": "aa",
        "ø": "oe",
        "Ä": "Ae",
        "Ö": "Oe",
        "Ü": "Ue",
        "Å": "Aa",
        "Ø": "Oe",
    }
)
DIGRAPH = re.compile(r"([aou])e(?=[^\W\d_]{2})|a(a)(?=[^\W\d_]{2})")
HANGUL = ("\uac00", "\ud7a3")
LATIN_AND_GREEK = ((0, 0x0E00), (0x1E00, 0x2000))
"""Code points of the scripts that set spaces between words, nearly."""
WORD = re.compile(r"[^\W_]+")
LETTERS = re.compile(r"[^\W\d_]+")
UID = re.compile(r"(?<![\d.])\d+(?:\.\d+){3,}")


class Folded(NamedTuple):
    """Text as it is compared, and where each of its characters came from."""

    text: str
    origin: tuple[int, ...] | None = None
    """None where every character came from its own place; the last one is the end."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Give the place in the original text of a place in the folded one."""
        if self.origin is None or start >= end:
            return start, end
        # Up to the next character: marks that fold to nothing go with the letter they stand on.
        return self.origin[start], max(self.origin[end - 1] + 1, self.origin[end])


@lru_cache(maxsize=4096)
def folded(text: str) -> str:
    """Give text as it is compared: lower case, compatibility forms, no diacritics."""
    return fold(text).text


def fold(text: str) -> Folded:
    """Fold a text and remember where its characters came from."""
    if text.isascii():
        return Folded(text.lower())
    characters: list[str] = []
    origin: list[int] = []
    for position, character in enumerate(text):
        if HANGUL[0] <= character <= HANGUL[1]:
            # Taken apart, one syllable would be found within another.
            characters.append(character)
            origin.append(position)
            continue
        for part in unicodedata.normalize("NFKD", character).casefold().translate(PLAIN):
            if not unicodedata.combining(part):
                # ٢٠١٤ and २०१४ are 2014.
                characters.append(str(unicodedata.decimal(part)) if part.isdecimal() else part)
                origin.append(position)
    return Folded("".join(characters), (*origin, len(text)))


def has_uid(text: str) -> bool:
    """Tell whether a UID stands in a text, or what may be one."""
    return "." in text and UID.search(folded(text)) is not None


def words(text: str) -> list[str]:
    """Split folded text into words of letters and digits."""
    return WORD.findall(text)


def spellings(name: str) -> Iterator[str]:
    """Give the folded forms of a name that German and Nordic letters have: Müller is Mueller."""
    plain = folded(name)
    yield from dict.fromkeys(
        (plain, folded(name.translate(ROMANISED)), DIGRAPH.sub(r"\1\2", plain))
    )


def is_unspaced(name: str) -> bool:
    """Tell Han, Kana, Hangul and Thai from the scripts that set spaces."""
    points = map(ord, name)
    return any(not any(low <= point < high for low, high in LATIN_AND_GREEK) for point in points)


class Squeezed(NamedTuple):
    """The letters and digits of a folded text without what separates them."""

    text: str
    parts: tuple[tuple[int, int], ...]
    """Where each word starts here, and where it starts in the folded text."""

    @classmethod
    @lru_cache(maxsize=2048)
    def of(cls, text: str) -> Squeezed:
        """Squeeze a folded text."""
        parts, length, pieces = [], 0, []
        for match in WORD.finditer(text):
            parts.append((length, match.start()))
            pieces.append(match.group())
            length += len(match.group())
        return cls("".join(pieces), tuple(parts))

    def place(self, at: int) -> int:
        """Give the place in the folded text of a character here."""
        start, origin = self.parts[bisect_left(self.parts, (at + 1, 0)) - 1]
        return origin + at - start

    def span(self, at: int, length: int) -> tuple[int, int]:
        """Give the place in the folded text of some characters here."""
        return self.place(at), self.place(at + length - 1) + 1

    def find(self, needle: str) -> Iterator[tuple[int, int]]:
        """Give the places in the folded text where a squeezed needle stands."""
        at = self.text.find(needle)
        while at >= 0:
            yield self.span(at, len(needle))
            at = self.text.find(needle, at + 1)
