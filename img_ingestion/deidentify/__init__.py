"""
De-identification: the only place that makes a `CleanInstance`.

Identifiers are collected first, from the original; pixels come before the header, because device
rules read Manufacturer, Modality and the like; the residue check comes last, on the bytes.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import deque
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from img_ingestion import attribute, part10
from img_ingestion.deidentify import (
    admission,
    character_sets,
    code_streams,
    identifiers,
    naming,
    pixels,
    recipe,
    residue,
    serialised,
    stamp,
)
from img_ingestion.deidentify.action import Action
from img_ingestion.deidentify.free_text import Cleaner
from img_ingestion.deidentify.header import Header
from img_ingestion.deidentify.memory import memory_of
from img_ingestion.deidentify.patient import Patient
from img_ingestion.deidentify.pseudonyms import Pseudonyms
from img_ingestion.deidentify.said import said
from img_ingestion.deidentify.values import Values
from img_ingestion.errors import NotDeidentified, turned_into
from img_ingestion.instance import CleanInstance
from img_ingestion.laps import Laps
from img_ingestion.pixel_data import frames

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydicom.dataset import Dataset

    from img_ingestion.deidentify.recipe import HeaderRule, Recipe
    from img_ingestion.instance import ReceivedInstance
    from img_ingestion.settings import CustomerSettings, Profile, Settings

REVISION = "3"
"""Counted up when the same settings begin to give another result."""

REQUIRED_IDENTITY = MappingProxyType(
    {0x00100010: "PatientName", 0x00100020: "PatientID", 0x00080050: "AccessionNumber"}
)
"""What every receiver files an instance by, and so is filled where the source had nothing."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that decides what leaves for one customer."""

    recipe: Recipe
    table: Mapping[int, HeaderRule]
    settings: CustomerSettings
    key: bytes = field(repr=False)
    version: str
    """Short digest of all of it: other policy, other work."""
    weaker: tuple[int, ...]
    """Tags of which the recipe keeps more than the Basic Profile and its options would."""


def require(settings: Settings) -> None:
    """
    See that everything is installed that a customer's policy asks for.

    Raises
    ------
    SettingsError
        Something is not; says what.

    """
    for each in (settings, *settings.customers.values()):
        if {each.pixels.policy, *each.pixels.by_modality.values()} != {"rules"}:
            # Here, so that each process apart has it from the pass.
            from img_ingestion.deidentify.pixels import text  # noqa: PLC0415 (slow to import)

            text.require()


def policy(customer: str, settings: Settings, site: Recipe, key: bytes) -> Policy:
    """
    Compile the recipe for one customer.

    Parameters
    ----------
    customer : str
        Name of the customer's folder.
    settings : Settings
        Of the home.
    site : Recipe
        The site's `deid.dicom`.
    key : bytes
        The customer's key, as `pseudonyms.load_key` gives it.

    """
    own = settings.of(customer)
    sections = (own.profile, own.pixels, own.rendering)
    chosen = "\0".join([REVISION, site.digest, *(each.model_dump_json() for each in sections)])
    version = hmac.digest(key, chosen.encode(), "sha256").hex()[:16]
    table, weaker = recipe.compiled(site, own.profile), recipe.weaker(site, own.profile)
    return Policy(site, table, own, key, version, weaker)


def deidentify(received: ReceivedInstance, policy: Policy) -> CleanInstance:
    """
    Remove the patient from one received file, or raise.

    Raises
    ------
    InstanceError
        The instance cannot be read, admitted, decoded, cleaned or verified. Its message has no
        value of the file in it.

    """
    own, laps = policy.settings, Laps()
    dataset = part10.read(received, own.limits)
    laps.lap("read")
    with turned_into(NotDeidentified, "identifiers"):
        admission.check(dataset)
        dataset = character_sets.settled(dataset)
        header = tuple(said(dataset))
        found = identifiers.among(header, identifiers.retained(own.profile))
        patient = Patient.of(dataset, Pseudonyms(policy.key), own.profile)
        cleaner = Cleaner.of(found, _days(own.profile, patient))
        other = _pseudonym(received, policy.key)
        name = naming.output_name(received.path.stem, header, policy.table, other)
    laps.lap("identify")
    with turned_into(NotDeidentified, "pixels"):
        wanted = own.pixels.of(pixels.kinds.modality(dataset))
        hidden = pixels.clean(dataset, policy.recipe.pixel_rules, wanted, own.limits, found)
        code_streams.strip(dataset)
        if own.rendering.frames != "all" and part10.has_pixels(dataset):
            # The renderer will not see every frame, and what nobody decoded must not leave.
            deque(frames(dataset, own.limits), maxlen=0)
    laps.lap("pixels")
    with turned_into(NotDeidentified, "header"):
        values = Values(patient, cleaner, _unnamed_dates(own.profile))
        sop_class = attribute.text(dataset, "SOPClassUID")
        known = memory_of(policy.version, patient, replace(found, uids=frozenset()), sop_class)
        clean = Header(policy.table, values, sop_class, known).cleaned(dataset)
        _sign(clean, patient, policy, pixels_checked=hidden.checked)
        clean.file_meta = stamp.file_meta(clean, dataset.file_meta.TransferSyntaxUID)
        parts = serialised.parts(clean)
    laps.lap("header")
    if own.profile.retain_uids:
        found = replace(found, uids=frozenset())
    moved = own.profile.retain_longitudinal_modified_dates
    residue.check(parts, found, cleaner, patient.days if moved else None)
    laps.lap("verify")
    replaced = MappingProxyType(dict(patient.told))
    return CleanInstance(
        received.id,
        received.customer,
        name,
        clean,
        parts,
        replaced,
        hidden.regions,
        laps.seconds,
    )


def _sign(clean: Dataset, patient: Patient, policy: Policy, *, pixels_checked: bool) -> None:
    """Say who the instance is of now, and what was done to it."""
    options = policy.settings.profile
    for tag, keyword in REQUIRED_IDENTITY.items():
        if not attribute.text(clean, tag):
            setattr(clean, keyword, patient.code(tag, ""))
    stamp.write(clean, options, weaker=policy.weaker, pixels=pixels_checked)


def _days(options: Profile, patient: Patient) -> int | None:
    """Say by how many days the dates of texts move, as those of the elements do."""
    if options.retain_longitudinal_modified_dates:
        return patient.days
    return 0 if options.retain_longitudinal_full_dates else None


def _unnamed_dates(options: Profile) -> Action:
    """Say what becomes of a date that no rule names."""
    if options.retain_longitudinal_modified_dates:
        return Action.SHIFT
    return Action.K if options.retain_longitudinal_full_dates else Action.X


def _pseudonym(received: ReceivedInstance, key: bytes) -> str:
    """Name a file by its content, keyed: who has the original elsewhere cannot look it up."""
    return hashlib.sha256(key + bytes.fromhex(received.sha256)).hexdigest()[:16]
