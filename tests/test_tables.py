"""The standard's tables: what ships is what the standard says, and nothing in it is unknown."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag

from img_ingestion.deidentify import tables
from img_ingestion.deidentify.action import Action
from img_ingestion.deidentify.profile import OPTIONS
from img_ingestion.settings import Profile

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
STANDARD = ROOT.parent / "shared" / "data"

NEWER_THAN_PYDICOM = 26
"""Rows of Table E.1-1 without keyword and VR, the four repeating rows among them."""

NOT_YET_IN_PYDICOM = {
    "height-map-segmentation",
    # Real-time communication: these travel as streams and are never stored.
    "real-time-audio-waveform",
    "real-time-video-endoscopic-image",
    "real-time-video-photographic-image",
    "rendition-selection-document",
}

needs_standard = pytest.mark.skipif(
    not STANDARD.is_dir(), reason="the standard's tables as TSV are not on this machine"
)


def standard(name: str) -> Iterator[dict[str, str]]:
    with (STANDARD / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t")


@needs_standard
def test_the_shipped_tables_are_what_the_tool_makes_of_the_standard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "tools"), *sys.path])
    make_tables = __import__("make_tables")

    made = make_tables.tables(STANDARD)

    shipped = {path.name for path in tables.FOLDER.glob("*.json")} - {"tcia_private.json"}
    assert shipped == set(made)
    for name, table in made.items():
        assert (tables.FOLDER / name).read_text(encoding="utf-8") == make_tables.text(table)


@needs_standard
def test_every_cell_of_table_e_1_1_is_in_the_shipped_table() -> None:
    shipped = {row.notation: row for row in tables.rows().values()}

    for cells in standard("e1_1.tsv"):
        row = shipped.pop(cells["Tag"])
        assert (row.name, row.keyword, row.vr, row.basic) == (
            cells["Name"],
            cells["Keyword"],
            cells["VR"],
            cells["Basic"],
        )
        assert row.options == {name: cells[name] for name in OPTIONS if cells[name]}

    assert not shipped


@needs_standard
def test_every_type_of_an_attribute_is_found_again() -> None:
    by_iod = {iod: uid for uid, iod in tables._types()[0].items()}
    tags = {row.keyword: row.tag for row in tables.rows().values()}
    known = {keyword_for_tag(tag): tag for _, tag in tables._types()[1] if tag}

    for cells in standard("iod_types.tsv"):
        parent = known.get(cells["ParentSequence"])
        for iod in cells["IODs"].split(","):
            if iod in NOT_YET_IN_PYDICOM:
                continue
            uid = "" if iod == "*" else by_iod[iod]
            assert tables.type_of(tags[cells["Keyword"]], parent, uid) == cells["Type"]


@needs_standard
def test_every_safe_private_element_is_safe_in_any_block_and_only_with_its_creator() -> None:
    for cells in standard("safe_private.tsv"):
        group, low = int(cells["Group"], 16), int(cells["Element"].removeprefix("xx"), 16)
        assert tables.safe_private(group, 0x1000 | low, cells["PrivateCreator"])
        assert tables.safe_private(group, 0xFF00 | low, cells["PrivateCreator"] + " ")
        assert not tables.safe_private(group, 0x1000 | low, "SOMEBODY ELSE")
        assert not tables.safe_private(group + 2, 0x1000 | low, cells["PrivateCreator"])


def test_the_table_has_all_its_rows_in_order() -> None:
    assert len(tables.rows()) == 657
    assert list(tables.rows()) == sorted(tables.rows())


def test_every_code_has_an_action_and_every_column_a_switch() -> None:
    for row in tables.rows().values():
        assert Action(row.basic) not in {Action.SHIFT, Action.PSEUDONYM, Action.LITERAL}
        assert set(row.options) <= set(OPTIONS)
        assert set(row.options.values()) <= {"K", "C"}
    assert set(OPTIONS.values()) <= set(Profile.model_fields)


def test_every_tag_is_known_to_pydicom_or_newer_than_its_dictionary() -> None:
    newer = [row for row in tables.rows().values() if not (row.keyword and row.vr)]

    assert len(newer) == NEWER_THAN_PYDICOM
    for row in tables.rows().values():
        if dictionary_has_tag(row.tag) and row.vr:
            assert row.vr in dictionary_VR(row.tag)
        if dictionary_has_tag(row.tag) and row.keyword:
            assert row.keyword == keyword_for_tag(row.tag)


def test_every_iod_belongs_to_a_sop_class() -> None:
    sop_classes, types = tables._types()
    iods = {iod for by_iod in types.values() for iod in by_iod} - {"*"}

    assert iods - set(sop_classes.values()) == NOT_YET_IN_PYDICOM


def test_every_type_is_one_of_the_five() -> None:
    _, types = tables._types()

    assert {kind for by_iod in types.values() for kind in by_iod.values()} == {
        "1",
        "1C",
        "2",
        "2C",
        "3",
    }
    assert {tag for tag, _ in types} <= set(tables.rows())


@pytest.mark.parametrize(
    ("tag", "row"),
    [
        (0x00100010, 0x00100010),
        (0x00280010, None),
        (0x50000005, tables.CURVES),
        (0x501E3000, tables.CURVES),
        (0x60003000, tables.OVERLAY_DATA),
        (0x601E3000, tables.OVERLAY_DATA),
        (0x60024000, tables.OVERLAY_COMMENTS),
        (0x60000010, None),
        (0x00090010, tables.PRIVATE),
        (0x50010005, tables.PRIVATE),
        (0x60013000, tables.PRIVATE),
        (0x51003000, None),
    ],
)
def test_a_repeating_group_finds_its_row(tag: int, row: int | None) -> None:
    assert tables.row_of(tag) == row
