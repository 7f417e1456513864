"""
A part of the settings, and what several parts ask of a value.

No module of the settings has its annotations as text: pydantic would compile each when cron starts.
"""

from ipaddress import ip_address
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

FILES = ("ca_file", "certificate", "certificate_key", "client_cert", "client_key")
"""Keys that name a file."""


class Section(BaseModel):
    """A frozen part of the settings that refuses words it does not know."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        allow_inf_nan=False,
        # Most are built into the settings as a whole, and nowhere else; the defaults are made by
        # `model_construct`, so that where the operator says nothing none is built at all.
        defer_build=True,
    )


def resolved(given: dict[str, Any], home: Path) -> dict[str, Any]:
    """Resolve the certificates' files against the home; they have to be there."""
    resolved = dict(given)
    for key in FILES:
        if name := given.get(key):
            resolved[key] = str(home / str(name))
            if not Path(resolved[key]).is_file():
                raise ValueError(f"{key} does not exist")
    return resolved


def loopback(host: str) -> bool:
    """Tell whether a host name of a URL is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
