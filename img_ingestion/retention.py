"""What was sent, is intact, and has been kept for long enough goes, when the operator says so."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from img_ingestion import as_made, durable, unsealing
from img_ingestion.errors import SettingsError
from img_ingestion.reconcile import ID_LENGTH, output_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from img_ingestion.home import Home
    from img_ingestion.keeping import Keep
    from img_ingestion.ledger import Filed, Ledger
    from img_ingestion.settings import Settings
    from img_ingestion.storeroom import Storeroom

DAY_S = 86400.0
GB = 10**9


@dataclass(frozen=True, slots=True)
class Share:
    """What one file has in one folder."""

    filed: Filed
    directory: str
    paths: tuple[Path, ...]
    digests: tuple[str, ...]
    """sha256 of each, or of the picture in it, as the ledger has it; empty where it does not."""
    size: int
    """Bytes."""
    intact: bool = True


def prunable(ledger: Ledger, home: Home, settings: Settings, now: float) -> Iterator[Share]:
    """
    Give what may go, oldest first; what may, and is not what it was, comes as not intact.

    Parameters
    ----------
    ledger, home, settings : Ledger, Home, Settings
        What was sent, where it lies, and how long it is to be kept.
    now : float
        Seconds since 1970.

    Raises
    ------
    SettingsError
        Originals are encrypted, and the key is not here.
    StorageError
        The ledger or a folder cannot be read.

    """
    for customer in ledger.customers(waiting=False):
        kept = settings.of(customer).retention
        files = sorted(ledger.files(customer), key=lambda filed: filed.settled_at)
        for folder in (home.archive, home.cleaned, home.encoded):
            keep: Keep = getattr(kept, folder.name)
            if keep.keep_days or keep.keep_gb:
                shares = _shares(folder, files, _by_id(home, customer))
                for share in _chosen(shares, keep, now, _bytes_in(folder / customer)):
                    yield replace(share, intact=_is_intact(home, share))


def prune(ledger: Ledger, share: Share, room: Storeroom) -> None:
    """
    Remove what may go; the ledger knows it first, and `prune` ends what was cut short.

    What is to be kept elsewhere is there before that.

    Raises
    ------
    StorageError
        The ledger cannot be written, a file not be put elsewhere or not be removed.

    """
    for path in share.paths:
        room.take(share.filed.customer, path)
    ledger.pruned(share.filed.id, share.directory)
    durable.remove(share.paths)


def _shares(
    folder: Path, files: Sequence[Filed], originals: Mapping[str, Sequence[Path]]
) -> list[Share]:
    shares = []
    for filed in files:
        if folder.name == "archive":
            paths = [path for path in originals.get(filed.id, ()) if folder in path.parents]
            digests = [filed.sha256] * len(paths)
        else:
            base64 = folder.name == "encoded_images"
            names = [name for name in output_names(filed) if name.endswith(".txt") is base64]
            found = [name for name in names if (folder / filed.customer / name).is_file()]
            paths = [folder / filed.customer / name for name in found]
            digests = [as_made.entered(filed, name) for name in found]
        if filed.delivered and paths:
            with durable.storing("looking at what is kept"):
                size = sum(path.stat().st_size for path in paths)
            shares.append(Share(filed, folder.name, tuple(paths), tuple(digests), size))
    return shares


def _chosen(shares: Sequence[Share], keep: Keep, now: float, total: int) -> Iterator[Share]:
    """Choose by age, by room, and what an earlier prune left behind; oldest first."""
    for share in shares:
        old = keep.keep_days and now - share.filed.settled_at > keep.keep_days * DAY_S
        above = keep.keep_gb and total > keep.keep_gb * GB
        if old or above or share.directory in share.filed.pruned:
            total -= share.size
            yield share


def _is_intact(home: Home, share: Share) -> bool:
    with durable.storing("reading what is kept"):
        if share.directory == home.archive.name:
            found = [unsealing.digest(home, path) for path in share.paths]
        else:
            found = [as_made.digest(share.filed, path) for path in share.paths]
    if "" in found:
        raise SettingsError(
            "encrypted originals go only where they can be looked at: "
            f"put the key to state/keys/{unsealing.IDENTITY}"
        )
    return found == list(share.digests)


def _by_id(home: Home, customer: str) -> dict[str, list[Path]]:
    found = defaultdict(list)
    for path in _files(home.archive / customer):
        found[path.name[:ID_LENGTH]].append(path)
    return found


def _bytes_in(folder: Path) -> int:
    with durable.storing("looking at what is kept"):
        return sum(path.stat().st_size for path in _files(folder))


def _files(folder: Path) -> list[Path]:
    with durable.storing("looking through folders"):
        return [path for path in folder.rglob("*") if path.is_file()]
