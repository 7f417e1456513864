"""What the operator says of a database that several runs share as their ledger."""

from importlib.util import find_spec
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, model_validator

from img_ingestion.endpoints import with_files
from img_ingestion.section import Section, loopback

PORT = 5432


class LedgerAccess(Section):
    """A ledger in PostgreSQL, for several runs at a time; needs requirements-postgres.txt."""

    url: str = Field(default="", pattern=r"^(postgresql://[A-Za-z0-9._~-]+@[^/?#@]+/[\w.-]+)?$")
    """`postgresql://USER@HOST:PORT/DATABASE`; empty: `state/ledger.sqlite`, one run at a time."""
    password: SecretStr = SecretStr("")
    """Of that user; from the environment or `password_file` only."""
    password_file: str = ""
    """File that holds the password, relative to the home."""
    ca_file: str = ""
    """PEM file of the authority behind the server's certificate; empty: the system's."""
    client_cert: str = ""
    """PEM file of our certificate, where the server asks for one."""
    client_key: str = ""
    """PEM file of its key, mode 0600."""
    lease_s: float = Field(default=2400.0, gt=0)
    """A run that is silent for so long loses what it has in hand; more than one file takes."""
    timeout_s: float = Field(default=30.0, gt=0)
    """Seconds to wait for a connection, and for those who have the ledger for themselves."""

    @model_validator(mode="before")
    @classmethod
    def _open_files(cls, given: Any, info: ValidationInfo) -> Any:  # noqa: ANN401 (raw input)
        """Resolve the files against the home, and read the secret, where a home is known."""
        return with_files(given, info, ("password",))

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        """Refuse what cannot be done."""
        if not self.url:
            return self
        if find_spec("psycopg") is None:
            raise ValueError("url: needs psycopg; pip install -r requirements-postgres.txt")
        try:
            whole = bool(self.host and self.port)
        except ValueError:
            whole = False
        if not whole:
            raise ValueError("url is not postgresql://USER@HOST:PORT/DATABASE")
        return self

    @property
    def host(self) -> str:
        """Name or address of the server."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """Its port."""
        return urlsplit(self.url).port or PORT

    @property
    def user(self) -> str:
        """Who we are to it."""
        return urlsplit(self.url).username or ""

    @property
    def database(self) -> str:
        """Name of the database."""
        return urlsplit(self.url).path.lstrip("/")

    @property
    def private(self) -> bool:
        """Tell whether nothing of it leaves this machine."""
        return loopback(self.host)
