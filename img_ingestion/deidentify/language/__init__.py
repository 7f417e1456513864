"""
The recipe language, read strictly: what deid would drop or misread is a fault with its line.

::

    text.py        bytes -> statements with their line and section
    elements.py    a statement's element -> tag and VR; texts that fit them
    header.py      a %header statement -> HeaderRule
    labels.py      a LABEL of a %filter section -> PixelRule
    reach.py       what can never fire, and labels that conflict
    agreement.py   whether deid's parser understood the same
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from img_ingestion.deidentify.language.header import HeaderRule, conflicts, header_rule
from img_ingestion.deidentify.language.labels import pixel_rule
from img_ingestion.deidentify.language.text import (
    HEADER,
    Fault,
    Label,
    Statement,
    decoded,
    labels,
    statements,
)
from img_ingestion.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from img_ingestion.deidentify.pixels.rules import PixelRule

__all__ = ["HeaderRule", "Script", "Statement", "read"]


class Script(NamedTuple):
    """A recipe as it stands in the file, in the order of the file."""

    statements: tuple[Statement, ...]
    header: tuple[HeaderRule, ...]
    pixel_rules: tuple[PixelRule, ...]


def read(content: bytes) -> Script:
    """
    Read a whole recipe.

    Raises
    ------
    SettingsError
        Names every line that is at fault, one fault a line.

    """
    parts = list(_parts(decoded(content)))
    header = [part for part in parts if isinstance(part, HeaderRule)]
    faults = [part for part in parts if isinstance(part, Fault)]
    faults += conflicts(header)
    if faults:
        faults.sort(key=lambda fault: fault.line)
        raise SettingsError("\n".join(map(str, faults)))
    said = tuple(part for part in parts if isinstance(part, Statement))
    pixel_rules = (part for part in parts if not isinstance(part, Statement | HeaderRule | Fault))
    return Script(said, tuple(header), tuple(pixel_rules))


def _parts(text: str) -> Iterator[Statement | HeaderRule | PixelRule | Fault]:
    """Give every statement, then what each means, or its fault."""
    found = list(statements(text))
    yield from found
    said = [one for one in found if isinstance(one, Statement)]
    for part in (*(one for one in said if one.section == HEADER), *labels(said)):
        try:
            if isinstance(part, Statement):
                yield header_rule(part)
            elif isinstance(part, Label):
                yield pixel_rule(part)
            else:
                yield part
        except Fault as fault:
            yield fault
