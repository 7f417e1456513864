"""
Write the tables of img_ingestion/deidentify/tables from the standard's tables as TSV.

Usage: python3 tools/make_tables.py FOLDER, where FOLDER has e1_1.tsv, iod_types.tsv,
safe_private.tsv, and tcia_private.tsv (The Cancer Imaging Archive's private tag knowledge base:
PrivateCreator in capitals, Group, Element, Disposition; only what is not to be deleted). The JSON
ships with the project; run this again when the standard or the archive moves on.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom._uid_dict import UID_dictionary
from pydicom.datadict import tag_for_keyword

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

EDITION = "2026d"
TABLES = Path(__file__).parents[1] / "img_ingestion" / "deidentify" / "tables"

ANY_IOD = "*"
ANY_PARENT_IS_TOP = ""

IODS_NAMED_OTHERWISE = {
    "cardiac-electrophysiology-waveform": "basic-cardiac-electrophysiology-waveform",
    "implantation-plan-sr": "implantation-plan-sr-document",
    "robotic-radiation-record": "robotic-arm-radiation-record",
    # Retired, and with the modules of its single-plane sibling.
    "x-ray-angiographic-bi-plane-image": "x-ray-angiographic-image",
}
"""SOP classes whose name is not that of their IOD in PS3.3."""


def rows(path: Path) -> list[dict[str, str]]:
    """Read a table of tab-separated values with a heading."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def notation(tag: int) -> str:
    """Write a tag as the standard does."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def e1_1(table: Iterable[Mapping[str, str]]) -> dict[str, object]:
    """Turn PS3.15 Table E.1-1 into rows that name only the columns which say something."""
    return {
        "source": "PS3.15 Table E.1-1",
        "edition": EDITION,
        "rows": sorted(
            ({column: text for column, text in row.items() if text} for row in table),
            key=lambda row: row["Tag"],
        ),
    }


def slug(sop_class: str) -> str:
    """Give the IOD's short name for a SOP class's name, e.g. `ct-image` for CT Image Storage."""
    name = re.sub(r" - For (Presentation|Processing)| \(Retired\)", "", sop_class)
    short = re.sub(r"[^a-z0-9]+", "-", name.removesuffix(" Storage").lower()).strip("-")
    return IODS_NAMED_OTHERWISE.get(short, short)


def sop_classes(known: set[str]) -> dict[str, str]:
    """Map each SOP Class UID of pydicom's dictionary to its IOD, where the table knows that."""
    found = {}
    for uid, (name, kind, *_) in UID_dictionary.items():
        short = slug(name)
        short = short if short in known else short.removesuffix("-waveform")
        if kind == "SOP Class" and short in known:
            found[uid] = short
    return dict(sorted(found.items()))


def iod_types(table: Iterable[Mapping[str, str]], tags: Mapping[str, str]) -> dict[str, object]:
    """
    Turn the attributes' Types by IOD into [tag, parent sequence's tag, type, IODs].

    Parameters
    ----------
    table : iterable of rows
        Columns Keyword, ParentSequence, Type and IODs; `*` stands for all other IODs.
    tags : mapping
        Keyword -> tag as written in Table E.1-1, for the keywords newer than pydicom.

    """

    def tag(keyword: str) -> str:
        known = tag_for_keyword(keyword)
        return notation(known) if known is not None else tags[keyword]

    types = []
    slugs: set[str] = set()
    for row in table:
        parent = tag(row["ParentSequence"]) if row["ParentSequence"] else ANY_PARENT_IS_TOP
        iods = sorted(row["IODs"].split(","))
        slugs.update(iods)
        types.append([tag(row["Keyword"]), parent, row["Type"], " ".join(iods)])
    return {
        "source": "PS3.3 module and macro tables, for the attributes of PS3.15 Table E.1-1",
        "edition": EDITION,
        "sop_classes": sop_classes(slugs - {ANY_IOD}),
        "rows": sorted(types),
    }


def safe_private(table: Iterable[Mapping[str, str]]) -> dict[str, object]:
    """Turn PS3.15 Table E.3.10-1 into [creator, group, element, VR]."""
    return {
        "source": "PS3.15 Table E.3.10-1",
        "edition": EDITION,
        "rows": sorted(
            [row["PrivateCreator"], row["Group"], row["Element"].removeprefix("xx"), row["VR"]]
            for row in table
        ),
    }


def tcia_private(table: Iterable[Mapping[str, str]]) -> dict[str, object]:
    """Turn the archive's dispositions into [creator, group, element, keep, hash or offset]."""
    return {
        "source": "The Cancer Imaging Archive, private tag knowledge base",
        "rows": sorted(
            [row["PrivateCreator"], row["Group"], row["Element"], row["Disposition"]]
            for row in table
        ),
    }


def tables(folder: Path) -> dict[str, dict[str, object]]:
    """Make every table: file name -> content."""
    basic = rows(folder / "e1_1.tsv")
    tags = {row["Keyword"]: row["Tag"] for row in basic if row["Keyword"]}
    curated = folder / "tcia_private.tsv"
    made = {
        "e1_1.json": e1_1(basic),
        "iod_types.json": iod_types(rows(folder / "iod_types.tsv"), tags),
        "safe_private.json": safe_private(rows(folder / "safe_private.tsv")),
    }
    if curated.exists():
        made["tcia_private.json"] = tcia_private(rows(curated))
    return made


def text(table: Mapping[str, object]) -> str:
    """Write a table as JSON, one row a line, so that a new edition reads as a diff."""
    head = {key: value for key, value in table.items() if key != "rows"}
    body = table["rows"]
    if not isinstance(body, list):
        raise TypeError("rows is a list")
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in body)
    return json.dumps(head, indent=0)[:-2] + f',\n"rows": [\n{lines}\n]\n}}\n'


def main(arguments: Sequence[str]) -> None:
    """Write every table into the project."""
    for name, table in tables(Path(arguments[0])).items():
        (TABLES / name).write_text(text(table), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
