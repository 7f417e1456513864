"""What a worker of a cluster does: clean one file of a home that it shares with the pass."""

from __future__ import annotations

import hashlib
import os
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from img_ingestion import __version__, deidentify
from img_ingestion.crew import Crew
from img_ingestion.deidentify import recipe
from img_ingestion.deidentify.pseudonyms import load_key
from img_ingestion.errors import GatewayError, SettingsError
from img_ingestion.home import Home
from img_ingestion.ledger import place_key
from img_ingestion.making import Maker
from img_ingestion.settings_file import load, recipe_path
from img_ingestion.shelves import Shelves

if TYPE_CHECKING:
    from img_ingestion.deidentify import Policy
    from img_ingestion.instance import ReceivedInstance
    from img_ingestion.protocols import Answer

_HERE = threading.local()
"""A thread's desk, kept from file to file: what a pass begins with costs more than a file."""


class _Desk:
    """Settings and recipe of a home as they were for one version of the policy; one process."""

    def __init__(self, where: tuple[str, str]) -> None:
        root, config = where
        self.home = Home(Path(root))
        self.settings = load(self.home.root, Path(config) if config else None)
        self.recipe = recipe.load(recipe_path(self.settings, self.home.root))
        self.crew = Crew(Maker(self.settings, self.recipe, Shelves(self.home)).work)
        self.policies: dict[str, Policy] = {}

    def policy(self, customer: str) -> Policy:
        """Give a customer's policy, under the key that lies in the home."""
        if customer not in self.policies:
            key = load_key(self.home.state, customer)
            self.policies[customer] = deidentify.policy(customer, self.settings, self.recipe, key)
        return self.policies[customer]


def introduced(home: str) -> tuple[str, str]:
    """Say which program this is, and which home it sees at a place: version, digest of its key."""
    key = _read(Path(home) / "state" / place_key.FILE_NAME)
    return __version__, hashlib.sha256(key).hexdigest()


def cleaned(where: tuple[str, str], received: ReceivedInstance, version: str) -> Answer:
    """
    Clean one file; what is made stays under temporary names.

    Parameters
    ----------
    where : tuple
        The home, and the settings file if it is not the home's own.
    received : ReceivedInstance
        With an absolute path; without content it is read where it lies.
    version : str
        Of the policy.

    Returns
    -------
    mapping
        As `making` answers; or `absent`, where the file cannot be seen from here.

    """
    try:
        desk, policy = _at_work(where, received.customer, version)
    except GatewayError as error:
        return {"error": type(error).__name__, "reason": str(error)}
    received = replace(received, content=received.content or _read(received.path))
    if hashlib.sha256(received.content).hexdigest() != received.sha256:
        return {"absent": True}
    desk.crew.begin(received, policy)
    _, answer = desk.crew.ended()
    return answer


def _at_work(where: tuple[str, str], customer: str, version: str) -> tuple[_Desk, Policy]:
    """Give the desk at which this version of the policy is in force."""
    for fresh in (False, True):
        if fresh or getattr(_HERE, "where", None) != where:
            with suppress(AttributeError):
                _HERE.desk.crew.__exit__()
            _HERE.where, _HERE.desk = where, _Desk(where)
        policy = _HERE.desk.policy(customer)
        if policy.version == version:
            return _HERE.desk, policy
    raise SettingsError("a worker of the cluster has another program, recipe or settings")


def _read(path: Path) -> bytes:
    """Read a file, if it can be seen from here."""
    try:
        # Whatever took its place meanwhile is not waited for.
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(file, "rb") as stream:
            return stream.read()
    except OSError:
        return b""
