"""
A bucket of an object store: what is asked of it, and no more; the wall around boto3.

What was read is pinned: by its ETag, and by its version where the bucket keeps versions.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, BinaryIO

import boto3
from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from img_ingestion.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from img_ingestion.object_store import ArchiveStore, Objects, ObjectStore

TAG = "img-ingestion"
"""Tag of an object that was taken; its value is the ETag of what was."""
NO_VERSION = "null"
"""Version of what was put before a bucket kept versions."""
ATTEMPTS = 4
CHUNK = 1024 * 1024
_GONE = {"404", "412", "NoSuchKey", "NoSuchVersion", "PreconditionFailed"}


@dataclass(frozen=True, slots=True)
class Pin:
    """One object, as it was seen."""

    key: str = field(repr=False)
    etag: str
    """Without its quotes."""
    size: int
    """Bytes."""
    modified_ns: int
    version: str = NO_VERSION
    """Known once it was read."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, reached."""

    client: Any = field(repr=False)
    name: str

    def keeps_versions(self) -> bool:
        """Tell whether the bucket keeps versions now."""
        with _asking("for its versioning"):
            answer = self.client.get_bucket_versioning(Bucket=self.name)
        return bool(answer.get("Status") == "Enabled")

    def listed(self, prefix: str) -> Iterator[Pin]:
        """Give what is below a prefix, in the store's order, page by page."""
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.name, Prefix=prefix
        )
        with _asking("for its list"):
            for page in pages:
                for one in page.get("Contents", ()):
                    modified_ns = int(one["LastModified"].timestamp() * 1e9)
                    yield Pin(one["Key"], one["ETag"].strip('"'), one["Size"], modified_ns)

    def holds(self, prefix: str) -> bool | None:
        """Tell whether anything is below a prefix; None: the store knows us, we may not list."""
        with _asking("for its list"):
            try:
                answer = self.client.list_objects_v2(Bucket=self.name, Prefix=prefix, MaxKeys=1)
            except ClientError as error:
                if _code(error) == "AccessDenied":
                    return None
                raise
        return bool(answer.get("Contents"))

    def opened(self, pin: Pin) -> tuple[Pin, Any] | None:
        """Open exactly what was seen; None if it is another object by now, or gone."""
        with _asking("for an object"):
            try:
                answer = self.client.get_object(
                    Bucket=self.name, Key=pin.key, IfMatch=f'"{pin.etag}"', **_version(pin)
                )
            except ClientError as error:
                if _code(error) in _GONE:
                    return None
                raise
        return replace(pin, version=answer.get("VersionId", NO_VERSION)), answer["Body"]

    def chunks(self, body: Any) -> Iterator[bytes]:  # noqa: ANN401 (boto3's)
        """Give the bytes of an object that was opened."""
        with _asking("for an object's bytes"):
            try:
                yield from body.iter_chunks(CHUNK)
            finally:
                body.close()

    def taken(self, pin: Pin) -> bool:
        """Tell whether the object has our tag, for the content that it has now."""
        return self._tags(pin).get(TAG) == pin.etag

    def tag(self, pin: Pin) -> None:
        """
        Tag an object as taken, beside the tags that it has.

        If something else has its key by now, the tag does not fit its ETag, and says nothing.
        """
        tags = self._tags(pin) | {TAG: pin.etag}
        tagging = {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}
        with _asking("to tag an object"), _gone_is_fine():
            self.client.put_object_tagging(
                Bucket=self.name, Key=pin.key, Tagging=tagging, **_version(pin)
            )

    def copy(self, pin: Pin, key: str) -> None:
        """Copy exactly what was read to another key of the bucket, whatever its size."""
        source = {"Bucket": self.name, "Key": pin.key, "VersionId": pin.version}
        with _asking("to copy an object"), _gone_is_fine():
            self.client.copy(
                source, self.name, key, ExtraArgs={"CopySourceIfMatch": f'"{pin.etag}"'}
            )

    def delete(self, pin: Pin) -> None:
        """Delete exactly the version that was read."""
        with _asking("to delete an object"), _gone_is_fine():
            self.client.delete_object(Bucket=self.name, Key=pin.key, VersionId=pin.version)

    def put(self, key: str, content: BinaryIO, kind: str) -> bytes:
        """
        Put an object, whole or not at all, over what has its key; give the SHA-256 of its bytes.

        The store is told it in the signature of the request, and refuses other bytes; a newer one
        keeps it, too, and says it again. One that says nothing but an ETag gives the MD5 there,
        unless it encrypts under keys of its own.
        """
        sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        while chunk := content.read(CHUNK):
            sha256.update(chunk)
            md5.update(chunk)
        content.seek(0)
        ours = b64encode(sha256.digest()).decode()
        with _asking("to put an object"):
            answer = self.client.put_object(
                Bucket=self.name, Key=key, Body=content, ContentType=kind, ChecksumSHA256=ours
            )
        theirs, etag = answer.get("ChecksumSHA256", ours), answer.get("ETag", "").strip('"')
        encrypted = str(answer.get("ServerSideEncryption", "")).startswith("aws:kms")
        if theirs != ours or (etag != md5.hexdigest() and not encrypted):
            raise StorageError("object store, asked to put an object: it has other bytes")
        return sha256.digest()

    def close(self) -> None:
        """Let go of the connections."""
        self.client.close()

    def _tags(self, pin: Pin) -> dict[str, str]:
        tags: list[dict[str, str]] = []
        with _asking("for an object's tags"), _gone_is_fine():
            answer = self.client.get_object_tagging(Bucket=self.name, Key=pin.key, **_version(pin))
            tags = answer["TagSet"]
        return {one["Key"]: one["Value"] for one in tags}


def opened(settings: ObjectStore | Objects | ArchiveStore) -> Bucket:
    """Give the bucket of the settings; nothing is asked of it yet."""
    own = (
        {}
        if settings.machine_credentials
        else {
            "aws_access_key_id": settings.access_key,
            "aws_secret_access_key": settings.secret_key.get_secret_value(),
        }
    )
    config = Config(
        signature_version="s3v4",
        connect_timeout=settings.timeout_s,
        read_timeout=settings.timeout_s,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        s3={
            "addressing_style": "path" if settings.endpoint else "auto",
            # Over https, too: the store refuses bytes other than those that were signed.
            "payload_signing_enabled": True,
        },
        # Stores other than AWS may not know the newer checksums.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        ignore_configured_endpoint_urls=True,
    )
    with _asking("to be reached"):
        client = boto3.session.Session(region_name=settings.region, **own).client(
            "s3",
            endpoint_url=settings.endpoint or None,
            verify=settings.ca_file or True,
            config=config,
        )
    return Bucket(client, settings.bucket)


def _version(pin: Pin) -> dict[str, str]:
    return {} if pin.version == NO_VERSION else {"VersionId": pin.version}


def _code(error: ClientError) -> str:
    """Give the store's own code, if it is a word."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return code if code.isascii() and code.isalnum() else "refused"


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    """Go on where an object is not there any more."""
    try:
        yield
    except ClientError as error:
        if _code(error) not in _GONE:
            raise


@contextmanager
def _asking(what: str) -> Iterator[None]:
    """Turn whatever boto3 raises into a StorageError: messages quote keys and addresses."""
    try:
        yield
    except ClientError as error:
        raise StorageError(f"object store, asked {what}: {_code(error)}") from error
    except (BotoCoreError, HTTPError, OSError) as error:
        raise StorageError(f"object store, asked {what}: {type(error).__name__}") from error
