"""Where instances come from: the table of sources. A new one is a file here and a line below."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from img_ingestion.claims import ALONE
from img_ingestion.errors import SettingsError
from img_ingestion.sources import walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from img_ingestion.claims import Claims
    from img_ingestion.home import Home
    from img_ingestion.protocols import Source
    from img_ingestion.settings import Settings
    from img_ingestion.sources.folder import Folder
    from img_ingestion.sources.walk import Parts


def sources(
    home: Home,
    settings: Settings,
    key: bytes,
    files: Sequence[Path] = (),
    claims: Claims = ALONE,
) -> tuple[Source, ...]:
    """
    Give the sources of a home, in the order in which a pass asks them.

    Parameters
    ----------
    home, settings : Home, Settings
        Where to look, and when a file counts as arrived.
    key : bytes
        For the digests of places: the ledger's.
    files : sequence of Path
        Only these files, which must be in a customer's folder; empty: everything.
    claims : Claims, optional
        Who has which file in hand, where several runs share the home.

    Raises
    ------
    SettingsError
        One of the files is not a file in a customer's folder.

    """
    from img_ingestion.sources.folder import Folder  # noqa: PLC0415 (slow, as `may_have` says)

    chosen = _chosen(home.local_dcm, files) if files else None
    return (
        *_files(Folder(home.local_dcm, settings, key, chosen, claims=claims)),
        *(_objects(home, settings, key, claims) if chosen is None else ()),
    )


def may_have(home: Home, settings: Settings) -> bool:
    """Tell whether a pass can find anything: what takes it up is slow to import."""
    return bool(settings.s3.url) or any(True for _ in walk.walked(home.local_dcm))


def _files(folder: Folder) -> tuple[Source, ...]:
    """Give the folder; where the settings ask for it, what is in its zip archives apart."""
    if not folder.settings.incoming.unpack_zip:
        return (folder,)
    from img_ingestion.sources.zips import Zips  # noqa: PLC0415 (as above)

    return replace(folder, zips=False), Zips(replace(folder, zips=True))


def _objects(home: Home, settings: Settings, key: bytes, claims: Claims) -> tuple[Source, ...]:
    """Give the object store, where the settings name one."""
    if not settings.s3.url:
        return ()
    from img_ingestion import bucket  # noqa: PLC0415 (optional: requirements-s3.txt)
    from img_ingestion.sources.objects import Objects  # noqa: PLC0415 (as above)

    return (Objects(bucket.opened(settings.s3), home, settings, key, claims),)


def _chosen(root: Path, files: Sequence[Path]) -> tuple[Parts, ...]:
    """
    Give the places of files that the operator named, below `local_dcm`.

    Raises
    ------
    SettingsError
        One of them is not a file in a customer's folder.

    """
    base = os.path.realpath(root)
    places = []
    for file in files:
        # The way there may lead over links, as the operator's shell does; the file may not be one.
        path = Path(os.path.realpath(file.parent), file.name)
        if not path.is_relative_to(base) or not path.is_file():
            raise SettingsError("no such command, and no file inside local_dcm/CUSTOMER/")
        places.append(path.relative_to(base).parts)
    return tuple(dict.fromkeys(places))
