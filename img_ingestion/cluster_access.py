"""What the operator says of a Dask cluster: how it is spoken to."""

from __future__ import annotations

from img_ingestion.section import Section


class Dask(Section):
    """TLS with certificates of both sides, for `--dask ADDRESS`; needs requirements-dask.txt."""

    ca_file: str = ""
    """PEM file of the authority that signs the certificates of scheduler and workers."""
    certificate: str = ""
    """PEM file of our certificate."""
    certificate_key: str = ""
    """PEM file of its key, mode 0600."""
    patience_s: float = 30.0
    """How long to wait for the scheduler and a first worker."""
