"""What the operator's own watch is told: metrics, a ping, a log."""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from img_ingestion.section import Section, loopback


class Reporting(Section):
    """Whom a pass tells that it was there; nothing in it identifies a patient."""

    metrics_file: str = ""
    """File for prometheus' textfile collector, e.g. `gateway.prom`, relative to the home."""
    ping_url: str = ""
    """Asked for after each pass, with the exit status as its last part; empty: nobody."""
    ping_timeout_s: float = Field(default=10.0, gt=0)
    """Seconds that a ping may take."""
    log: Literal["none", "json"] = "none"
    """`json`: each file, parcel and pass as a line of JSON on stderr, by ids."""

    @field_validator("ping_url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        """Refuse what is no plain address of a web server."""
        parts = urlsplit(url)
        secure = parts.scheme == "https" or (
            parts.scheme == "http" and loopback(parts.hostname or "")
        )
        if url and not (secure and parts.hostname):
            raise ValueError("must begin with https:// and name a host")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("must hold no user, password, query or fragment")
        return url
