"""
Workers of a Dask cluster: they share the home, are told which file, and answer in words.

No pixel travels unless the file lies where they cannot see it. A worker that is killed costs
nothing: the scheduler gives its files to another one.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Self

from distributed import CancelledError, Client, Security, wait

from img_ingestion.errors import SettingsError, StorageError
from img_ingestion.far import cleaned

if TYPE_CHECKING:
    from pathlib import Path

    from distributed import Future

    from img_ingestion.cluster_access import Dask
    from img_ingestion.deidentify import Policy
    from img_ingestion.home import Home
    from img_ingestion.instance import ReceivedInstance
    from img_ingestion.protocols import Answer

AHEAD = 2
"""Files that are begun for each thread of the cluster: one at work, one that waits for it."""


class Cluster:
    """
    The workers of a Dask cluster.

    Parameters
    ----------
    address : str
        Of the scheduler: `tls://HOST:PORT`; `tcp://` on this machine only.
    home : Home
        Mounted at the same place on every worker.
    config : Path or None
        The settings file, if it is not the home's own; there, too, at the same place.
    access : Dask
        How the cluster is spoken to.

    Raises
    ------
    SettingsError
        On entry: the scheduler does not answer, or has no workers.

    """

    def __init__(self, address: str, home: Home, config: Path | None, access: Dask) -> None:
        self._address, self._access = address, access
        self._where = str(home.root.absolute()), str(config.absolute()) if config else ""
        self._begun: dict[Future, tuple[ReceivedInstance, Policy]] = {}
        self._client: Client | None = None
        self._window = 0
        self._present: set[str] = set()

    def __enter__(self) -> Self:
        try:
            self._client = Client(
                self._address,
                security=_security(self._address, self._access),
                timeout=self._access.patience_s,
                set_as_default=False,
            )
            self._client.wait_for_workers(1, timeout=self._access.patience_s)
            threads = self._client.nthreads()
        except (OSError, TimeoutError, ValueError) as error:
            self.__exit__()
            raise SettingsError("--dask: no scheduler, or no worker of it, answers") from error
        self._present = set(threads)
        self._window = AHEAD * sum(threads.values())
        return self

    @property
    def _open(self) -> Client:
        if self._client is None:
            raise StorageError("the Dask cluster is closed")
        return self._client

    def __exit__(self, *error: object) -> None:
        if self._client is not None:
            self._client.close(timeout=self._access.patience_s)
            self._client = None

    @property
    def free(self) -> bool:
        """Tell whether another file can be begun."""
        return len(self._begun) < self._window

    @property
    def whole(self) -> bool:
        """Tell whether all who were there at the beginning still are."""
        return self._present <= set(self._open.nthreads())

    def begin(self, received: ReceivedInstance, policy: Policy) -> None:
        """Have a file cleaned by the one who is free first."""
        self._submit(received, policy, b"")

    def ended(self) -> tuple[str, Answer]:
        """
        Wait for the file that ends next.

        Raises
        ------
        StorageError
            The scheduler is gone; what was begun is begun again by the next pass.

        """
        future = self._next()
        received, policy = self._begun.pop(future)
        if future.status == "error":
            # Of the scheduler: the file took too many workers with it. Or nobody's plan.
            kind = type(future.exception()).__name__
            return received.id, {"error": "NotDecoded", "reason": f"in the cluster: {kind}"}
        answer: Answer = future.result()
        if answer.get("absent"):
            self._submit(received, policy, received.content)
            return self.ended()
        return received.id, answer

    def _submit(self, received: ReceivedInstance, policy: Policy, content: bytes) -> None:
        asked = {
            "id": received.id,
            "customer": received.customer,
            "path": str(received.path.absolute()),
            "sha256": received.sha256,
            "version": policy.version,
        }
        future = self._open.submit(cleaned, self._where, asked, content, pure=False)
        self._begun[future] = received, policy

    def _next(self) -> Future:
        with suppress(CancelledError), self._open.as_current():
            wait(list(self._begun), return_when="FIRST_COMPLETED")
        done = [future for future in self._begun if future.status in {"finished", "error"}]
        if not done:
            raise StorageError("the Dask scheduler is gone")
        return done[0]


def _security(address: str, access: Dask) -> Security | None:
    """Give the certificates; none on this machine, where nothing leaves it."""
    if address.startswith("tls://"):
        if not (access.ca_file and access.certificate):
            raise SettingsError("--dask tls://: dask.ca_file and dask.certificate are needed")
        return Security(
            tls_ca_file=access.ca_file,
            tls_client_cert=access.certificate,
            tls_client_key=access.certificate_key or access.certificate,
            require_encryption=True,
        )
    if not address.startswith(("tcp://127.", "tcp://localhost:", "tcp://[::1]")):
        raise SettingsError("--dask: tls://HOST:PORT, or tcp://127.0.0.1:PORT")
    return None
