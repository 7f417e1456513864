"""One pass as a page that anyone can look at: counts, reasons, time, and what left."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID

from img_ingestion.errors import GatewayError, InstanceError, NotDicom, turned_into
from img_ingestion.review.html import element, page, picture, table
from img_ingestion.review.thumbnail import thumbnail

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from xml.etree.ElementTree import Element

    from img_ingestion.home import Home
    from img_ingestion.ledger import Ledger
    from img_ingestion.review.pass_record import PassRecord

SHEET = 96
"""Pictures on the contact sheet at the most."""
BAR, ROW = 420, 26
"""Longest bar and height of a row, in pixels."""

WORDS = ("Modality", "SOPClassUID")
UNREADABLE = frozenset({"NotDicom", "Incomplete", "TooLarge"})
"""Codes of what was held before its header was read."""
MODALITIES = (
    "ANN AR ASMT AU BDUS BI BMD CFM CR CT CTPROTOCOL DG DMS DOC DX ECG EEG EMG EOG EPS ES FID GM"
    " HC HD IO IOL IVOCT IVUS KER KO LEN LP LS M3D MG MR NM OAM OCT OP OPM OPT OPTBSV OPTENF OPV"
    " OSS OT PA PLAN POS PR PT PX REG RESP RF RG RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD"
    " RTSEGANN RTSTRUCT RWV SC SEG SM SMR SR SRF STAIN TEXTUREMAP TG US VA XA XAPROTOCOL"
    " XC"
)
"""Defined Terms of Modality (PS3.3 C.7.3.1.1.1)."""


def report(record: PassRecord, ledger: Ledger, status: int) -> bytes:
    """Write the page; it names customers, pseudonyms and codes, and no patient."""
    files = record.files
    headers = [(_header(one, ledger.home), one["outcome"]) for one in files]
    by_customer = Counter((one["customer"], one["outcome"]) for one in files)
    held = [one for one in files if one["outcome"] == "held" and one["plain"]]
    own = {str(one["id"]): f"{one['plain']}: {one['reason']}" for one in held}
    reasons = Counter({**own, **record.refused}.values())
    when = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(record.started))
    sent = Counter(str(one["outcome"]) for one in record.parcels)
    return page(
        f"Pass of {when}",
        element("p", f"{len(files)} files, {len(record.parcels)} parcels, exit status {status}"),
        element("h2", "By customer and outcome"),
        bars({f"{who}, {outcome}": count for (who, outcome), count in by_customer.items()}),
        element("h2", "By modality"),
        bars(_counted(f"{_modality(header)}, {outcome}" for header, outcome in headers)),
        element("h2", "By kind"),
        bars(_counted(f"{_kind(header)}, {outcome}" for header, outcome in headers)),
        element("h2", "Held, and why"),
        table(("files", "reason"), [(str(count), why) for why, count in reasons.most_common()]),
        element("h2", "Parcels by outcome"),
        bars(sent),
        element("h2", "Seconds by stage"),
        bars({stage: round(spent, 2) for stage, spent in record.seconds.items()}),
        element("h2", "What was made to leave"),
        element("div", list(_sheet(record, ledger)), class_="sheet"),
    )


def bars(counts: Mapping[str, float]) -> Element:
    """Draw a bar for each count, as SVG."""
    if not counts:
        return element("p", "none", class_="dim")
    longest = max(counts.values(), default=0) or 1
    drawn = element(
        "svg", width=BAR + 480, height=max(1, len(counts)) * ROW, role="img", fill="#ddd"
    )
    for number, (name, count) in enumerate(counts.items()):
        width, top = max(1, round(BAR * count / longest)), number * ROW
        drawn.append(element("rect", x=380, y=top + 5, width=width, height=15, fill="#58a"))
        drawn.append(element("text", name, x=0, y=top + 17, font_size=13))
        drawn.append(element("text", f"{count:g}", x=388 + width, y=top + 17, font_size=13))
    return drawn


def _counted(words: Iterable[str]) -> Mapping[str, int]:
    return dict(sorted(Counter(words).items()))


def _header(one: Mapping[str, Any], home: Home) -> Dataset:
    """Read the words of the standard that say what a file is; empty of what cannot be read."""
    cleaned = home.cleaned / one["customer"] / f"cleaned-{PurePath(one['shown']).name}"
    # A held original is read as a reviewer's page does; what is no DICOM has no words at all.
    held = home.quarantine / one["customer"] / f"{one['id']}.dcm"
    for path in (cleaned, held) if one["code"] not in UNREADABLE else ():
        with suppress(InstanceError), turned_into(NotDicom, "reading what a file is"):
            if path.exists():
                return dcmread(path, specific_tags=[*WORDS], stop_before_pixels=True)
    return Dataset()


def _modality(header: Dataset) -> str:
    """Give Modality (0008,0060), if it is one of the standard's: a held file is a stranger's."""
    said = str(header.get("Modality") or "")
    return said if said in MODALITIES.split() else "unknown"


def _kind(header: Dataset) -> str:
    """Name the SOP class."""
    kind = UID(str(header.get("SOPClassUID") or ""))
    return kind.name if kind and kind.name != kind else "unknown"


def _sheet(record: PassRecord, ledger: Ledger) -> Iterator[Element]:
    made = [(one["customer"], name) for one in record.files for name, _ in one["encoded"]]
    for customer, name in made[:SHEET]:
        path = ledger.home.cleaned / customer / name
        try:
            yield picture(thumbnail(path), name)
        except GatewayError:
            yield element("span", f"{name}: no picture", class_="dim")
    if len(made) > SHEET:
        yield element("p", f"and {len(made) - SHEET} more")
