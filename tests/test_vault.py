"""The vault finds the way back, keeps it to itself, and survives being asked twice."""

from __future__ import annotations

import csv
import stat
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from img_ingestion.deidentify.identifiers import texts_of
from img_ingestion.errors import StorageError
from img_ingestion.settings import Profile
from img_ingestion.vault import Vault
from tests.planted import planted
from tests.test_planted import BASIC, cleaned

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REPLACED = {("patient", "ZQ-4711"): "BCDFGHJKLMNPQRS", ("uid", "1.2.3"): "2.25.7"}


def test_a_pseudonym_is_identified(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault.sqlite")
    vault.remember("customer", REPLACED)
    vault.remember("customer", REPLACED)
    assert vault.identify("2.25.7") == [("customer", "uid", "1.2.3")]
    assert vault.identify("unknown") == []


def test_an_absent_vault_knows_nothing_and_is_not_made_by_asking(tmp_path: Path) -> None:
    path = tmp_path / "vault.sqlite"
    assert Vault(path).identify("2.25.7") == []
    assert not path.exists()


def test_the_export_has_every_row_and_is_for_the_owner_only(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault.sqlite")
    vault.remember("customer", REPLACED)
    out = tmp_path / "map.csv"
    assert vault.export(out) == 2
    with out.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["kind", "original", "pseudonym"]
    assert ["patient", "ZQ-4711", "BCDFGHJKLMNPQRS"] in rows
    for path in (out, tmp_path / "vault.sqlite"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def _replaced(before: Dataset, after: Dataset) -> Iterator[tuple[str, str]]:
    """Give each UID, Patient ID and accession number that came out as another, at every level."""
    for element in after:
        if element.tag not in before:
            continue
        old = before[element.tag]
        if element.VR == "SQ":
            for one, other in zip(old.value, element.value, strict=False):
                yield from _replaced(one, other)
        elif element.VR == "UI" or element.keyword in {"PatientID", "AccessionNumber"}:
            both = zip(texts_of(old), texts_of(element), strict=True)
            yield from ((one, other) for one, other in both if one != other)


@pytest.mark.parametrize("profile", [Profile(), BASIC], ids=["default", "basic"])
def test_the_export_has_all_that_a_file_full_of_references_lost(
    tmp_path: Path, profile: Profile
) -> None:
    source = dcmread(BytesIO(planted()))
    series, image = Dataset(), Dataset()
    image.ReferencedSOPInstanceUID, series.SeriesInstanceUID = "1.2.3.4.7", "1.2.3.4.8"
    series.FailedSOPInstanceUIDList = ["1.2.3.4.9", "1.2.3.4.10"]
    series.PatientID, series.AccessionNumber = "OTHER-77", "ACC-77"
    series.ReferencedInstanceSequence = Sequence([image])
    source.ReferencedSeriesSequence = Sequence([series])
    out = BytesIO()
    source.save_as(out)
    clean = cleaned(out.getvalue(), profile)
    vault = Vault(tmp_path / "vault.sqlite")
    vault.remember("customer", clean.replaced)
    vault.export(tmp_path / "map.csv")
    with (tmp_path / "map.csv").open(newline="") as file:
        known = {(old, new) for _, old, new in csv.reader(file)}
    lost = set(_replaced(source, dcmread(BytesIO(clean.content))))
    assert lost <= known
    assert {"1.2.3.4.7", "1.2.3.4.8", "1.2.3.4.10", "OTHER-77", "ACC-77"} <= {
        old for old, _ in lost
    }


def test_an_export_runs_nothing_in_a_spreadsheet(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault.sqlite")
    vault.remember("customer", {("patient", "=cmd|calc!A1"): "BCDFGHJKLMNPQRS"})
    vault.export(tmp_path / "map.csv")
    assert "'=cmd|calc!A1" in (tmp_path / "map.csv").read_text()


def test_a_place_that_cannot_be_written_is_not_blamed_on_the_vault(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="export"):
        Vault(tmp_path / "vault.sqlite").export(tmp_path / "absent" / "map.csv")
