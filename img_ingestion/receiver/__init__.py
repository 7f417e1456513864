"""
The receiver: instances by C-STORE into `local_dcm` (PS3.4 Annex B).

Success is answered when file and folder are durable, and not before. Threads of pynetdicom call
what begins with `on_`; everything else belongs to the one that serves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from pynetdicom import AE, _config, evt

from img_ingestion.durable import storing
from img_ingestion.errors import SettingsError, StorageError
from img_ingestion.receiver.doorway import Doorway, tls
from img_ingestion.receiver.part10_file import ReceivedDataSet, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pynetdicom.association import Association
    from pynetdicom.events import Event

    from img_ingestion.home import Home
    from img_ingestion.settings import Settings

SUCCESS, OUT_OF_RESOURCES, NOT_UNDERSTOOD = 0x0000, 0xA700, 0xC000
"""Statuses of C-STORE (PS3.4 B.2.3)."""
FOR_GOOD, BY_THE_USER = 1, 1
"""Result and source of an A-ASSOCIATE-RJ (PS3.8 9.3.4)."""
NO_REASON, CALLING, CALLED = 1, 3, 7
"""Its diagnostics."""
WORDS = {
    NO_REASON: "its address is not in receiver.hosts",
    CALLING: "its AE title is not in receiver.titles",
    CALLED: "it calls an AE title that is not ours",
}
VERIFICATION = "1.2.840.10008.1.1"
"""SOP class of C-ECHO (PS3.4 Annex A)."""
PDU_BYTES = 128 * 1024


class TooMuch(BytesIO):
    """Takes the place of a data set that is above a limit, and keeps nothing of it."""

    def write(self, data: Any) -> int:  # noqa: ANN401 (any buffer)
        """Count bytes and let go of them."""
        return len(data)


@dataclass(slots=True)
class Visit:
    """One association, as it went."""

    peer: str
    """Address of the sender."""
    customer: str = ""
    """Empty: rejected."""
    rejected: str = ""
    """Why, in plain words."""
    stored: int = 0
    """Instances that were answered with success."""
    refused: int = 0
    size: int = 0
    """Bytes of the instance that is being received."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """What listens for instances."""

    home: Home
    settings: Settings
    visits: dict[Association, Visit] = field(default_factory=dict, repr=False)

    def opened(self, port: int | None = None) -> Doorway:
        """
        Listen; the door has to be closed by whoever asked for it.

        Raises
        ------
        SettingsError
            Nobody may send, or a certificate cannot be read.
        StorageError
            The address cannot be had.

        """
        asked = self.settings.receiver
        if not asked.titles:
            raise SettingsError("receiver.titles is empty: nobody may send")
        # Any storage SOP class in the first transfer syntax that a sender proposes for it.
        _config.UNRESTRICTED_STORAGE_SERVICE = True
        _config.LOG_HANDLER_LEVEL = "none"
        entity = AE(ae_title=asked.ae_title)
        entity.add_supported_context(VERIFICATION)
        entity.maximum_associations, entity.maximum_pdu_size = asked.max_associations, PDU_BYTES
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = asked.timeout_s
        handlers: list[Any] = [
            (evt.EVT_REQUESTED, self.on_request),
            (evt.EVT_PDU_RECV, self.on_data),
            (evt.EVT_C_STORE, self.on_store),
        ]
        place, context = (asked.address, asked.port if port is None else port), tls(asked)
        with storing("listening"):
            door: Any = entity.make_server(
                place, evt_handlers=handlers, ssl_context=context, server_class=Doorway
            )
        opened: Doorway = door
        return opened

    def ended(self) -> Iterator[Visit]:
        """Give the associations that ended since the last time."""
        for association in [one for one in list(self.visits) if not one.is_alive()]:
            yield self.visits.pop(association)

    def on_request(self, event: Event) -> None:
        """Let an association in, or reject it for good."""
        association = event.assoc
        visit = self.visits[association] = Visit(str(association.requestor.address))
        diagnostic, visit.customer = self._admitted(association.requestor.primitive, visit.peer)
        if diagnostic:
            visit.rejected = WORDS[diagnostic]
            association.acse.send_reject(FOR_GOOD, BY_THE_USER, diagnostic)
            association.kill()

    def on_data(self, event: Event) -> None:
        """Let go of a data set that is above a limit, while it still comes in."""
        message, visit = event.assoc.dimse.message, self.visits.get(event.assoc)
        if visit is None or message is None or message.data_set is None:
            return
        limits, receiver = self.settings.of(visit.customer).limits, self.settings.receiver
        visit.size = message.data_set.tell()
        together = sum(one.size for one in tuple(self.visits.values()))
        if visit.size > limits.max_file_bytes or together > receiver.max_memory_bytes:
            message.data_set, visit.size = TooMuch(b"\0"), 0

    def on_store(self, event: Event) -> int:
        """Write one instance; answer success once it is durable."""
        visit = self.visits[event.assoc]
        status = self._stored(visit.customer, event)
        visit.stored += status == SUCCESS
        visit.refused += status != SUCCESS
        visit.size = 0
        return status

    def _admitted(self, request: Any, peer: str) -> tuple[int, str]:  # noqa: ANN401 (untyped)
        """Give the diagnostic of a rejection, 0 if there is none, and whose images will come."""
        asked, by_called = self.settings.receiver, self.settings.receiver.customer_by == "called"
        calling, called = request.calling_ae_title.strip(), request.called_ae_title.strip()
        customer = asked.titles.get(called if by_called else calling, "")
        if asked.hosts and not any(ip_address(peer) in ip_network(one) for one in asked.hosts):
            return NO_REASON, ""
        if not by_called and called != asked.ae_title:
            return CALLED, ""
        if not customer:
            return CALLED if by_called else CALLING, ""
        return 0, customer

    def _stored(self, customer: str, event: Event) -> int:
        request: Any = event.request
        if request.DataSet is None or not request.DataSet.getvalue():
            return NOT_UNDERSTOOD
        if isinstance(request.DataSet, TooMuch):
            return OUT_OF_RESOURCES
        received = ReceivedDataSet(
            request.AffectedSOPClassUID,
            request.AffectedSOPInstanceUID,
            event.context.transfer_syntax,
            request.DataSet.getvalue(),
        )
        try:
            write(received, self.home.local_dcm / customer, self.settings.of(customer).limits)
        except StorageError:
            return OUT_OF_RESOURCES
        return SUCCESS
