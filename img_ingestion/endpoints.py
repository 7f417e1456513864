"""What the operator says of a server that is reached by HTTP: address, credentials, limits."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, model_validator

from img_ingestion.section import Section, loopback, resolved

SECRETS = ("token", "api_key", "password", "proxy_password")
"""Keys that come from the environment or from the file that `KEY_file` names."""
BELONGINGS = {
    "url": ("token", "api_key", "user", "password", "client_cert", "client_key"),
    "proxy": ("proxy_user", "proxy_password"),
    "endpoint": ("access_key", "secret_key", "machine_credentials"),
}
"""Who we are, by whom it is told to: a customer with another address does not inherit it."""


def with_files(given: Any, info: ValidationInfo, secrets: Iterable[str]) -> Any:  # noqa: ANN401
    """Resolve a section's files against the home, and read its secrets, where a home is known."""
    if not (isinstance(given, dict) and isinstance(info.context, dict)):
        return given
    home: Path = info.context["home"]
    opened = resolved(given, home)
    for key in secrets:
        if name := given.get(f"{key}_file"):
            opened[key] = secret(home / str(name), f"{key}_file")
    return opened


class Endpoint(Section):
    """A server that is reached by HTTP."""

    url: str = ""
    """Root of the server, e.g. `https://ai.example.org`; empty: nothing is sent."""
    token: SecretStr = SecretStr("")
    """Sent as `Authorization: Bearer`; from the environment or `token_file` only."""
    token_file: str = ""
    """File that holds the token, relative to the home; empty: no token, or the environment's."""
    api_key: SecretStr = SecretStr("")
    """Sent in the header `api_key_header`; from the environment or `api_key_file` only."""
    api_key_file: str = ""
    """File that holds the API key."""
    api_key_header: str = Field(default="X-API-Key", pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")
    """Name of the header that carries the API key."""
    user: str = Field(default="", pattern=r"^[!-9;-~]*$")
    """User of HTTP basic authentication; not together with a token."""
    password: SecretStr = SecretStr("")
    """Of that user; from the environment or `password_file` only."""
    password_file: str = ""
    """File that holds the password."""
    client_cert: str = ""
    """PEM file of our own certificate, where the server asks for one (mTLS)."""
    client_key: str = ""
    """PEM file of its key, not encrypted, mode 0600; empty: in the same file."""
    ca_file: str = ""
    """PEM file of the authority behind the server's certificate; empty: the usual ones."""
    proxy: str = ""
    """Proxy on the way, e.g. `http://proxy.example.org:3128`; empty: none at all."""
    proxy_user: str = Field(default="", pattern=r"^[!-9;-~]*$")
    """User for the proxy."""
    proxy_password: SecretStr = SecretStr("")
    """Of that user; from the environment or `proxy_password_file` only."""
    proxy_password_file: str = ""
    """File that holds the proxy's password."""
    allow_plain_http: bool = False
    """Plain http to anything but loopback is refused unless this is true."""
    connect_timeout_s: float = Field(default=10.0, gt=0)
    """Seconds to wait for a connection."""
    read_timeout_s: float = Field(default=60.0, gt=0)
    """Seconds of silence after which an answer is given up."""
    total_timeout_s: float = Field(default=300.0, gt=0)
    """Deadline of one request from the first byte sent to the last byte received."""

    max_images: int = Field(default=32, ge=1)
    """Images of a series in one request at the most."""
    max_bytes: int = Field(default=64 * 1024 * 1024, ge=1)
    """Bytes of images in one request at the most (a single larger one travels alone)."""

    @model_validator(mode="before")
    @classmethod
    def _open_files(cls, given: Any, info: ValidationInfo) -> Any:  # noqa: ANN401 (raw input)
        """Resolve the files against the home, and read the secrets, where a home is known."""
        return with_files(given, info, SECRETS)

    @model_validator(mode="after")
    def _url_is_safe(self) -> Self:
        """Refuse a URL that would show the images, or a password, to the network."""
        if not self.url:
            return self
        host = checked("url", self.url, ("http", "https"))
        if self.url.startswith("http:") and not (self.allow_plain_http or loopback(host)):
            raise ValueError("url is plain http to another machine; allow_plain_http is false")
        if self.proxy:
            checked("proxy", self.proxy, ("http", "https"))
        return self

    @model_validator(mode="after")
    def _credentials_go_together(self) -> Self:
        """Refuse what would leave it open who we say we are."""
        if self.user and self.token.get_secret_value():
            raise ValueError("user and token exclude each other: both are sent as Authorization")
        if self.password.get_secret_value() and not self.user:
            raise ValueError("password has no user")
        if self.client_key and not self.client_cert:
            raise ValueError("client_key has no client_cert")
        if self.api_key_header.lower() in {"authorization", "content-type", "content-length"}:
            raise ValueError("api_key_header is a header with a meaning of its own")
        return self


class Backend(Endpoint):
    """Where cleaned images go: the contract's POST."""


class Stow(Endpoint):
    """Where cleaned DICOM instances go by DICOMweb STOW-RS (PS3.18 10.5); `url` is its root."""


def checked(key: str, url: str, schemes: tuple[str, ...]) -> str:
    """Give the host of a URL that is nothing but an address."""
    parts = urlsplit(url)
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"{key} must begin with https:// (or http://) and name a host")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(f"{key} must hold no user, password, query or fragment")
    return parts.hostname


def secret(path: Path, key: str) -> str:
    """Read a secret: one line that can stand in a header of HTTP."""
    try:
        words = path.read_text("ascii").strip()
    except (OSError, UnicodeError) as error:
        raise ValueError(f"{key} cannot be read ({type(error).__name__})") from None
    if not words or not words.isprintable():
        raise ValueError(f"{key} holds no {key.removesuffix('_file').replace('_', ' ')}")
    return words
