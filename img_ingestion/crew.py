"""Processes apart on this machine, each with one file: what dies or hangs costs that one."""

from __future__ import annotations

import select
from math import ceil, inf
from typing import TYPE_CHECKING, Self

from img_ingestion import seclusion
from img_ingestion.apart import SOONEST_S, Apart
from img_ingestion.errors import InstanceError

if TYPE_CHECKING:
    from img_ingestion.apart import Words, Work
    from img_ingestion.deidentify import Policy
    from img_ingestion.instance import ReceivedInstance
    from img_ingestion.protocols import Answer


class Crew:
    """
    Some processes apart.

    Parameters
    ----------
    work : callable
        What each of them does with a request and its bytes.
    size : int, optional
        How many there are; each is forked when it is first needed.

    """

    def __init__(self, work: Work, size: int = 1) -> None:
        self._idle = [Apart(work) for _ in range(size)]
        self._busy: dict[Apart, str] = {}

    def __enter__(self) -> Self:
        seclusion.keep_memory()
        return self

    def __exit__(self, *error: object) -> None:
        for apart in (*self._idle, *self._busy):
            apart.__exit__(*error)

    @property
    def free(self) -> bool:
        """Tell whether another file can be begun."""
        return bool(self._idle)

    @property
    def whole(self) -> bool:
        """Tell whether nobody is gone unseen: here each end is seen, and told."""
        return True

    @property
    def several(self) -> bool:
        """Tell whether there is more than one."""
        return len(self._idle) + len(self._busy) > 1

    def ready(self, timeout_s: float) -> bool:
        """Tell, within so long, whether somebody has ended, died, or run out of time."""
        return bool(self._busy) and self._next(timeout_s) is not None

    def begin(self, received: ReceivedInstance, policy: Policy) -> None:
        """Hand a file to whoever is free."""
        apart = self._idle.pop()
        self._busy[apart] = received.id
        apart.begin(_request(received, policy), received.content, policy.settings.limits)

    def ended(self) -> tuple[str, Answer]:
        """Wait for the file that ends next, well, by its time limit, or with its process."""
        apart = self._next() or min(self._busy, key=lambda apart: apart.left_s)
        one = self._busy.pop(apart)
        self._idle.append(apart)
        try:
            return one, apart.answer()
        except InstanceError as error:
            return one, {"error": error.code, "reason": str(error), "gone": True}

    def _next(self, timeout_s: float = inf) -> Apart | None:
        """Wait for whoever answers, dies, or runs out of time first; None: nobody, so far."""
        first = min(self._busy, key=lambda apart: apart.left_s)
        waiting, whose = select.poll(), dict[int, Apart]()
        for apart in self._busy:
            if apart.fileno() < 0:
                return apart
            whose[apart.fileno()] = apart
            waiting.register(apart, select.POLLIN)
        ready = waiting.poll(ceil(min(first.left_s, timeout_s) * 1000))
        if ready:
            return whose[ready[0][0]]
        return first if first.left_s <= SOONEST_S else None


def _request(received: ReceivedInstance, policy: Policy) -> Words:
    """Give what goes beside a file's bytes."""
    return {
        "id": received.id,
        "customer": received.customer,
        "path": str(received.path),
        "sha256": received.sha256,
        "key": policy.key.hex(),
    }
