"""What a worker of a cluster does: clean one file of a home that it shares with the pass."""

from __future__ import annotations

import hashlib
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from img_ingestion import deidentify
from img_ingestion.crew import Crew
from img_ingestion.deidentify import recipe
from img_ingestion.deidentify.pseudonyms import load_key
from img_ingestion.errors import GatewayError, SettingsError
from img_ingestion.home import Home
from img_ingestion.instance import ReceivedInstance
from img_ingestion.making import Maker
from img_ingestion.settings_file import load, recipe_path
from img_ingestion.shelves import Shelves

if TYPE_CHECKING:
    from collections.abc import Mapping

    from img_ingestion.deidentify import Policy
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


def cleaned(where: tuple[str, str], asked: Mapping[str, str], content: bytes) -> Answer:
    """
    Clean one file; what is made stays under temporary names.

    Parameters
    ----------
    where : tuple
        The home, and the settings file if it is not the home's own.
    asked : mapping
        id, customer, path, sha256 of the file, and version of the policy.
    content : bytes
        Of the file; empty: it is read where it lies.

    Returns
    -------
    mapping
        As `making` answers; or `absent`, where the file cannot be seen from here.

    """
    try:
        desk, policy = _at_work(where, asked)
    except GatewayError as error:
        return {"error": type(error).__name__, "reason": str(error)}
    content = content or _read(Path(asked["path"]))
    if hashlib.sha256(content).hexdigest() != asked["sha256"]:
        return {"absent": True}
    received = ReceivedInstance(
        asked["id"], asked["customer"], Path(asked["path"]), content, asked["sha256"]
    )
    desk.crew.begin(received, policy)
    _, answer = desk.crew.ended()
    return answer


def _at_work(where: tuple[str, str], asked: Mapping[str, str]) -> tuple[_Desk, Policy]:
    """Give the desk at which this version of the policy is in force."""
    for fresh in (False, True):
        if fresh or getattr(_HERE, "where", None) != where:
            with suppress(AttributeError):
                _HERE.desk.crew.__exit__()
            _HERE.where, _HERE.desk = where, _Desk(where)
        policy = _HERE.desk.policy(asked["customer"])
        if policy.version == asked["version"]:
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
