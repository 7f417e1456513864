"""What the operator says of object stores: where files come from, and where outputs go."""

from importlib.util import find_spec
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationInfo, model_validator

from img_ingestion.endpoints import checked, with_files
from img_ingestion.section import Section, loopback

After = Literal["tag", "move", "delete"]


URL = r"^(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?)?$"


class _Bucket(Section):
    """A bucket of S3 or a compatible store, and who we are to it."""

    url: str = Field(default="", pattern=URL)
    """`s3://BUCKET/PREFIX`."""
    endpoint: str = ""
    """Root of the store, e.g. `https://store.example.org:9000`; empty: AWS."""
    region: str = Field(default="us-east-1", pattern=r"^[a-z0-9-]{1,64}$")
    """Region, as the store calls it."""
    access_key: str = Field(default="", pattern=r"^[!-~]{0,128}$")
    """Who we are to the store."""
    secret_key: SecretStr = SecretStr("")
    """Of that access key; from the environment or `secret_key_file` only."""
    secret_key_file: str = ""
    """File that holds the secret key, relative to the home."""
    machine_credentials: bool = False
    """Instead of keys use what the machine has: a role, a profile (boto3's own chain)."""
    ca_file: str = ""
    """PEM file of the authority behind the store's certificate; empty: the usual ones."""
    timeout_s: float = Field(default=60.0, gt=0)
    """Seconds to wait for a connection, and of silence."""
    allow_plain_http: bool = False
    """Plain http to anything but loopback is refused unless this is true."""

    @model_validator(mode="before")
    @classmethod
    def _open_files(cls, given: Any, info: ValidationInfo) -> Any:  # noqa: ANN401 (raw input)
        """Resolve the files against the home, and read the secret, where a home is known."""
        return with_files(given, info, ("secret_key",))

    @model_validator(mode="after")
    def _can_be_reached_in_private(self) -> Self:
        """Refuse what cannot be done, and to show the images to the network."""
        if not self.url:
            return self
        if find_spec("boto3") is None:
            raise ValueError("url: an object store needs boto3; pip install -r requirements-s3.txt")
        if self.endpoint:
            host = checked("endpoint", self.endpoint, ("http", "https"))
            if self.endpoint.startswith("http:") and not (self.allow_plain_http or loopback(host)):
                raise ValueError(
                    "endpoint is plain http to another machine; allow_plain_http is false"
                )
        keys = bool(self.access_key), bool(self.secret_key.get_secret_value())
        if keys != (not self.machine_credentials,) * 2:
            raise ValueError("access_key and secret_key, or machine_credentials = true alone")
        return self

    @property
    def bucket(self) -> str:
        """Name of the bucket."""
        return self.url.removeprefix("s3://").partition("/")[0]

    @property
    def prefix(self) -> str:
        """What the keys of all customers begin with: empty, or it ends in a slash."""
        prefix = self.url.removeprefix("s3://").partition("/")[2].rstrip("/")
        return f"{prefix}/" if prefix else ""


class ObjectStore(_Bucket):
    """Objects of S3 or a compatible store as a source; needs requirements-s3.txt."""

    url: str = Field(default="", pattern=URL)
    """`s3://BUCKET/PREFIX`: objects `PREFIX/CUSTOMER/...` are taken; empty: no object store."""
    after: After = "tag"
    """What becomes of an object once its original is in `archive/`: tagged, moved or deleted."""
    after_held: After = "tag"
    """The same, once its original is in `quarantine/`."""
    moved_to: str = Field(default="img-ingestion", pattern=r"^[^/].*[^/]$")
    """Prefix in the same bucket, outside of `url`: objects move below its `taken/` and `held/`."""

    @model_validator(mode="after")
    def _does_not_come_again(self) -> Self:
        """Refuse to move objects to where they are taken from."""
        moving = self.url and "move" in {self.after, self.after_held}
        if moving and f"{self.moved_to}/".startswith(self.prefix):
            raise ValueError("moved_to lies below url: what is moved there would come again")
        return self


class Objects(_Bucket):
    """Where cleaned DICOM instances and pictures go as objects; needs requirements-s3.txt."""

    url: str = Field(default="", pattern=URL)
    """`s3://BUCKET/PREFIX`: they are put below `PREFIX/CUSTOMER/`; empty: nothing is put there."""
    max_images: int = Field(default=32, ge=1)
    """Images of a series that are put there in one go at the most."""
    max_bytes: int = Field(default=1024**3, ge=1)
    """Bytes of instances that are put there in one go at the most."""


class ArchiveStore(_Bucket):
    """Where `prune` puts encrypted originals before it takes them out of `archive/`."""

    url: str = Field(default="", pattern=URL)
    """`s3://BUCKET/PREFIX`, for `PREFIX/CUSTOMER/YYYY/MM/DD/ID.dcm.age`; empty: nowhere."""
