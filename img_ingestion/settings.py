"""What the operator chooses: `gateway.toml` and the environment; frozen; refused at the door."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A frozen part of the settings that refuses words it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Backend(Section):
    """Where cleaned images go."""

    url: str = ""
    """Root of the backend, e.g. `https://ai.example.org`; empty: nothing is sent."""
    connect_timeout_s: float = Field(default=10.0, gt=0)
    read_timeout_s: float = Field(default=60.0, gt=0)
    total_timeout_s: float = Field(default=300.0, gt=0)
    """Deadline of one request from the first byte sent to the last byte received."""
    ca_file: str = ""
    allow_plain_http: bool = False
    """Plain http to anything but loopback is refused unless this is true."""
    max_images: int = Field(default=32, ge=1)
    """Images of a series in one request at the most."""
    max_bytes: int = Field(default=64 * 1024 * 1024, ge=1)
    """Bytes of base64 in one request at the most (a single larger image travels alone)."""


class Pixels(Section):
    """What is hidden in the pixels."""

    policy: Literal["all", "identifiers", "rules"] = "all"


class Rendering(Section):
    """How the PNG is made."""

    mode: Literal["display", "stored"] = "display"
    frames: str = Field(default="all", pattern=r"^(all|first|middle|[1-9][0-9]*)$")
    """`all`, `first`, `middle`, or N for every Nth frame."""


class Profile(Section):
    """PS3.15 Annex E options: Basic Profile always, and these on top of it."""

    clean_pixel_data: bool = True
    clean_graphics: bool = True
    clean_descriptors: bool = True
    clean_structured_content: bool = True
    retain_longitudinal_modified_dates: bool = True
    retain_longitudinal_full_dates: bool = False
    retain_patient_characteristics: bool = True
    retain_safe_private: bool = True
    retain_uids: bool = False
    retain_device_identity: bool = False
    retain_institution_identity: bool = False
    max_date_shift_days: int = Field(default=3650, ge=30)


class Vault(Section):
    """Pseudonym -> original, at home."""

    enabled: bool = True


class Limits(Section):
    """What one file may cost."""

    max_file_bytes: int = Field(default=2 * 1024**3, ge=1)
    max_unpacked_bytes: int = Field(default=4 * 1024**3, ge=1)
    """Of the pixel data of an instance, decoded; and of a deflated data set."""
    min_free_bytes: int = Field(default=256 * 1024**2, ge=0)
    """Below this much free space no file is taken (exit 4)."""


class Incoming(Section):
    """When a file counts as arrived."""

    settle_s: float = Field(default=2.0, ge=0)
    """A file is taken once it has not changed for this many seconds."""


class CustomerSettings(Section):
    """Everything that can differ from customer to customer."""

    backend: Backend = Backend()
    pixels: Pixels = Pixels()
    rendering: Rendering = Rendering()
    profile: Profile = Profile()
    vault: Vault = Vault()
    limits: Limits = Limits()


class Settings(CustomerSettings):
    """All settings of a home."""

    incoming: Incoming = Incoming()
    recipe: str = "deid.dicom"
    """Path of the recipe, relative to the home; the shipped one when the home has none."""
    customers: dict[str, CustomerSettings] = Field(default_factory=dict)

    def of(self, customer: str) -> CustomerSettings:
        """Give the settings in force for one customer: its own sections over the common ones."""
        return self.customers.get(customer, self)
