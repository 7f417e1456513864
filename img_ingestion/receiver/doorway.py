"""The listening socket: TLS is agreed in a thread of each connection, and faults stay quiet."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

from pynetdicom.transport import ThreadedAssociationServer

from img_ingestion.errors import SettingsError

if TYPE_CHECKING:
    from img_ingestion.reception import Receiver

BACKLOG = 256


class Doorway(ThreadedAssociationServer):
    """Takes one connection after the other; none can keep the others waiting."""

    daemon_threads = True
    request_queue_size = BACKLOG

    def get_request(self) -> Any:  # noqa: ANN401 (as socketserver has it)
        """Accept, and no more: a peer that does not greet would hold everybody up."""
        client, address = self.socket.accept()  # type: ignore[union-attr]
        return client, address

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 (as above)
        """Agree on TLS, where it is spoken, and let pynetdicom go on."""
        if self.ssl_context is not None:
            request.settimeout(self.ae.acse_timeout)
            request = self.ssl_context.wrap_socket(request, server_side=True)
            request.settimeout(self.ae.network_timeout)
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 (as above)
        """Say nothing: what strangers do at a port is no news."""


def tls(asked: Receiver) -> ssl.SSLContext | None:
    """
    Give the context of TLS, where the settings ask for it.

    Raises
    ------
    SettingsError
        A certificate cannot be read.

    """
    if not asked.tls:
        return None
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        # An encrypted key would ask for its password at the terminal.
        key = asked.certificate_key or asked.certificate
        context.load_cert_chain(asked.certificate, key, password="")
        if asked.ca_file:
            context.load_verify_locations(asked.ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ValueError) as error:
        words = "certificate, certificate_key, ca_file"
        raise SettingsError(f"receiver.{words}: {type(error).__name__}") from error
    return context
