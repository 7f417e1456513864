"""What the gateway would do with one file, and why; nothing is written and nothing is sent."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from img_ingestion import deidentify, durable, part10, payload, render, sealing, unsealing
from img_ingestion.deidentify import identifiers
from img_ingestion.deidentify.pseudonyms import KEY_BYTES, load_key
from img_ingestion.errors import (
    InstanceError,
    NoPicture,
    NotDeidentified,
    NotDicom,
    TooLarge,
    turned_into,
)
from img_ingestion.home import UNASSIGNED, customer_of
from img_ingestion.instance import CARRY_PICTURES, ReceivedInstance
from img_ingestion.outcome import PLAIN, STEPS
from img_ingestion.review.changes import Change, Comparison

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from pydicom.dataset import Dataset

    from img_ingestion.deidentify import Policy
    from img_ingestion.deidentify.recipe import Recipe
    from img_ingestion.home import Home
    from img_ingestion.instance import Picture, Region
    from img_ingestion.settings import Settings

SHOWN = range(1, 5)
"""Frames of which pictures are kept for a page, when none is asked for."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one file that the gateway would decide by."""

    customer: str
    what: Mapping[str, str]
    """Kind, coding and size; nothing that identifies."""
    outcome: str
    """`sent` or `held`."""
    code: str = ""
    step: str = ""
    reason: str = ""
    changes: tuple[Change, ...] = ()
    regions: tuple[Region, ...] = ()
    """What was hidden, and which rule or search asked for it."""
    kept: tuple[Region, ...] = ()
    """Text that was found and stays, as the policy `identifiers` has it."""
    payload: Mapping[str, object] = field(default_factory=dict)
    """What the backend would be told, without `data`; empty without pictures."""
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One customer's file, and what decides about it."""

    received: ReceivedInstance
    policy: Policy


def case(path: Path, customer: str, home: Home, settings: Settings, recipe: Recipe) -> Case:
    """Read a file as a source would; a key is borrowed where there is none yet."""
    most = settings.of(customer).limits.max_file_bytes
    if sealing.is_sealed(path):
        content = unsealing.content(home, path)
    else:
        with durable.storing("reading the file"), path.open("rb") as stream:
            content = stream.read(most + 1)
    digest = hashlib.sha256(content).hexdigest()
    received = ReceivedInstance(digest[:16], customer, path, content, digest)
    known = (home.state / "keys" / f"{customer}.key").exists()
    key = load_key(home.state, customer) if known else secrets.token_bytes(KEY_BYTES)
    return Case(received, deidentify.policy(customer, settings, recipe, key))


def whose(path: Path, home: Home) -> str:
    """Give the customer that a file lies with, in any of the home's folders; empty: nobody."""
    for folder in (home.local_dcm, home.quarantine, home.archive):
        if path.resolve().is_relative_to(folder.resolve()):
            parts = path.resolve().relative_to(folder.resolve()).parts
            name = customer_of(parts[0])
            return "" if len(parts) == 1 or name == UNASSIGNED else name
    return ""


def explained(case: Case, shown: Collection[int] = SHOWN) -> Explanation:
    """Walk line one in memory, and keep what it decided by, and the pictures of some frames."""
    what: Mapping[str, str] = {"bytes": str(len(case.received.content))}
    limits = case.policy.settings.limits
    source: Dataset | None = None
    try:
        if not case.received.content:
            raise NotDicom("the file is empty")
        if len(case.received.content) > limits.max_file_bytes:
            raise TooLarge("the file is above limits.max_file_bytes")
        source = part10.read(case.received, limits)
        what = {**_what(source), **what}
        return _sent(case, source, what, shown)
    except InstanceError as error:
        changes = () if source is None else tuple(_changes(case, source, None))
        step = f"{STEPS[error.code]} ({PLAIN[error.code]})"
        return Explanation(
            case.received.customer, what, "held", error.code, step, str(error), changes
        )


def _sent(
    case: Case, source: Dataset, what: Mapping[str, str], shown: Collection[int]
) -> Explanation:
    clean = deidentify.deidentify(case.received, case.policy)
    own = case.policy.settings
    images: list[dict[str, object]] = []
    pictures: list[Picture] = []
    for picture in render.pictures(clean.dataset, own.rendering, own.limits):
        images.append(payload.image_fields(clean.dataset, picture))
        if picture.frame in shown:
            pictures.append(picture)
    told = {
        "study": payload.study_fields(clean.dataset),
        "series": payload.series_fields(clean.dataset),
        "images": images,
    }
    takers = own.destinations.keys()
    spared = not images and takers and takers <= CARRY_PICTURES
    return Explanation(
        customer=case.received.customer,
        what=what,
        outcome="held" if spared else "sent",
        code=NoPicture.__name__ if spared else "",
        step=f"deliver ({NoPicture.plain})" if spared else "",
        reason="no pixel data: the backend takes images only" if spared else "",
        changes=tuple(_changes(case, source, clean.dataset)),
        regions=clean.regions,
        kept=deidentify.pixels.kept(
            clean.dataset, clean.regions, _pixel_policy(case, source), own.limits
        ),
        payload=told if images else {},
        pictures=tuple(pictures),
    )


def hidden(case: Case) -> tuple[Region, ...]:
    """Say what would be hidden in a file that is held for another reason."""
    own = case.policy.settings
    try:
        source = part10.read(case.received, own.limits)
        with turned_into(NotDeidentified, "pixels"):
            found = identifiers.collect(source, identifiers.retained(own.profile))
            rules, policy = case.policy.recipe.pixel_rules, _pixel_policy(case, source)
            return deidentify.pixels.clean(source, rules, policy, own.limits, found).regions
    except InstanceError:
        return ()


def _pixel_policy(case: Case, source: Dataset) -> str:
    return case.policy.settings.pixels.of(deidentify.pixels.kinds.modality(source))


def _changes(case: Case, source: Dataset, clean: Dataset | None) -> list[Change]:
    try:
        comparison = Comparison(case.policy, str(source.get("SOPClassUID", "")))
        return list(comparison.changes(source, clean))
    except InstanceError:
        return []


def _what(source: Dataset) -> dict[str, str]:
    """Say what kind of instance it is, in the standard's words and in numbers only."""
    with turned_into(NotDicom, "describing the file"):
        kind, syntax = source.get("SOPClassUID"), source.file_meta.TransferSyntaxUID
        numbers = ("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsStored")
        found = {
            "kind": kind.name if kind and not kind.is_private and kind.name != kind else "unknown",
            "transfer syntax": syntax.name if syntax.name != syntax else "unknown",
        }
        for name in numbers:
            value = source.get(name)
            if isinstance(value, int):
                found[name] = str(int(value))
        return found
