"""Cut the link between a customer's patients and their pseudonyms, for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from img_ingestion import durable, turns
from img_ingestion.commands import place
from img_ingestion.commands.told import DONE, Told
from img_ingestion.errors import SettingsError, StorageError
from img_ingestion.home import customer_of
from img_ingestion.review.audit import Trail
from img_ingestion.sealing import Sealing

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from pathlib import Path

    from img_ingestion.commands.told import Telling
    from img_ingestion.home import Home

NAME = "offboard"
HELP = "destroy a customer's key and vault rows, for good"
DESCRIPTION = """\
Destroy a customer's key and its rows of the vault, and forget the digests by which its files could
be recognised: from then on nobody can go back from a pseudonym. What was sent stays in the ledger;
originals and outputs stay where they are: removing them is the operator's. Originals that a cut
pass left in state/unsealed/ are encrypted first. Backups are not reached.
"""
REPORTS = True


def arguments(parser: ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("customer", metavar="CUSTOMER", help="its folder in local_dcm/")
    parser.add_argument("--confirm", action="store_true", help="do it; it cannot be undone")


def run(chosen: Namespace) -> Telling:
    """Cut the link; the trail says so first, and the same call ends what was cut short."""
    from img_ingestion.vault import Vault

    home, customer = place.home(chosen), chosen.customer
    if customer_of(customer) != customer:
        raise SettingsError("CUSTOMER: not what a customer's folder can be called")
    settings = place.settings(chosen)
    with turns.ledger(home, settings.ledger) as ledger:
        key = home.state / "keys" / f"{customer}.key"
        if not (key.exists() or customer in ledger.customers(waiting=False)):
            raise SettingsError("CUSTOMER: nothing of it is known here")
        if waiting := ledger.totals(customer)["waiting"] + len(_files(home.local_dcm / customer)):
            raise SettingsError(f"{waiting} of its files wait; let them go, or take them away")
        if not chosen.confirm:
            raise SettingsError(f"this destroys {customer}'s key for good; say --confirm")
        if customer in Sealing(home, settings).catch_up(customer):
            raise StorageError("state/unsealed/: what a cut pass left there cannot be encrypted")
        Trail(home.state).add("offboard", {"customer": customer})
        rows = Vault(home.state / "vault.sqlite", ledger.shared).forget(customer)
        ledger.forget(customer)
        _destroy(key)
    originals = _originals(home, customer)
    lines = [f"{customer}: key destroyed, {rows} rows of the vault removed"]
    if originals:
        lines.append(
            f"{originals} originals stay in archive/ and quarantine/, where their ids still lead "
            "to what became of them: remove them, too"
        )
    if copies := len([*home.state.glob("ledger-*.sqlite*")]):
        lines.append(
            f"{copies} copies of older ledgers stay in state/, with its digests: see to them"
        )
    values = {"customer": customer, "vault_rows": rows, "originals": originals}
    yield Told(tuple(lines), {"offboarded": values})
    return DONE


def _destroy(key: Path) -> None:
    """Overwrite a key before its file is removed; what a disk keeps of it is beyond us."""
    if key.exists():
        with durable.storing("destroying a key"), key.open("r+b", buffering=0) as stream:
            stream.write(bytes(key.stat().st_size))
        durable.remove([key])


def _originals(home: Home, customer: str) -> int:
    kept = [*_files(home.archive / customer), *_files(home.quarantine / customer)]
    return len([path for path in kept if path.suffix != ".json"])


def _files(folder: Path) -> list[Path]:
    with durable.storing("looking through folders"):
        return [path for path in folder.rglob("*") if path.is_file()]
