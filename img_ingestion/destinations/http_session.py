"""One session with a server: TLS, credentials, proxy, deadline; the wall around requests."""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth

from img_ingestion import unreached
from img_ingestion.destinations import answers
from img_ingestion.destinations.wire import Wire
from img_ingestion.errors import DestinationBusy, DestinationShut, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from img_ingestion.endpoints import Endpoint


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said, up to the limit."""

    status: int
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class HttpSession:
    """A server, reached over one connection that is kept."""

    endpoint: Endpoint
    session: requests.Session = field(repr=False)
    wire: Wire = field(repr=False)

    def post(
        self, path: str, body: Iterable[bytes], headers: Mapping[str, str], good: Iterable[int]
    ) -> Answer:
        """
        Post a body; give an answer with one of the good statuses.

        Parameters
        ----------
        path : str
            Below the root of the endpoint.
        body : iterable of bytes
            With a length, if it has one; it can be iterated again.
        headers : mapping
            Of this request.
        good : iterable of int
            Statuses whose answer is read.

        Raises
        ------
        DestinationBusy
            408, 425, 429, 5xx, no network, no trust, or no answer before the deadline.
        ParcelTooLarge, DestinationShut, DestinationRefused
            413; what speaks of us or of the URL; any other status.

        """
        with self._network(), self.wire.within(self.endpoint.total_timeout_s):
            response = self.session.post(
                self.endpoint.url.rstrip("/") + path,
                data=body,
                headers=dict(headers),
                timeout=(self.endpoint.connect_timeout_s, self.endpoint.read_timeout_s),
                allow_redirects=False,
                stream=True,
            )
            with response:
                answers.check_status(response, set(good))
                content = answers.content(response)
        return Answer(response.status_code, response.headers.get("Content-Type", ""), content)

    @contextmanager
    def _network(self) -> Iterator[None]:
        """Turn whatever the network does into DestinationBusy, by type: URLs have no place."""
        try:
            yield
        except (requests.RequestException, OSError) as error:
            if self.wire.was_cut:
                raise DestinationBusy("no answer before total_timeout_s") from error
            if shut := _refused_by_proxy(error):
                raise shut from error
            raise DestinationBusy(f"network: {unreached.why(error)}") from error
        # An answer that ends when its connection does looks whole when we have cut it.
        if self.wire.was_cut:
            raise DestinationBusy("no answer before total_timeout_s")


@contextmanager
def opened(endpoint: Endpoint) -> Iterator[HttpSession]:
    """
    Open a session with the server of the settings, kept for all parcels.

    Raises
    ------
    SettingsError
        Our own certificate or the authority's cannot be read.

    """
    wire = Wire()
    with requests.Session() as session:
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=1)
        adapter.poolmanager.pool_classes_by_scheme = wire.pools()
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        # Nothing from the environment: no proxy, no .netrc, no other authority.
        session.trust_env = False
        session.verify = endpoint.ca_file or True
        _introduce(session, endpoint)
        if endpoint.proxy:
            way = _proxy(endpoint)
            session.proxies = {"http": way, "https": way}
            adapter.proxy_manager_for(way).pool_classes_by_scheme = wire.pools()
        try:
            yield HttpSession(endpoint, session, wire)
        finally:
            wire.hang_up()


def _introduce(session: requests.Session, endpoint: Endpoint) -> None:
    """Say who we are, in each of the ways that the settings ask for."""
    if token := endpoint.token.get_secret_value():
        session.headers["Authorization"] = f"Bearer {token}"
    if endpoint.user:
        session.auth = HTTPBasicAuth(endpoint.user, endpoint.password.get_secret_value())
    if key := endpoint.api_key.get_secret_value():
        session.headers[endpoint.api_key_header] = key
    if endpoint.client_cert:
        own = (endpoint.client_cert, endpoint.client_key or endpoint.client_cert)
        _check_pair(*own)
        session.cert = own


def _check_pair(certificate: str, key: str) -> None:
    """Refuse at the door what TLS would refuse with each parcel."""
    context = ssl.create_default_context()
    try:
        # An encrypted key would ask for its password at the terminal.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        raise SettingsError(f"client_cert, client_key: {type(error).__name__}") from error


def _proxy(endpoint: Endpoint) -> str:
    """Give the proxy's URL, with who we are to it."""
    if not endpoint.proxy_user:
        return endpoint.proxy
    scheme, _, host = endpoint.proxy.partition("://")
    user, password = endpoint.proxy_user, endpoint.proxy_password.get_secret_value()
    return f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{host}"


def _refused_by_proxy(error: BaseException) -> DestinationShut | None:
    """Tell a proxy that does not know us (407 to CONNECT) from one that is not there."""
    # http.client says it in words only; a bare 407 may as well be part of a port or an address.
    said = "Tunnel connection failed: 407"
    if any(said in str(each) for each in unreached.chain(error) if isinstance(each, OSError)):
        return DestinationShut("407 proxy authentication required")
    return None
