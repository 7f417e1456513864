"""Whether everything that a pass needs is there and works, looked at one by one."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from img_ingestion import contract, durable
from img_ingestion.deidentify import recipe as recipes
from img_ingestion.deidentify.pixels.lossless import ENCODERS, encoded
from img_ingestion.deidentify.pixels.text import models
from img_ingestion.deidentify.pseudonyms import load_key
from img_ingestion.errors import (
    GatewayError,
    NotDecoded,
    SettingsError,
    StorageError,
)
from img_ingestion.ledger import Ledger
from img_ingestion.pixel_data import PixelFormat
from img_ingestion.pixel_data.codecs import CODECS, decoded
from img_ingestion.review.archive_keys import keys_of_archive
from img_ingestion.review.reach import reached, stores
from img_ingestion.review.synthetic import round_trip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from img_ingestion.endpoints import Endpoint
    from img_ingestion.home import Home
    from img_ingestion.settings import Settings

SMALLEST_BODY = b'{"study":{},"series":{},"images":[]}'


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, and how it is."""

    name: str
    fine: bool
    detail: str
    """In plain words, without a value or a file name of a customer's."""


@dataclass(frozen=True, slots=True)
class Doctor:
    """What is looked at."""

    home: Home
    settings: Settings
    recipe: Path

    def findings(self) -> Iterator[Finding]:
        """Look at one thing after the other; a fault of one does not end the others."""
        probes: list[tuple[str, Callable[[], str]]] = [
            ("folders", self._folders),
            ("file system", self._file_system),
            ("writing", self._writing),
            ("free space", self._free_space),
            ("recipe", self._recipe),
            ("codecs", codecs),
            ("text detector", text_detector),
            ("keys", self._keys),
            ("archive", lambda: keys_of_archive(self.home, self.settings)),
            ("customers", self._customers),
            ("contract", bundled_contract),
            *((f"backend of {name}", self._reach(place)) for name, place in self._places()),
            *stores(self.settings),
            *([("ledger", self._ledger)] if self.settings.ledger.url else []),
            ("round trip", self._round_trip),
        ]
        for name, probe in probes:
            try:
                yield Finding(name, fine=True, detail=probe())
            except GatewayError as error:
                yield Finding(name, fine=False, detail=str(error))

    def _folders(self) -> str:
        for folder in self.home.folders:
            if not folder.is_dir():
                raise SettingsError(f"{folder.name}/ is missing; the first pass makes it")
            if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                raise StorageError(f"{folder.name}/ cannot be written by this account")
        if self.home.state.stat().st_mode & 0o077:
            raise SettingsError("state/ is open to other accounts; the next pass closes it")
        return f"{len(self.home.folders)} folders, state/ closed to others"

    def _ledger(self) -> str:
        with Ledger.looking(self.home.state, self.settings.ledger) as ledger:
            return f"in PostgreSQL, {ledger.totals().total()} files"

    def _file_system(self) -> str:
        there = [folder for folder in self.home.folders if folder.is_dir()]
        devices = {folder.stat().st_dev for folder in there}
        if len(devices) > 1:
            return f"{len(devices)} file systems: originals are copied, which takes longer"
        return "one for all folders: originals are moved by renaming"

    def _writing(self) -> str:
        path = self.home.state / "check"
        started = time.monotonic()
        durable.write(path, b"written by check")
        durable.remove([path])
        return f"written, synced and removed in {(time.monotonic() - started) * 1000:.0f} ms"

    def _free_space(self) -> str:
        free = min(durable.free_bytes(folder) for folder in self.home.folders if folder.is_dir())
        if free < self.settings.limits.min_free_bytes:
            raise StorageError("less free space than limits.min_free_bytes: no file is taken")
        return f"{free / 1e9:.1f} GB"

    def _recipe(self) -> str:
        found = recipes.load(self.recipe)
        covered = recipes.coverage(found)
        weaker = recipes.weaker(found, self.settings.profile)
        return (
            f"{covered.covered} of {covered.rows} rows of Table E.1-1, "
            f"{len(found.pixel_rules)} device rules, {len(weaker)} lines weaker than the profile"
        )

    def _keys(self) -> str:
        folder = self.home.state / "keys"
        keys = sorted(folder.glob("*.key")) if folder.is_dir() else []
        for key in keys:
            load_key(self.home.state, key.stem)
            if key.stat().st_mode & 0o077:
                raise SettingsError("state/keys: a key is readable by other accounts")
        return f"{len(keys)} keys; others are made on first use"

    def _customers(self) -> str:
        own = self.settings.customers
        strangers = [name for name in own if not (self.home.local_dcm / name).is_dir()]
        if strangers:
            raise SettingsError(
                f"settings of {', '.join(strangers)}: no such folder in local_dcm/; misspelt?"
            )
        return f"{len(own)} with settings of their own"

    def _places(self) -> Iterator[tuple[str, Endpoint]]:
        """Name each server once: the common ones, and a customer's own."""
        seen = set()
        named = (("all", self.settings), *self.settings.customers.items())
        for name, own in named:
            for place in (own.backend, own.stow):
                if place.url and place.url not in seen:
                    seen.add(place.url)
                    yield name, place

    def _reach(self, place: Endpoint) -> Callable[[], str]:
        def probe() -> str:
            return reached(place)

        return probe

    def _round_trip(self) -> str:
        made = round_trip(self.home.state, self.settings, recipes.load(self.recipe))
        return f"a synthetic image became {made} files without its patient"


def codecs() -> str:
    """Encode and decode a small picture in every syntax that we can write."""
    frame = (np.arange(64, dtype=np.uint8) * 3).reshape(8, 8, 1)
    stored = PixelFormat(
        rows=8,
        columns=8,
        frames=1,
        samples=1,
        bits_allocated=8,
        bits_stored=8,
        high_bit=7,
        signed=False,
        photometric="MONOCHROME2",
        is_float=False,
    )
    for syntax in ENCODERS:
        back = decoded(CODECS[syntax], encoded(frame, stored, syntax), stored)
        if not np.array_equal(back, frame):
            raise NotDecoded("a codec does not give back what was put in")
    return f"{len(CODECS)} compressed transfer syntaxes, {len(ENCODERS)} tried there and back"


def text_detector() -> str:
    """Ask for what text in pixels is looked for with."""
    models.require()
    return "its networks are installed"


def bundled_contract() -> str:
    """Hold a body against the backend's contract, which must find it wanting."""
    if not contract.request_fault(SMALLEST_BODY):
        raise SettingsError("the contract lets an empty upload through: is it the right file?")
    return f"{contract.path().name} is read and refuses an empty upload"
