"""
Write deid.dicom: Table E.1-1 for the default options, and the device rules beside this file.

Usage: python3 tools/make_recipe.py
"""

from __future__ import annotations

import sys
from pathlib import Path

from pydicom.datadict import tag_for_keyword

sys.path.insert(0, str(Path(__file__).parents[1]))

from img_ingestion.deidentify.action import Action
from img_ingestion.deidentify.language.elements import FILE_META, ROWS
from img_ingestion.deidentify.language.header import BARE, FUNCTIONS, SHIFT
from img_ingestion.deidentify.profile import actions
from img_ingestion.deidentify.tables import Row, edition, rows
from img_ingestion.settings import Profile

ROOT = Path(__file__).parents[1]
DEVICE_RULES = Path(__file__).parent / "device_rules.deid"

HEAD = """\
FORMAT dicom

# The site's policy: what happens to each element, and where pictures carry text.
# docs/recipe.md explains the language; every run checks this file before it opens an image.
#
# Written by tools/make_recipe.py from PS3.15 {edition} Table E.1-1: the Basic Application Level
# Confidentiality Profile with the options that gateway.toml has on by default. A line that stays
# as it is here leaves the choice to the options of gateway.toml; a line you change wins over them.
# The comment gives the element, the Basic Profile's code, and C or K with the options' names.
# An element without a line is treated as the table asks; unknown elements are removed.

%header

"""


def statement(row: Row, action: Action) -> str:
    """Say in deid's language what is done with one row."""
    written = {notation: field for field, notation in ROWS.items()}
    # The table is ahead of pydicom's dictionary, which is also deid's.
    known = tag_for_keyword(row.keyword) == row.tag
    field = row.keyword if known else written.get(row.notation, row.notation)
    by_verb = {code: verb for verb, code in BARE.items()}
    by_function = {code: function for function, code in FUNCTIONS.items()}
    if action is Action.SHIFT:
        return f"JITTER {field} {SHIFT}"
    if action in by_verb:
        return f"{by_verb[action]} {field}"
    return f"REPLACE {field} {by_function[action]}"


def comment(row: Row) -> str:
    """Name the row and its codes."""
    known = tag_for_keyword(row.keyword) == row.tag
    where = row.notation if known else row.name
    options = (f"{letter} {column}" for column, letter in row.options.items())
    return ", ".join([f"{where} {row.basic}", *options])


def recipe() -> str:
    """Give the whole recipe, in tag order."""
    lines = [
        f"{statement(rows()[tag], action)}  # {comment(rows()[tag])}"
        for tag, action in actions(Profile()).items()
        if tag >> 16 not in {0x0000, FILE_META}
    ]
    device_rules = DEVICE_RULES.read_text(encoding="utf-8")
    return HEAD.format(edition=edition()) + "\n".join(lines) + "\n\n" + device_rules


if __name__ == "__main__":
    (ROOT / "deid.dicom").write_text(recipe(), encoding="utf-8")
