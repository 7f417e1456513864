"""A folder: cleaned instances as files, e.g. on a mounted share that somebody else empties."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom.filereader import read_file_meta_info

from img_ingestion import durable
from img_ingestion.errors import DestinationBusy, NotDescribed, StorageError, turned_into
from img_ingestion.instance import Receipt
from img_ingestion.spliced import FileBytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from img_ingestion.instance import Parcel
    from img_ingestion.protocols import Destination
    from img_ingestion.settings import Folder


@contextmanager
def destination(settings: Folder) -> Iterator[Destination]:
    """Give the folder of the settings."""
    yield _Folder(Path(settings.path))


@dataclass(frozen=True, slots=True)
class _Folder:
    """The folder, as it is mounted now or not."""

    root: Path

    def deliver(self, parcel: Parcel) -> Receipt:
        """
        Write `CUSTOMER/STUDY/SERIES/INSTANCE.dcm`, each whole or not at all, durably.

        The names are pseudonymous UIDs: the same instance again takes the place of itself.

        Raises
        ------
        NotDescribed
            An instance's file is gone.
        DestinationBusy
            The folder is not there (an unmounted share is not to be filled from below), full
            or read-only.

        """
        if not self.root.is_dir():
            raise DestinationBusy("the folder is not there")
        study, series = (
            str(words[key])
            for words, key in (
                (parcel.study, "studyInstanceUid"),
                (parcel.series, "seriesInstanceUid"),
            )
        )
        where = self.root / parcel.customer / study / series
        digest = sha256()
        for path in parcel.instances:
            content = FileBytes.of(path)
            with turned_into(NotDescribed, "reading an instance's file meta information"):
                name = f"{read_file_meta_info(path).MediaStorageSOPInstanceUID}.dcm"
            try:
                durable.folder(where)
                with durable.writer(where / name) as copy:
                    for chunk in content:
                        digest.update(chunk)
                        copy.write(chunk)
            except StorageError as error:
                raise DestinationBusy(f"folder: {error}") from error
        return Receipt("written", digest.hexdigest())
