"""Write docs/conformance.md, the statement that a privacy officer asks for, from the tables."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom.uid import UID

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from img_ingestion.deidentify import profile, stamp, without_pictures
from img_ingestion.deidentify.tables import Row, edition, rows
from img_ingestion.settings import Profile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PAGE = Path(__file__).resolve().parents[1] / "docs" / "conformance.md"
EVERY = Profile()

INTRODUCTION = """\
# Statement of conformance

Written by `tools/make_conformance.py` from the tables that the program runs on; a test proves that it
is current. The standard is DICOM PS3.15 {edition}, Annex E, Table E.1-1 ({count} rows).

The gateway conforms to the **Basic Application Level Confidentiality Profile** as a de-identifier, for
images and for the kinds of instance without pixel data that are listed below. Everything else is held:
nothing leaves that is not listed here.

## Instances without pixel data

| kind, and what it is made of | SOP classes |
|---|---|
{admitted}

In a report's tree texts are cleaned, names replaced, UIDs mapped, dates moved, numbers and the meanings of
standard codes kept. Held in any case, besides what is not listed, DICOMDIR and video:

| because it is | SOP classes |
|---|---|
{held}

## Profile and options

| option (PS3.15 E.3) | CID 7050 | switch in `[profile]` | by default |
|---|---|---|---|
| Basic Application Confidentiality Profile | 113100 | always | on |
| Clean Pixel Data | 113101 | `clean_pixel_data` | on; stamped only on images whose pixels were cleaned |
| Clean Recognizable Visual Features | 113102 | | not offered |
{options}

The codes in De-identification Method Code Sequence (0012,0064) are those of the options that ran for that
instance. 113100 is left out when the site's recipe keeps more than the profile allows, and so is the code of
an option whose cleaning a line of the recipe undoes.

## What is done for each code

| code | what the program does |
|---|---|
| X | the element is removed, at every nesting level |
| Z | the element is emptied |
| D | the element gets a value that is valid for its VR and the same for everybody; Patient's Name, Patient ID and Accession Number get a keyed pseudonym, and so does each person whose name must stand in a report |
| U | the UID becomes `2.25.` and 128 bits of HMAC-SHA256 under the customer's key, the same wherever it occurs; registered UIDs stay |
| K | the element is kept; a kept sequence is descended into all the same |
| C on dates and times | moved by the patient's own number of days; what is no date is treated as the Basic Profile says |
| C on text | identifiers of this patient and what looks like anybody's are cut out; the words stay; dates whose day is certain move as those of the elements do ([free text](free_text.md)) |
| C on sequences | descended into, with their texts treated as descriptors |
| C on bytes | as the Basic Profile says: bytes are not cleaned |
| X/Z, X/D, Z/D, X/Z/D, X/Z/U* | by the Type of the attribute in the instance's IOD (PS3.3) |

Where several options speak of one attribute, cleaning goes before keeping.

Beyond the table: private elements are removed unless Table E.3.10-1 lists them as safe for their creator, or,
where their value identifies nobody, the curators of The Cancer Imaging Archive or its vendor say so
([private elements](free_text.md#private-elements));
public elements that the dictionary does not know, overlays (60xx), curves (50xx), icons and every other
picture in an item, encrypted attributes, the parameters of signatures and group lengths are removed;
text that no row names is cleaned as a descriptor, but for the names and versions of products, codes and
what the standard prints of them, which lose this patient's identifiers only; the patient's dates in
another calendar (0010,0033) and (0010,0034) are removed; Referenced Study Sequence (0008,1110) and
Referenced Performed Procedure Step Sequence (0008,1111) stay with mapped UIDs where their items are
references and nothing else, and are treated as the table says where not; the preamble is zeroed and the file
meta information written anew; ages over 89 become 90 (45 CFR 164.514(b)). At the end the written file is
read again and searched for this patient's identifiers; a hit holds the file.

## Row by row

"Default" is what is done with the settings as shipped, "Basic" with every option off. A code in an option's
column is what that option asks for: RP Retain Safe Private, UI Retain UIDs, DE Retain Device Identity, IN
Retain Institution Identity, PC Retain Patient Characteristics, FD Full Dates, MD Modified Dates, DS Clean
Descriptors, ST Clean Structured Content, GR Clean Graphics.

| attribute | tag | Basic | Default | RP | UI | DE | IN | PC | FD | MD | DS | ST | GR |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
"""  # noqa: E501 - a row of a table is one line


def page() -> str:
    """Give the whole page."""
    table = rows()
    head = INTRODUCTION.format(
        edition=edition(),
        count=len(table),
        options="\n".join(_options()),
        admitted=_kinds({uid: kind.made_of for uid, kind in without_pictures.ADMITTED.items()}),
        held=_kinds(without_pictures.HELD),
    )
    return head + "".join(f"| {' | '.join(_cells(row))} |\n" for row in table.values())


def _kinds(said: Mapping[str, str]) -> str:
    """Give a row for each thing that is said of SOP classes."""
    classes: dict[str, list[str]] = {}
    for uid, words in said.items():
        classes.setdefault(words, []).append(UID(uid).name.removesuffix(" Storage"))
    return "\n".join(f"| {words} | {', '.join(names)} |" for words, names in classes.items())


def _options() -> Iterator[str]:
    for switch, (code, meaning) in stamp.OPTIONS.items():
        state = "on" if getattr(EVERY, switch) else "off"
        yield f"| {meaning.removesuffix(' Option')} | {code} | `{switch}` | {state} |"


def _cells(row: Row) -> Iterator[str]:
    yield row.name
    yield row.notation
    yield row.basic
    yield str(profile.actions(EVERY)[row.tag])
    yield from (row.options.get(column, "") for column in profile.OPTIONS)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
