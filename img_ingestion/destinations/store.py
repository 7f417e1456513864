"""C-STORE: cleaned instances to a DICOM peer (PS3.4 Annex B); the wall around pynetdicom."""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydicom.filereader import read_file_meta_info

from img_ingestion.errors import (
    DestinationBusy,
    DestinationRefused,
    DestinationShut,
    NotDescribed,
    SettingsError,
    turned_into,
)
from img_ingestion.instance import Receipt
from img_ingestion.spliced import FileBytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pynetdicom.association import Association

    from img_ingestion.instance import Parcel
    from img_ingestion.protocols import Destination
    from img_ingestion.settings import Store

WARNINGS = {0xB000, 0xB006, 0xB007}
"""Stored, with elements coerced or discarded (PS3.4 B.2.3)."""
OUT_OF_RESOURCES = range(0xA700, 0xA800)
"""Refused for now (PS3.4 B.2.3)."""
_NO_CONTEXT = "the peer takes no such SOP class or transfer syntax"
_REJECTED_FOR_GOOD = 1
"""Result of an A-ASSOCIATE-RJ (PS3.8 9.3.4)."""


@contextmanager
def destination(settings: Store) -> Iterator[Destination]:
    """
    Give the peer of the settings.

    Raises
    ------
    SettingsError
        pynetdicom is not installed, or a certificate cannot be read.

    """
    try:
        from pynetdicom import AE, _config  # noqa: PLC0415 (optional: requirements-dicom.txt)
    except ImportError as error:
        raise SettingsError(
            "store.host: C-STORE needs pynetdicom; pip install -r requirements-dicom.txt"
        ) from error
    # Files are sent as they lie on the disk, in pieces.
    _config.STORE_SEND_CHUNKED_DATASET = True
    entity = AE(ae_title=settings.calling_aet)
    entity.connection_timeout = entity.acse_timeout = settings.timeout_s
    entity.dimse_timeout = entity.network_timeout = settings.timeout_s
    yield _Peer(settings, entity, _tls(settings))


@dataclass(frozen=True, slots=True)
class _Peer:
    """The peer; each parcel has an association of its own."""

    settings: Store
    entity: Any
    tls: tuple[ssl.SSLContext, str] | None

    def deliver(self, parcel: Parcel) -> Receipt:
        """
        Send the instances of a parcel; return when the peer has said of each that it is stored.

        Raises
        ------
        NotDescribed
            An instance's file is gone or cannot be read.
        DestinationBusy
            No connection, no answer in time, or out of resources.
        DestinationShut
            The association is rejected for good: a wrong AE title, as a rule.
        DestinationRefused
            The peer takes no such SOP class, or failed to store one; alone, the others will go.

        """
        contexts = [_context(path) for path in parcel.instances]
        association = self._associated(list(dict.fromkeys(contexts)))
        try:
            statuses = [_stored(association, path) for path in parcel.instances]
        finally:
            if association.is_established:
                association.release()
        refused = sorted({status for status in statuses if status not in {0, *WARNINGS}})
        if refused:
            words = "status " + ", ".join(f"0x{status:04X}" for status in refused)
            if all(status in OUT_OF_RESOURCES for status in refused):
                raise DestinationBusy(words)
            raise DestinationRefused(words)
        return Receipt(f"0x{max(statuses):04X} stored")

    def _associated(self, contexts: Sequence[tuple[str, str]]) -> Association:
        from pynetdicom import build_context  # noqa: PLC0415 (as above)

        peer = self.settings
        association: Association = self.entity.associate(
            peer.host,
            peer.port,
            contexts=[build_context(*context) for context in contexts],
            ae_title=peer.called_aet,
            tls_args=self.tls,
        )
        if association.is_established:
            return association
        if association.is_rejected:
            answer = association.acceptor.primitive
            if answer is not None and answer.result == _REJECTED_FOR_GOOD:
                raise DestinationShut("association rejected: look at the AE titles")
            raise DestinationBusy("association rejected for now")
        if association.rejected_contexts and not association.accepted_contexts:
            raise DestinationRefused(_NO_CONTEXT)
        raise DestinationBusy("no association")


def _context(path: Path) -> tuple[str, str]:
    """Give SOP class and transfer syntax of a file."""
    FileBytes.of(path)
    with turned_into(NotDescribed, "reading an instance's file meta information"):
        meta = read_file_meta_info(path)
        return str(meta.MediaStorageSOPClassUID), str(meta.TransferSyntaxUID)


def _stored(association: Association, path: Path) -> int:
    """Send one instance; give the status."""
    try:
        status = association.send_c_store(path)
    except ValueError as error:
        raise DestinationRefused(_NO_CONTEXT) from error
    except (RuntimeError, OSError) as error:
        raise DestinationBusy(f"association: {type(error).__name__}") from error
    if "Status" not in status:
        raise DestinationBusy("no answer before timeout_s")
    return int(status.Status)


def _tls(settings: Store) -> tuple[ssl.SSLContext, str] | None:
    """Give the context of TLS, and the name that the peer's certificate has to have."""
    if not settings.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
        if settings.client_cert:
            key = settings.client_key or settings.client_cert
            context.load_cert_chain(settings.client_cert, key, password="")
    except (OSError, ValueError) as error:
        words = "ca_file, client_cert, client_key"
        raise SettingsError(f"store.{words}: {type(error).__name__}") from error
    return context, settings.host
