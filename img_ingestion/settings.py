"""What the operator chooses, and the defaults; frozen. `settings_file.py` reads it in."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from img_ingestion.cluster_access import Dask
from img_ingestion.endpoints import Backend, Stow
from img_ingestion.keeping import Archive, Retention
from img_ingestion.ledger_access import LedgerAccess
from img_ingestion.object_store import ArchiveStore, Objects, ObjectStore
from img_ingestion.peers import Folder, Store
from img_ingestion.reception import Receiver
from img_ingestion.reporting import Reporting
from img_ingestion.section import Section

__all__ = [
    "Backend",
    "CustomerSettings",
    "Folder",
    "Objects",
    "Place",
    "Profile",
    "Section",
    "Settings",
    "Store",
    "Stow",
]

Place = Backend | Stow | Store | Folder | Objects
"""A destination, as the settings describe it."""

CustomerName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""A folder of `local_dcm`; letters, digits, dot, hyphen and underscore."""


PixelPolicy = Literal["all", "identifiers", "rules"]
Modality = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,16}$")]
"""A value of Modality (0008,0060)."""


class Pixels(Section):
    """What is hidden in the pixels."""

    policy: PixelPolicy = "all"
    """`all`: every text but a lone mark; `identifiers`: what identifies; `rules`: the recipe's."""
    by_modality: dict[Modality, PixelPolicy] = Field(default_factory=dict)
    """Another policy for single kinds of image, by Modality, e.g. { XA = "identifiers" }."""

    def of(self, modality: str) -> PixelPolicy:
        """Give the policy for images of one modality."""
        return self.by_modality.get(modality, self.policy)


class Rendering(Section):
    """How the PNG is made."""

    mode: Literal["display", "stored"] = "display"
    """`display`: 8 bits, as a viewer shows it; `stored`: the stored values, up to 16 bits."""
    frames: str = Field(default="all", pattern=r"^(all|first|middle|[1-9][0-9]*)$")
    """`all`, `first`, `middle`, or N for every Nth frame."""

    @field_validator("frames", mode="before")
    @classmethod
    def _number_as_word(cls, given: object) -> object:
        """Take `frames = 2` as `frames = "2"`."""
        return str(given) if type(given) is int else given


class Profile(Section):
    """PS3.15 Annex E options: Basic Profile always, and these on top of it."""

    clean_pixel_data: bool = True
    """Clean Pixel Data Option (E.3.1)."""
    clean_graphics: bool = True
    """Clean Graphics Option (E.3.3)."""
    clean_structured_content: bool = True
    """Clean Structured Content Option (E.3.4)."""
    clean_descriptors: bool = True
    """Clean Descriptors Option (E.3.5): descriptions keep their words and lose the patient."""
    retain_longitudinal_modified_dates: bool = True
    """Dates are shifted by a number of days that is the patient's own (E.3.6), in texts too."""
    retain_longitudinal_full_dates: bool = False
    """Dates stay as they are (E.3.6); not together with modified dates."""
    retain_patient_characteristics: bool = True
    """Age, sex, size, weight and the like stay (E.3.7)."""
    retain_device_identity: bool = False
    """Which device made the image stays (E.3.8)."""
    retain_institution_identity: bool = False
    """Which institution made the image stays."""
    retain_uids: bool = False
    """UIDs stay as they are (E.3.9)."""
    retain_safe_private: bool = True
    """Private elements that are known to be safe stay (E.3.10): docs/free_text.md says which."""
    max_date_shift_days: int = Field(default=3650, ge=30)
    """Dates move into the past by up to this many days."""

    @model_validator(mode="after")
    def _one_kind_of_date(self) -> Self:
        """Refuse the two temporal options together: PS3.15 E.3.6 has them as alternatives."""
        if self.retain_longitudinal_full_dates and self.retain_longitudinal_modified_dates:
            raise ValueError(
                "retain_longitudinal_full_dates and retain_longitudinal_modified_dates "
                "exclude each other"
            )
        return self


class Vault(Section):
    """Pseudonym -> original, at home."""

    enabled: bool = True
    """Remember which original a pseudonym stands for, in `state/`; for `identify`."""


class Limits(Section):
    """What one file may cost."""

    max_file_bytes: int = Field(default=2 * 1024**3, ge=1)
    """Larger files are held."""
    max_unpacked_bytes: int = Field(default=4 * 1024**3, ge=1)
    """Of the pixel data of an instance, decoded; and of a deflated data set."""
    max_memory_bytes: int = Field(default=8 * 1024**3, ge=64 * 1024**2)
    """Memory that one file may need while it is cleaned; above it the file is held."""
    max_cpu_s: float = Field(default=600.0, gt=0)
    """Seconds of processor time that one file may need; above it the file is held."""
    max_wall_s: float = Field(default=1800.0, gt=0)
    """Seconds after which a file that is still not cleaned is held."""
    min_free_bytes: int = Field(default=256 * 1024**2, ge=0)
    """Below this much free space no file is taken (exit 4)."""


class Incoming(Section):
    """When a file counts as arrived."""

    settle_s: float = Field(default=2.0, ge=0, le=86400)
    """A file is taken once it has not changed for this many seconds."""
    give_up_s: float = Field(default=0.0, ge=0)
    """Half a file is held once it has not grown for so long; one that grows then is taken again."""
    unpack_zip: bool = False
    """Take the files in zip archives as files; an archive is removed once they are put away."""
    max_zip_files: int = Field(default=10_000, ge=1)
    """Files in one archive at the most; what is above a limit is held as it is."""
    max_zip_ratio: float = Field(default=200.0, ge=1)
    """How many times its size an archive may unpack to, and `limits.max_unpacked_bytes`."""


class CustomerSettings(Section):
    """Everything that can differ from customer to customer."""

    backend: Backend = Backend.model_construct()
    stow: Stow = Stow.model_construct()
    store: Store = Store.model_construct()
    folder: Folder = Folder.model_construct()
    objects: Objects = Objects.model_construct()
    pixels: Pixels = Pixels.model_construct()
    rendering: Rendering = Rendering.model_construct()
    profile: Profile = Profile.model_construct()
    vault: Vault = Vault.model_construct()
    limits: Limits = Limits.model_construct()
    retention: Retention = Retention.model_construct()
    archive: Archive = Archive.model_construct()
    archive_store: ArchiveStore = ArchiveStore.model_construct()

    @model_validator(mode="after")
    def _originals_leave_encrypted(self) -> Self:
        """Refuse to hand plain originals to a store."""
        if self.archive_store.url and not self.archive.recipients:
            raise ValueError(
                "archive_store.url: originals go there encrypted only; name archive.recipients"
            )
        return self

    @property
    def destinations(self) -> dict[str, Place]:
        """Where instances go, by the names of the sections, which the table of openers has too."""
        asked: dict[str, tuple[str, Place]] = {
            "backend": (self.backend.url, self.backend),
            "stow": (self.stow.url, self.stow),
            "store": (self.store.host, self.store),
            "folder": (self.folder.path, self.folder),
            "objects": (self.objects.url, self.objects),
        }
        return {name: place for name, (address, place) in asked.items() if address}


class Settings(CustomerSettings):
    """All settings of a home."""

    incoming: Incoming = Incoming.model_construct()
    receiver: Receiver = Receiver.model_construct()
    s3: ObjectStore = ObjectStore.model_construct()
    dask: Dask = Dask.model_construct()
    ledger: LedgerAccess = LedgerAccess.model_construct()
    reporting: Reporting = Reporting.model_construct()
    recipe: str = "deid.dicom"
    """Path of the recipe, relative to the home; the shipped one when the home has none."""
    customers: dict[CustomerName, CustomerSettings] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _a_file_takes_less_than_a_lease(self) -> Self:
        """Refuse leases that would end while a file is being cleaned."""
        limits = [self.limits, *(each.limits for each in self.customers.values())]
        longest = max(each.max_wall_s for each in limits)
        if self.ledger.url and self.ledger.lease_s <= longest:
            raise ValueError("ledger.lease_s must be more than limits.max_wall_s")
        return self

    def of(self, customer: str) -> CustomerSettings:
        """Give the settings in force for one customer: its own sections over the common ones."""
        return self.customers.get(customer, self)
