"""The vault finds the way back, keeps it to itself, and survives being asked twice."""

from __future__ import annotations

import csv
import stat
from typing import TYPE_CHECKING

import pytest

from img_ingestion.errors import StorageError
from img_ingestion.vault import Vault

if TYPE_CHECKING:
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


def test_an_export_runs_nothing_in_a_spreadsheet(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault.sqlite")
    vault.remember("customer", {("patient", "=cmd|calc!A1"): "BCDFGHJKLMNPQRS"})
    vault.export(tmp_path / "map.csv")
    assert "'=cmd|calc!A1" in (tmp_path / "map.csv").read_text()


def test_a_place_that_cannot_be_written_is_not_blamed_on_the_vault(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="export"):
        Vault(tmp_path / "vault.sqlite").export(tmp_path / "absent" / "map.csv")
