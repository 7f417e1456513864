"""From the bytes of a recipe to its statements, each with its line and section."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from img_ingestion.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FILTERS = frozenset({"filter whitelist", "filter graylist", "filter blacklist"})
HEADER = "header"


class Fault(SettingsError):
    """A line of the recipe that deid would drop or misread, or that would let something out."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what}")
        self.line = line


class Statement(NamedTuple):
    """One line that says something."""

    line: int
    """From 1."""
    text: str
    """Without its comment and the space around it."""
    section: str
    """`header`, or `filter` and the list's name."""
    commented: bool = False
    """A comment follows on the same line."""


class Label(NamedTuple):
    """A LABEL statement of a %filter section, and the statements under it."""

    head: Statement
    members: tuple[Statement, ...]


def decoded(content: bytes) -> str:
    """
    Give the text of a recipe.

    Raises
    ------
    SettingsError
        It is not plain UTF-8: deid reads it in whatever coding the machine prefers.

    """
    if content.startswith(b"\xef\xbb\xbf"):
        raise SettingsError("line 1: a byte order mark hides FORMAT from deid; save without it")
    try:
        return content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"line {line}: not UTF-8") from error


def statements(text: str) -> Iterator[Statement | Fault]:
    """Walk a recipe's lines: each is a statement, a fault, or (comments, headings) nothing."""
    section = "start"
    for number, raw in enumerate(text.split("\n"), 1):
        if not raw.strip() or raw.strip().startswith("#"):
            continue
        try:
            said = _said(number, raw, section)
            heading = _heading(said)
        except Fault as fault:
            yield fault
            section = "unknown" if raw.strip().startswith("%") else section
            continue
        if heading:
            section = heading
        elif section != "unknown":
            yield said
    if section == "start":
        yield Fault(1, "a recipe starts with FORMAT dicom")


def _said(line: int, raw: str, section: str) -> Statement:
    """Take the comment off a line, and refuse characters that deid sees otherwise than people."""
    words, mark, _ = raw.partition("#")
    if mark and not words.endswith(" "):
        raise Fault(line, "deid starts a comment at any #; put a space before a comment")
    if not words.isascii() or not words.isprintable():
        raise Fault(line, "tabs, control characters and letters beyond ASCII are for comments only")
    return Statement(line, words.strip(), section, commented=bool(mark))


def _heading(said: Statement) -> str:
    """Give the section that a line opens, or nothing when it is an ordinary statement."""
    if said.section == "start":
        # Without this line deid has no format, and a comment on it ends deid.
        if not re.fullmatch(r"FORMAT +dicom", said.text) or said.commented:
            raise Fault(said.line, "a recipe starts with FORMAT dicom, alone on its line")
        return "opened"
    if said.text.upper().startswith("FORMAT"):
        raise Fault(said.line, "FORMAT stands once, at the start")
    if said.text.startswith("%"):
        name = said.text.removeprefix("%")
        if name != HEADER and name not in FILTERS:
            raise Fault(
                said.line,
                "sections are %header, %filter whitelist, %filter graylist and %filter blacklist",
            )
        return name
    if said.section == "opened":
        raise Fault(said.line, "a statement before the first section is dropped by deid")
    return ""


def labels(found: Iterable[Statement]) -> Iterator[Label | Fault]:
    """Gather the statements of the %filter sections under their LABEL."""
    head: Statement | None = None
    members: list[Statement] = []
    for said in (one for one in found if one.section in FILTERS):
        starts = said.text == "LABEL" or said.text.startswith("LABEL ")
        if head is not None and (starts or said.section != head.section):
            yield Label(head, tuple(members))
            head = None
        if starts:
            head, members = said, []
        elif head is None:
            yield Fault(said.line, "deid drops what stands before the first LABEL of a section")
        else:
            members.append(said)
    if head is not None:
        yield Label(head, tuple(members))
