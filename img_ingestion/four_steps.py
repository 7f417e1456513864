"""
The steps of the line one by one, for a developer: thin doors on the package.

::

    from ingestion import poll_dcm_directory, image_dicomcleaner, file_encoding

    for path in poll_dcm_directory():
        cleaned, pictures = image_dicomcleaner(path)
        texts = [file_encoding(picture) for picture in pictures]

None of them touches the ledger or moves a customer's file: `ingestion.py` does that. The fourth
step, `img_manual_scrub`, is in `manual_scrub.py`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from img_ingestion import durable
from img_ingestion.errors import SettingsError
from img_ingestion.home import UNASSIGNED, Home, customer_of
from img_ingestion.instance import ReceivedInstance

if TYPE_CHECKING:
    from img_ingestion.instance import CleanInstance
    from img_ingestion.settings import Settings

UNKEYED = b""
"""The ledger recognises places by a keyed digest; here nobody keeps one."""


def poll_dcm_directory(home: str | Path = ".") -> list[Path]:
    """Give the files of `local_dcm/` that have fully arrived and wait to be taken."""
    from img_ingestion.arrival import Arrival
    from img_ingestion.settings_file import load
    from img_ingestion.sources import sources

    root = Path(home)
    return [
        found.received.path
        for source in sources(Home(root), load(root), UNKEYED)
        for found in source.arrivals()
        if isinstance(found, Arrival)
    ]


def image_dicomcleaner(
    path: str | Path, home: str | Path = ".", customer: str = ""
) -> tuple[Path, list[Path]]:
    """
    De-identify one file, and render its frames.

    Parameters
    ----------
    path : str or Path
        The customer's file; it stays where it is.
    home : str or Path
        Whose settings, recipe and keys hold, and where the outputs go.
    customer : str, optional
        Whose file it is; needed where it does not lie in `local_dcm/CUSTOMER/` of the home.

    Returns
    -------
    tuple
        The cleaned `.dcm`, and the `.png` of each frame in frame order, in
        `local_dcm_dicomcleaner/CUSTOMER/`. Outputs of another instance are never overwritten.

    Raises
    ------
    InstanceError
        The file would be held; nothing is written.
    SettingsError
        Nobody says whose file it is, or the settings or the recipe are wrong.

    """
    from img_ingestion import render
    from img_ingestion.settings_file import load
    from img_ingestion.shelves import stem

    place = Home(Path(home))
    settings = load(place.root)
    clean = _clean(received(Path(path), place, customer), place, settings)
    own = settings.of(clean.customer)
    pictures = list(render.pictures(clean.dataset, own.rendering, own.limits))
    folder = place.cleaned / clean.customer
    name = _free_name(folder, clean)
    instance = folder / f"{stem(name)}.dcm"
    several = len(pictures) > 1
    pngs = [folder / f"{stem(name, one.frame if several else None)}.png" for one in pictures]
    durable.folder(folder)
    durable.write(instance, clean.content)
    for png, picture in zip(pngs, pictures, strict=True):
        durable.write(png, picture.png)
    return instance, pngs


def file_encoding(png: str | Path) -> Path:
    """
    Encode a picture in base64, exactly the payload's `data`.

    Returns
    -------
    Path
        The `.png.txt`: in `encoded_images/CUSTOMER/` for a picture of
        `local_dcm_dicomcleaner/CUSTOMER/`, else beside the picture.

    """
    import pybase64

    path = Path(png).absolute()
    folder = path.parent
    home = Home(folder.parent.parent)
    if folder.parent == home.cleaned:
        folder = home.encoded / folder.name
    durable.folder(folder)
    target = folder / f"{path.name}.txt"
    durable.write(target, pybase64.b64encode(path.read_bytes()))
    return target


def received(path: Path, home: Home, customer: str = "") -> ReceivedInstance:
    """
    Read a file as a source would give it.

    Raises
    ------
    SettingsError
        Nobody says whose file it is, or it cannot be read.

    """
    below = path.absolute()
    if not customer and below.is_relative_to(home.local_dcm.absolute()):
        customer = below.relative_to(home.local_dcm.absolute()).parts[0]
    if customer_of(customer) == UNASSIGNED:
        raise SettingsError("whose file is it? It lies in no customer's folder; say customer=")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"the file cannot be read: {type(error).__name__}") from error
    sha256 = hashlib.sha256(content).hexdigest()
    return ReceivedInstance(sha256[:16], customer, path, content, sha256)


def _clean(one: ReceivedInstance, home: Home, settings: Settings) -> CleanInstance:
    """De-identify under the policy that `ingestion.py` would use."""
    from img_ingestion.deidentify import deidentify, policy, recipe
    from img_ingestion.deidentify.pseudonyms import load_key
    from img_ingestion.settings_file import recipe_path

    site = recipe.load(recipe_path(settings, home.root))
    key = load_key(home.state, one.customer)
    return deidentify(one, policy(one.customer, settings, site, key))


def _free_name(folder: Path, clean: CleanInstance) -> str:
    """Give the instance's name, told apart by its id where another instance has it."""
    from img_ingestion.shelves import stem

    for name in (clean.name, f"{clean.name}-{clean.id[:8]}"):
        taken = folder / f"{stem(name)}.dcm"
        if not taken.exists() or taken.read_bytes() == clean.content:
            return name
    return f"{clean.name}-{clean.id}"
