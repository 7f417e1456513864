"""What the operator chooses, and the defaults; frozen. `settings_file.py` reads it in."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, model_validator

CustomerName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""A folder of `local_dcm`; letters, digits, dot, hyphen and underscore."""


class Section(BaseModel):
    """A frozen part of the settings that refuses words it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True
    )


class Backend(Section):
    """Where cleaned images go."""

    url: str = ""
    """Root of the backend, e.g. `https://ai.example.org`; empty: nothing is sent."""
    token: SecretStr = SecretStr("")
    """Sent as `Authorization: Bearer`; from the environment or `token_file` only."""
    token_file: str = ""
    """File that holds the token, relative to the home; empty: no token, or the environment's."""
    connect_timeout_s: float = Field(default=10.0, gt=0)
    """Seconds to wait for a connection."""
    read_timeout_s: float = Field(default=60.0, gt=0)
    """Seconds of silence after which an answer is given up."""
    total_timeout_s: float = Field(default=300.0, gt=0)
    """Deadline of one request from the first byte sent to the last byte received."""
    ca_file: str = ""
    """PEM file of the authority behind the backend's certificate; empty: the usual ones."""
    allow_plain_http: bool = False
    """Plain http to anything but loopback is refused unless this is true."""
    max_images: int = Field(default=32, ge=1)
    """Images of a series in one request at the most."""
    max_bytes: int = Field(default=64 * 1024 * 1024, ge=1)
    """Bytes of base64 in one request at the most (a single larger image travels alone)."""

    @model_validator(mode="before")
    @classmethod
    def _open_files(cls, given: Any, info: ValidationInfo) -> Any:  # noqa: ANN401 (raw input)
        """Resolve the files against the home, and read the token, where a home is known."""
        if not (isinstance(given, dict) and isinstance(info.context, dict)):
            return given
        home: Path = info.context["home"]
        opened = dict(given)
        if ca_file := given.get("ca_file"):
            opened["ca_file"] = str(home / str(ca_file))
            if not Path(opened["ca_file"]).is_file():
                raise ValueError("ca_file does not exist")
        if token_file := given.get("token_file"):
            opened["token"] = _token(home / str(token_file))
        return opened

    @model_validator(mode="after")
    def _url_is_safe(self) -> Backend:
        """Refuse a URL that would show the images, or a password, to the network."""
        if not self.url:
            return self
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("url must begin with https:// (or http://) and name a host")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("url must hold no user, password, query or fragment")
        if parts.scheme == "http" and not (self.allow_plain_http or _loopback(parts.hostname)):
            raise ValueError("url is plain http to another machine; allow_plain_http is false")
        return self


class Pixels(Section):
    """What is hidden in the pixels."""

    policy: Literal["all", "identifiers", "rules"] = "all"
    """`all`: every text is hidden; `identifiers`: what identifies; `rules`: the recipe's only."""


class Rendering(Section):
    """How the PNG is made."""

    mode: Literal["display", "stored"] = "display"
    """`display`: 8 bits, as a viewer shows it; `stored`: the stored values, up to 16 bits."""
    frames: str = Field(default="all", pattern=r"^(all|first|middle|[1-9][0-9]*)$")
    """`all`, `first`, `middle`, or N for every Nth frame."""


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
    """Dates are shifted by a number of days that is the patient's own (E.3.6)."""
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
    """Private elements that the standard lists as safe stay (E.3.10)."""
    max_date_shift_days: int = Field(default=3650, ge=30)
    """Dates move into the past by up to this many days."""

    @model_validator(mode="after")
    def _one_kind_of_date(self) -> Profile:
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
    customers: dict[CustomerName, CustomerSettings] = Field(default_factory=dict)

    def of(self, customer: str) -> CustomerSettings:
        """Give the settings in force for one customer: its own sections over the common ones."""
        return self.customers.get(customer, self)


def _token(path: Path) -> str:
    """Read a token: one line that can stand in a header of HTTP."""
    try:
        token = path.read_text("ascii").strip()
    except (OSError, UnicodeError) as error:
        raise ValueError(f"token_file cannot be read ({type(error).__name__})") from None
    if not token or not token.isprintable():
        raise ValueError("token_file holds no token")
    return token


def _loopback(host: str) -> bool:
    """Tell whether a host name of a URL is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
