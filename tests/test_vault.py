"""The vault finds the way back, keeps it to itself, and survives being asked twice."""

from __future__ import annotations

import csv
import stat
from typing import TYPE_CHECKING

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
