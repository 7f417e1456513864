"""An object store: cleaned instances and pictures as objects of S3 or a compatible store."""

from __future__ import annotations

import hashlib
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom.filereader import read_file_meta_info

from img_ingestion.errors import DestinationBusy, NotDescribed, StorageError, turned_into
from img_ingestion.instance import Receipt
from img_ingestion.spliced import opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from img_ingestion.bucket import Bucket
    from img_ingestion.instance import Parcel, ParcelImage
    from img_ingestion.protocols import Destination
    from img_ingestion.settings import Objects

DICOM, PNG = "application/dicom", "image/png"
PICTURE = re.compile(r"((?:\.f[0-9]+)?\.png)\.txt$")
"""End of the name of an image's data; what is in the brackets ends the picture's own."""


@contextmanager
def destination(settings: Objects) -> Iterator[Destination]:
    """Give the bucket of the settings, with one set of connections for all parcels."""
    from img_ingestion import bucket  # noqa: PLC0415 (optional: requirements-s3.txt)

    store = bucket.opened(settings)
    try:
        yield _Store(store, settings.prefix)
    finally:
        store.close()


@dataclass(frozen=True, slots=True)
class _Store:
    """The bucket, reached."""

    bucket: Bucket
    prefix: str

    def deliver(self, parcel: Parcel) -> Receipt:
        """
        Put `CUSTOMER/STUDY/SERIES/INSTANCE.dcm`, and the pictures, `INSTANCE.png`, before them.

        The names are pseudonymous UIDs: the same instance again takes the place of itself, and an
        instance that is there has its pictures.

        Raises
        ------
        NotDescribed
            One of the files is gone, or changes.
        DestinationBusy
            The store cannot be reached, refuses, or says that it got other bytes.

        """
        study, series = parcel.study["studyInstanceUid"], parcel.series["seriesInstanceUid"]
        where = f"{self.prefix}{parcel.customer}/{study}/{series}"
        digest = hashlib.sha256()
        for path, name, kind in (*_pictures(parcel), *_instances(parcel)):
            with opened(path) as content:
                try:
                    digest.update(self.bucket.put(f"{where}/{name}", content, kind))
                except StorageError as error:
                    raise DestinationBusy(str(error)) from error
        return Receipt("stored", digest.hexdigest())


def _pictures(parcel: Parcel) -> Iterator[tuple[Path, str, str]]:
    """Give each picture's file, which lies beside its instance, and name and kind of the object."""
    for image in parcel.images:
        beside = parcel.instances[0].parent / image.data.name.removesuffix(".txt")
        yield beside, _name(image), PNG


def _instances(parcel: Parcel) -> Iterator[tuple[Path, str, str]]:
    """Give the same of each instance."""
    for path in parcel.instances:
        with opened(path), turned_into(NotDescribed, "reading an instance's file meta information"):
            uid = read_file_meta_info(path).MediaStorageSOPInstanceUID
        yield path, f"{uid}.dcm", DICOM


def _name(image: ParcelImage) -> str:
    ending = PICTURE.search(image.data.name)
    if ending is None:
        raise NotDescribed("an image's data have a name that is not ours")
    return f"{image.fields['imageInstanceUid']}{ending[1]}"
