"""What no source even reads into memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from img_ingestion.errors import Incomplete, InstanceError, NotAdmitted, TooLarge
from img_ingestion.home import UNASSIGNED

if TYPE_CHECKING:
    from img_ingestion.settings import Settings


def refusal(settings: Settings, customer: str, size: int) -> InstanceError | None:
    """Say why a file is not even read into memory."""
    if customer == UNASSIGNED:
        return NotAdmitted(
            "no customer folder: local_dcm/NAME/ with a NAME of letters, digits and . _ -"
        )
    if size == 0:
        return Incomplete("the file is empty")
    if size > settings.of(customer).limits.max_file_bytes:
        return TooLarge("the file is above limits.max_file_bytes")
    return None
