"""
Workers of a Dask cluster: they share the home, are told which file, and answer in words.

No pixel travels unless the file lies where they cannot see it. A worker that is killed costs
nothing: the scheduler gives its files to another one.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Self

from distributed import CancelledError, Client, KilledWorker, Security, wait

from img_ingestion.errors import SettingsError, StorageError
from img_ingestion.far import cleaned, introduced

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
GONE = "the Dask scheduler is gone"
AGAIN_S = 5.0
"""How often it is asked who is there: workers come and go."""


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
        On entry: the scheduler does not answer, has no workers, or one that is of no use here.

    """

    def __init__(self, address: str, home: Home, config: Path | None, access: Dask) -> None:
        self._address, self._access = address, access
        self._where = str(home.root.absolute()), str(config.absolute()) if config else ""
        self._begun: dict[Future, tuple[ReceivedInstance, Policy]] = {}
        self._done: SimpleQueue[Future] = SimpleQueue()
        self._first: Future | None = None
        self._client: Client | None = None
        self._window = 0
        self._counted_at = 0.0
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
            self._present = set(self._counted())
            self._meet()
        except (OSError, TimeoutError, ValueError, StorageError) as error:
            self.__exit__()
            raise SettingsError("--dask: no scheduler, or no worker of it, answers") from error
        except SettingsError:
            self.__exit__()
            raise
        return self

    def _meet(self) -> None:
        """See, before a file is touched, that all who are there can clean it."""
        where, client = self._where[0], self._open
        ours = introduced(where)
        asked = [
            client.submit(introduced, where, workers=[one], pure=False) for one in self._present
        ]
        with client.as_current():
            wait(asked, timeout=self._access.patience_s)
        if any(one.status != "finished" for one in asked):
            raise SettingsError(
                "--dask: the scheduler or a worker does not have this program; it needs the folder "
                "of ingestion.py in its PYTHONPATH, and requirements.txt installed"
            )
        for version, home in client.gather(asked):
            if version != ours[0]:
                raise SettingsError("--dask: a worker has another version of this program")
            if home != ours[1]:
                raise SettingsError("--dask: a worker does not have this home at the same place")

    def _counted(self) -> dict[str, int]:
        """Give the threads of each worker, and begin as many files as suits them."""
        try:
            threads: dict[str, int] = self._open.nthreads()
        except (OSError, TimeoutError) as error:
            raise StorageError(GONE) from error
        self._window, self._counted_at = AHEAD * sum(threads.values()), time.monotonic()
        return threads

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
        if time.monotonic() - self._counted_at > AGAIN_S:
            self._counted()
        return len(self._begun) < self._window

    @property
    def whole(self) -> bool:
        """Tell whether all who were there at the beginning still are."""
        return self._present <= set(self._counted())

    @property
    def several(self) -> bool:
        """Tell whether others go on while one has ended: a cluster is there for that."""
        return True

    def ready(self, timeout_s: float) -> bool:
        """Tell, within so long, whether `ended` will not have to wait."""
        if self._first is None and self._begun:
            with suppress(Empty):
                self._first = self._done.get(timeout=timeout_s)
        return self._first is not None

    def begin(self, received: ReceivedInstance, policy: Policy) -> None:
        """Have a file cleaned by the one who is free first."""
        self._submit(replace(received, content=b""), received, policy)

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
            return received.id, _failed(future)
        try:
            answer: Answer = future.result(timeout=self._access.patience_s)
        except (CancelledError, OSError, TimeoutError) as error:
            raise StorageError(GONE) from error
        if answer.get("absent"):
            self._submit(received, received, policy)
            return self.ended()
        return received.id, answer

    def _submit(self, told: ReceivedInstance, received: ReceivedInstance, policy: Policy) -> None:
        # As an instance: what a worker's log says of its tasks has neither path nor content.
        told = replace(told, path=told.path.absolute())
        future = self._open.submit(cleaned, self._where, told, policy.version, pure=False)
        self._begun[future] = received, policy
        future.add_done_callback(self._done.put)

    def _next(self) -> Future:
        """Wait for a file, as long as there is somebody who works."""
        while True:
            try:
                future = self._first or self._done.get(timeout=self._access.patience_s)
            except Empty:
                if not self._counted():
                    raise StorageError("the Dask cluster has no worker any more") from None
                continue
            self._first = None
            if future.status not in {"finished", "error"}:
                raise StorageError(GONE)
            return future


def _failed(future: Future) -> Answer:
    """
    Say why the cluster did not clean a file: it took too many workers with it.

    Raises
    ------
    SettingsError
        Anything else is no fault of the file: what our program says of one is an answer.

    """
    error = future.exception()
    if isinstance(error, KilledWorker):
        return {"error": "NotDecoded", "reason": "in the cluster: it took too many workers with it"}
    raise SettingsError(
        "--dask: a worker that came later does not have this program, or cannot run it "
        f"({type(error).__name__})"
    )


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
