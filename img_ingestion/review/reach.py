"""Whether a server answers, and for how long its certificate is good; nothing is sent."""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from img_ingestion import unreached
from img_ingestion.errors import DestinationBusy, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from img_ingestion.endpoints import Endpoint
    from img_ingestion.object_store import ArchiveStore, Objects, ObjectStore
    from img_ingestion.settings import Settings

SOON_S = 30 * 86400
"""A certificate that ends within this many seconds is a finding."""


def reached(place: Endpoint) -> str:
    """Connect to a server, with TLS where its address says so; nothing is sent."""
    if place.proxy:
        return "behind a proxy: the first delivery will tell"
    parts = urlsplit(place.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname, port), place.connect_timeout_s) as plain:
            if parts.scheme == "http":
                return "answers on its port; plain http"
            return _greeted(place, plain, parts.hostname or "")
    except ssl.SSLError as error:
        raise SettingsError(unreached.why(error)) from error
    except OSError as error:
        raise DestinationBusy(f"cannot be reached: {unreached.why(error)}") from error


def stores(settings: Settings) -> Iterator[tuple[str, Callable[[], str]]]:
    """Name each place in an object store once, the common ones and a customer's own; try it."""
    if settings.s3.url:
        yield "object store", partial(listed, settings.s3)
    seen: set[Objects | ArchiveStore] = set()
    for name, own in (("all", settings), *settings.customers.items()):
        for what, place in (("objects", own.objects), ("archive store", own.archive_store)):
            if place.url and place not in seen:
                seen.add(place)
                yield f"{what} of {name}", partial(_answering, place)


def listed(place: ObjectStore) -> str:
    """Ask an object store for the first of its objects; none is read."""
    from img_ingestion import bucket  # noqa: PLC0415 (optional: requirements-s3.txt)

    with closing(bucket.opened(place)) as store:
        if {place.after, place.after_held} != {"tag"} and not store.keeps_versions():
            raise SettingsError("s3.after: move and delete need a bucket that keeps versions")
        some = any(True for _ in store.listed(place.prefix))
    return "answers; " + ("there are objects" if some else "nothing is there")


def _answering(place: Objects | ArchiveStore) -> str:
    """Ask where objects are put; to put one there for a try would leave one too many."""
    from img_ingestion import bucket  # noqa: PLC0415 (optional: requirements-s3.txt)

    with closing(bucket.opened(place)) as store:
        some = store.holds(place.prefix)
    found = {True: "there are objects", False: "nothing is there", None: "we may not list it"}
    return f"answers; {found[some]}; not tried: whether we may put objects there"


def _greeted(place: Endpoint, plain: socket.socket, host: str) -> str:
    context = ssl.create_default_context(cafile=place.ca_file or None)
    if place.client_cert:
        context.load_cert_chain(place.client_cert, place.client_key or None)
    with context.wrap_socket(plain, server_hostname=host) as secure:
        ends = str((secure.getpeercert() or {}).get("notAfter", ""))
        left = ssl.cert_time_to_seconds(ends) - time.time()
        if left < SOON_S:
            raise SettingsError(f"TLS: the certificate ends in {left / 86400:.0f} days")
        return f"{secure.version()}, certificate good for {left / 86400:.0f} days"
