"""Tell a watch that a pass was there: one request, the exit status as the last part of its path."""

from __future__ import annotations

from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.request import ProxyHandler, build_opener

if TYPE_CHECKING:
    from img_ingestion.reporting import Reporting


def pinged(reporting: Reporting, status: int) -> str:
    """Ask for `ping_url/STATUS`; give what went wrong, empty when nothing did."""
    if not reporting.ping_url:
        return ""
    address = f"{reporting.ping_url.rstrip('/')}/{status}"
    try:
        # The scheme was looked at when the settings were read; no proxy but one that is named.
        opener = build_opener(ProxyHandler({}))
        with opener.open(address, timeout=reporting.ping_timeout_s) as answer:
            answer.read(1)
    except (OSError, HTTPException) as error:
        return f"reporting.ping_url: {type(error).__name__}"
    return ""
