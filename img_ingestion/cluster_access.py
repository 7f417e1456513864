"""What the operator says of a Dask cluster: how it is spoken to."""

from typing import Any

from pydantic import Field, ValidationInfo, model_validator

from img_ingestion.endpoints import with_files
from img_ingestion.section import Section


class Dask(Section):
    """TLS with certificates of both sides, for `--dask ADDRESS`; needs requirements-dask.txt."""

    ca_file: str = ""
    """PEM file of the authority that signs the certificates of scheduler and workers."""
    certificate: str = ""
    """PEM file of our certificate."""
    certificate_key: str = ""
    """PEM file of its key, mode 0600."""
    patience_s: float = Field(default=30.0, gt=0)
    """Seconds to wait for the scheduler and a worker."""

    @model_validator(mode="before")
    @classmethod
    def _find_files(cls, given: Any, info: ValidationInfo) -> Any:  # noqa: ANN401 (raw input)
        """Resolve the files against the home, where a home is known."""
        return with_files(given, info, ())
