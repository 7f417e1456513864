"""What the operator says of how originals are kept, and how long what was sent."""

from typing import Annotated

from pydantic import Field

from img_ingestion.section import Section


class Archive(Section):
    """How originals are kept in `archive/` and `quarantine/`."""

    recipients: tuple[Annotated[str, Field(pattern="^age1[02-9ac-hj-np-z]{58}$")], ...] = ()
    """Public keys of `age` that originals are encrypted to; none: not encrypted."""


class Keep(Section):
    """One folder's share; `prune` takes the oldest first, and only what was sent and is intact."""

    keep_days: float = Field(default=0.0, ge=0)
    """What was sent so many days ago may go; 0: nothing goes for its age."""
    keep_gb: float = Field(default=0.0, ge=0)
    """Above so many GB (of 10^9 bytes) a customer's oldest may go; 0: nothing goes for room."""


class Retention(Section):
    """What `ingestion.py prune` may remove; as it stands, nothing."""

    archive: Keep = Keep.model_construct()
    """Originals; `reidentify` needs them for name and birth date, `rebuild` for everything."""
    local_dcm_dicomcleaner: Keep = Keep.model_construct()
    """Cleaned instances and their pictures."""
    encoded_images: Keep = Keep.model_construct()
    """The pictures in base64."""
