"""What the operator says of the receiver: who may send by C-STORE, and whose it is."""

from ipaddress import ip_address, ip_network
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from img_ingestion.home import UNASSIGNED, customer_of
from img_ingestion.section import Section, loopback, resolved

Title = Annotated[str, Field(pattern=r"^[!-[\]-~]([ -[\]-~]{0,14}[!-[\]-~])?$")]
"""An application entity title: VR AE without its padding (PS3.5 6.2)."""


class Receiver(Section):
    """Who may send by C-STORE to `ingestion.py receive`; needs requirements-dicom.txt."""

    address: str = "127.0.0.1"
    """Where to listen: this machine alone, unless it is another address of its own."""
    port: int = Field(default=11112, ge=0, le=65535)
    """Port to listen at; 0: a free one."""
    ae_title: Title = "IMG_INGESTION"
    """Our application entity title; with `customer_by = "called"` only the ones of `titles`."""
    customer_by: Literal["calling", "called"] = "calling"
    """Whose title in `titles` says whose images they are: the sender's, or the one it calls."""
    titles: dict[Title, str] = Field(default_factory=dict)
    """Application entity title -> customer, e.g. `{ CT1 = "north" }`; any other is rejected."""
    hosts: tuple[str, ...] = ()
    """Addresses or networks that may connect, e.g. `["10.1.0.0/16"]`; empty: any."""
    tls: bool = False
    """Speak TLS only."""
    certificate: str = ""
    """PEM file of our certificate, for TLS."""
    certificate_key: str = ""
    """PEM file of its key, not encrypted, mode 0600; empty: in the same file."""
    ca_file: str = ""
    """PEM file of the authority that signs the senders' certificates; empty: they need none."""
    allow_plain: bool = False
    """Allow DICOM without TLS at another address than loopback."""
    max_associations: int = Field(default=100, ge=1, le=400)
    """Associations at a time; a further one is told to come again."""
    max_memory_bytes: int = Field(default=4 * 1024**3, ge=1024**2)
    """Memory for instances that are still being received; above it a sender has to send again."""
    timeout_s: float = Field(default=60.0, gt=0)
    """Seconds of silence after which an association is aborted."""
    drain_s: float = Field(default=30.0, ge=0)
    """Seconds that associations have to end after SIGTERM."""

    @model_validator(mode="before")
    @classmethod
    def _find_files(cls, given: Any, info: ValidationInfo) -> Any:  # noqa: ANN401 (raw input)
        """Resolve the files against the home, where a home is known."""
        if isinstance(given, dict) and isinstance(info.context, dict):
            return resolved(given, info.context["home"])
        return given

    @field_validator("address")
    @classmethod
    def _is_an_address(cls, address: str) -> str:
        """Refuse a name: which address it is may change."""
        try:
            ip_address(address)
        except ValueError:
            raise ValueError("must be an IP address of this machine") from None
        return address

    @field_validator("hosts")
    @classmethod
    def _are_networks(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse what is no address and no network."""
        try:
            return tuple(str(ip_network(host)) for host in hosts)
        except ValueError:
            raise ValueError("must be addresses or networks, e.g. 10.1.0.0/16") from None

    @field_validator("titles")
    @classmethod
    def _belong_to_customers(cls, titles: dict[str, str]) -> dict[str, str]:
        """Refuse a customer that no folder can have."""
        if any(customer_of(customer) == UNASSIGNED for customer in titles.values()):
            raise ValueError("a customer is letters, digits and . _ - (64 at the most)")
        return titles

    @model_validator(mode="after")
    def _can_be_received_in_private(self) -> Self:
        """Refuse to have the images shown to the network."""
        if self.tls and not self.certificate:
            raise ValueError("certificate: TLS needs one")
        if not (self.tls or self.allow_plain or loopback(self.address)):
            raise ValueError("address is not loopback and tls is false; allow_plain is false")
        return self
