"""
The last look: the file as it would leave, searched with this patient's identifiers in hand.

It reads the written bytes again and trusts nothing that the pass over the header said of itself.
"""

from __future__ import annotations

import re
import zlib
from binascii import a2b_base64
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from pydicom.datadict import keyword_for_tag
from pydicom.tag import Tag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from img_ingestion import part10
from img_ingestion.deidentify import dates, representation
from img_ingestion.deidentify.defined_terms import prescribed
from img_ingestion.deidentify.identifiers import identity_tags
from img_ingestion.deidentify.leaves import Leaf, Leaves, Silence, fragments_end
from img_ingestion.deidentify.memory import LONGEST, MOST, MOST_PATIENTS
from img_ingestion.deidentify.needles import Needles
from img_ingestion.deidentify.private import begins_documented, is_documented
from img_ingestion.deidentify.tables import rows
from img_ingestion.deidentify.text_forms import has_uid
from img_ingestion.deidentify.vocabulary import is_clinical, may_be_finding
from img_ingestion.errors import NotVerified, turned_into

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from img_ingestion.deidentify.free_text import Cleaner
    from img_ingestion.instance import Identifiers

SHORTEST_IN_BYTES = 6
"""Shorter ones turn up in compressed pixels by chance: 6 bytes in 10 MB, once in 10^7 files."""
SHORTEST_IN_ELEMENT = 5
"""Names in bytes that are no pixels: of those there are few."""
PREAMBLE = 128
GROUP_LENGTH = 12
"""Bytes of the element (0002,0000), behind the prefix."""
ENCODED = re.compile(rb"[A-Za-z0-9+/_-]{8,}")
"""What may be base64 (RFC 4648), in either alphabet."""
OTHER_ALPHABET = bytes.maketrans(b"-_", b"+/")
DELIMITERS = {True: b"\xfe\xff\xdd\xe0" + bytes(4), False: b"\xff\xfe\xe0\xdd" + bytes(4)}
LAST_LETTERS, FIRST_LETTERS = re.compile(rb"[A-Za-z]*\Z"), re.compile(rb"[A-Za-z]*")
LONGEST_WORD = 32
QUANTUM = 4
UNREADABLE = "\N{REPLACEMENT CHARACTER}"
TRANSFER_SYNTAX = 0x00020010
TEXT = representation.TEXT | {"AS", "PN"}
COUNTS = frozenset({"DS", "IS"})
DAYS = frozenset({"DA", "DT"})
SEARCHED = TEXT | COUNTS | DAYS | {"UI"}
ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be")


@dataclass(frozen=True, slots=True)
class Lasting:
    """What is the same for all files of one patient: what is sought, and where nothing was."""

    moved: frozenset[str] | None
    """Each original date as it comes out; None where dates stay."""
    needles: Needles
    silence: Silence = field(default_factory=Silence, repr=False)
    """Of what has no UID in it, which each file has of its own."""

    def remember(self, said: Leaf | bytes, texts: Iterable[str]) -> None:
        """Pass over it the next time, if it holds no UID."""
        silent = self.silence.leaves
        if len(silent) >= MOST:
            silent.clear()
        if not any(map(has_uid, texts)):
            silent.add(said)


@dataclass(frozen=True, slots=True)
class Sought:
    """What must not be in the file, and the means to find it."""

    found: Identifiers
    cleaner: Cleaner
    lasting: Lasting

    def check(self, leaf: Leaf) -> None:
        """Raise if something of it stands in an element."""
        self._look_at(leaf)
        if leaf.vr != "UI" and len(leaf.value) <= LONGEST:
            self.lasting.remember(leaf, leaf.texts if leaf.vr in SEARCHED else ())

    def check_encoded(self, run: bytes) -> None:
        """Raise if something of it stands in what may be base64."""
        said = _decoded(run) if len(run) <= LONGEST else _decoded.__wrapped__(run)
        if any(map(self.cleaner.finds, said)):
            raise NotVerified("an identifier was still there, in base64")
        if len(run) <= LONGEST:
            self.lasting.remember(run, said)

    def _look_at(self, leaf: Leaf) -> None:
        if leaf.vr in SEARCHED:
            said = self._in_texts(leaf.vr, leaf.tag, leaf.texts)
        elif leaf.vr in representation.BYTES:
            lowered = leaf.value.lower()
            names = _names(self.found.names, SHORTEST_IN_ELEMENT)
            said = "a name" if any(name in lowered for name in names) else ""
        else:
            return
        if said and not _names_a_maker(leaf):
            name = keyword_for_tag(leaf.tag) or str(Tag(leaf.tag))
            raise NotVerified(f"{name}: {said} was still there")

    def _in_texts(self, vr: str, tag: int, texts: list[str]) -> str:
        """Say what of it stands in the values of an element, or nothing."""
        if vr == "UI":
            return "an original UID" if self.found.uids.intersection(texts) else ""
        if vr in DAYS:
            return "an original date" if any(map(self._is_original, texts)) else ""
        if vr in COUNTS:
            return "an identifying number" if any(map(self._counts, texts)) else ""
        prose = tag in _descriptors() or tag in identity_tags()
        free = (text for text in texts if not prescribed(tag, text))
        finds = any(self.cleaner.finds(text, prose=prose) for text in free)
        return "an identifier" if finds else ""

    def _is_original(self, text: str) -> bool:
        day = text[:10].replace(".", "").replace("-", "").replace("/", "")[:8]
        moved = self.lasting.moved
        return moved is not None and day in self.found.dates and day not in moved

    def _counts(self, text: str) -> bool:
        number = re.sub(r"\D", "", text)
        return self.cleaner.is_number(text) and number not in (self.lasting.moved or ())


def _names_a_maker(leaf: Leaf) -> bool:
    """Tell a private creator: ELSCINT1 is a maker, and the name of some makers' test patients."""
    return Tag(leaf.tag).is_private_creator and is_documented(leaf.texts[0])


@cache
def _descriptors() -> frozenset[int]:
    """Give the elements that the Clean Descriptors Option is about: prose (PS3.15 E.3.5)."""
    return frozenset(tag for tag, row in rows().items() if "CleanDescriptors" in row.options)


def check(
    parts: Sequence[bytes | memoryview],
    found: Identifiers,
    cleaner: Cleaner,
    days: int | None = None,
) -> None:
    """
    Raise if anything that identifies the patient is still in a Part 10 file.

    Parameters
    ----------
    parts : sequence of bytes
        The whole file, as it would leave: all of it, or what stands before the pixels, the
        pixels, and what stands behind them.
    found : Identifiers
        Of the original.
    cleaner : Cleaner
        Compiled from `found`.
    days : int or None
        By how many days dates were moved; None where they were not.

    Raises
    ------
    NotVerified
        Naming the element, never what was found in it.

    """
    lasting = _lasting(replace(found, uids=frozenset()), days)
    sought = Sought(found, cleaner, lasting)
    with turned_into(NotVerified, "reading the cleaned file again"):
        for leaf in _leaves(bytes(parts[0]), parts[1:], lasting.silence):
            sought.check(leaf)
        for part in parts[::2]:
            for run in set(ENCODED.findall(part)) - lasting.silence.leaves:
                sought.check_encoded(run)
    places = ((part, at) for part in parts for at in lasting.needles.places_in(part))
    if any(not _in_a_word(part, *at) for part, at in places):
        raise NotVerified("an identifier was still there, outside any text element")


def _leaves(head: bytes, others: Sequence[bytes | memoryview], silence: Silence) -> Iterator[Leaf]:
    """Give every element that is not silent, those of the file meta information first."""
    if any(head[:PREAMBLE]):
        raise NotVerified("the preamble is not zero")
    first = PREAMBLE + len(part10.PREFIX)
    start = first + GROUP_LENGTH + int.from_bytes(head[first + 8 : first + GROUP_LENGTH], "little")
    meta = list(Leaves(head[:start], implicit=False, little=True).of(first))
    yield from meta
    syntax = next(leaf.texts[0] for leaf in meta if leaf.tag == TRANSFER_SYNTAX)
    if syntax == DeflatedExplicitVRLittleEndian:
        head, start = zlib.decompress(head[start:], -zlib.MAX_WBITS), 0
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    outside = len(others[0]) if others else 0
    yield from Leaves(head, implicit, little, outside, silence).of(start)
    if others:
        tail = bytes(others[1])
        yield from _behind(others[0], tail, Leaves(tail, implicit, little, silence=silence))


def _behind(pixels: bytes | memoryview, tail: bytes, leaves: Leaves) -> Iterator[Leaf]:
    """Give the elements behind pixels that stand apart, which end where they should."""
    start = 0
    if tail.startswith(DELIMITERS[leaves.little]):
        start = len(DELIMITERS[leaves.little])
        if fragments_end(pixels, 0, little=leaves.little) != len(pixels):
            raise NotVerified("a fragment of the pixel data has another end than its own")
    yield from leaves.of(start)


@lru_cache(maxsize=4096)
def _decoded(run: bytes) -> tuple[str, ...]:
    """Give what bytes say that may be base64, from wherever one begins to read them."""
    letters, every = run.translate(OTHER_ALPHABET), []
    for start in range(QUANTUM):
        rest = letters[start:]
        if len(rest) % QUANTUM == 1:
            rest = rest[:-1]
        text = a2b_base64(rest + b"=" * (-len(rest) % QUANTUM)).decode(errors="replace")
        said = " ".join(text.split())
        if said.isprintable() and UNREADABLE not in said:
            every.append(said)
    return tuple(every)


def _in_a_word(content: bytes | memoryview, start: int, end: int) -> bool:
    """Tell Mr. Corona from CORONARY, in which the letters around him make a word of medicine."""
    before = LAST_LETTERS.search(content[max(0, start - LONGEST_WORD) : start])
    after = FIRST_LETTERS.match(content[end : end + LONGEST_WORD])
    around = before[0] if before else b"", after[0] if after else b""
    if not any(around):
        return False
    word = around[0] + bytes(content[start:end]) + around[1]
    return word.isascii() and is_clinical(word.decode("ascii").lower())


@lru_cache(maxsize=MOST_PATIENTS)
def _lasting(found: Identifiers, days: int | None) -> Lasting:
    """Prepare what is sought; in every byte, pixels too, whatever element it is in."""
    moved = None
    if days is not None:
        moved = frozenset(dates.shifted("DA", day, days) or "" for day in found.dates)
    others = _forms(found.numbers | found.phrases, SHORTEST_IN_BYTES)
    return Lasting(moved, Needles.of((*_names(found.names, SHORTEST_IN_BYTES), *others)))


@lru_cache(maxsize=32)
def _names(names: frozenset[str], shortest: int) -> tuple[bytes, ...]:
    """Give the bytes of the names that stand for nothing but a person."""
    return tuple(_forms((name for name in names if not may_be_finding(name)), shortest))


def _forms(texts: Iterable[str], shortest: int) -> Iterator[bytes]:
    for text in texts:
        # A maker's name stands in its private creators, which are looked at as elements.
        if len(text) >= shortest and not begins_documented(text):
            for encoding in ENCODINGS:
                yield text.encode(encoding)
