"""What the operator says of a DICOM peer and of a folder that instances go to."""

from importlib.util import find_spec
from typing import Any, Self

from pydantic import Field, ValidationInfo, model_validator

from img_ingestion.section import Section, loopback, resolved


class Store(Section):
    """Where cleaned DICOM instances go by C-STORE (PS3.4 Annex B); needs requirements-dicom.txt."""

    host: str = ""
    """Name or address of the peer; empty: nothing is sent."""
    port: int = Field(default=104, ge=1, le=65535)
    """Its port."""
    called_aet: str = Field(default="ANY-SCP", pattern=r"^[ -[\]-~]{1,16}$")
    """Its application entity title."""
    calling_aet: str = Field(default="IMG_INGESTION", pattern=r"^[ -[\]-~]{1,16}$")
    """Ours."""
    timeout_s: float = Field(default=60.0, gt=0)
    """Seconds to wait for the connection, and for each answer."""
    tls: bool = False
    """Speak TLS; plain DICOM to anything but loopback is refused unless `allow_plain` is true."""
    ca_file: str = ""
    """PEM file of the authority behind the peer's certificate; empty: the usual ones."""
    client_cert: str = ""
    """PEM file of our own certificate, where the peer asks for one."""
    client_key: str = ""
    """PEM file of its key, not encrypted, mode 0600; empty: in the same file."""
    allow_plain: bool = False
    """Allow DICOM without TLS to another machine, e.g. inside the hospital's own network."""
    max_images: int = Field(default=32, ge=1)
    """Images of a series over one association at the most."""
    max_bytes: int = Field(default=1024**3, ge=1)
    """Bytes of instances over one association at the most (a single larger one travels alone)."""

    @model_validator(mode="before")
    @classmethod
    def _find_files(cls, given: Any, info: ValidationInfo) -> Any:  # noqa: ANN401 (raw input)
        """Resolve the files against the home, where a home is known."""
        if isinstance(given, dict) and isinstance(info.context, dict):
            return resolved(given, info.context["home"])
        return given

    @model_validator(mode="after")
    def _can_be_sent_in_private(self) -> Self:
        """Refuse what cannot be done, and to show the images to the network."""
        if self.host and find_spec("pynetdicom") is None:
            raise ValueError(
                "host: C-STORE needs pynetdicom; pip install -r requirements-dicom.txt"
            )
        if self.host and not (self.tls or self.allow_plain or loopback(self.host)):
            raise ValueError("host is another machine and tls is false; allow_plain is false")
        return self


class Folder(Section):
    """Where cleaned DICOM instances and pictures go as files."""

    path: str = ""
    """A folder that is there already, e.g. a mounted share; empty: nothing is put anywhere."""
    max_images: int = Field(default=32, ge=1)
    """Images of a series that are put there in one go at the most."""
    max_bytes: int = Field(default=1024**3, ge=1)
    """Bytes of instances that are put there in one go at the most."""

    @model_validator(mode="before")
    @classmethod
    def _find_folder(cls, given: Any, info: ValidationInfo) -> Any:  # noqa: ANN401 (raw input)
        """Resolve the folder against the home, where a home is known."""
        if isinstance(given, dict) and given.get("path") and isinstance(info.context, dict):
            return given | {"path": str(info.context["home"] / str(given["path"]))}
        return given
