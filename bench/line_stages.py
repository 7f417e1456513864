"""
One pass of a home by stage: `python bench/line_stages.py HOME` gives JSON, CPU ms a file.

The pass is the program's own, but that the maker works in this process, so that one clock sees
everything; handing over to a process apart is not in it. The doors of the stages are wrapped: a
stage has the time that is not of a stage within it. The clock starts with the second file: start-up
and imports are left out, but those of sending.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections import defaultdict
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from img_ingestion import cli, durable, making, outputs, render, shelves, unsynced, vault
from img_ingestion.commands import workers
from img_ingestion.deidentify import residue
from img_ingestion.destinations import backend, http_session
from img_ingestion.ledger import Deliveries, Ledger
from img_ingestion.review.audit import Trail
from img_ingestion.sources import folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from img_ingestion.deidentify import Policy
    from img_ingestion.instance import ReceivedInstance


class Clock:
    """CPU time by stage; a stage within another stops that one's clock."""

    def __init__(self) -> None:
        self.took: defaultdict[str, float] = defaultdict(float)
        self._running, self._since = ["rest"], time.process_time()

    def _tick(self) -> None:
        now = time.process_time()
        self.took[self._running[-1]] += now - self._since
        self._since = now

    def of(self, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """Give the same work, timed."""

        def timed(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever it is
            self._tick()
            self._running.append(stage)
            try:
                return work(*arguments, **named)
            finally:
                self._tick()
                self._running.pop()

        return timed

    def each(self, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """Give the same generator, timed."""

        def timed(*arguments: Any) -> Iterator[Any]:  # noqa: ANN401 - as above
            going = work(*arguments)
            ahead = self.of(stage, lambda: next(going, None))
            while (one := ahead()) is not None:
                yield one

        return timed

    def wrap(self, stage: str, owner: Any, *names: str) -> None:  # noqa: ANN401 - as above
        """Put the timed one in the place of each door."""
        for name in names:
            setattr(owner, name, self.of(stage, getattr(owner, name)))

    def from_the_second(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """Give the same work; when it begins the second time, forget what was."""
        begun = iter((False, True))

        def counted(*arguments: Any) -> Any:  # noqa: ANN401 - whatever it is
            if next(begun, False):
                self._tick()
                self.took.clear()
            return work(*arguments)

        return counted


class Here:
    """The maker, in this process."""

    def __init__(self, work: Callable[..., Any]) -> None:
        self._work, self._made = work, []
        self.whole, self.several = True, False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    @property
    def free(self) -> bool:
        """Tell whether nothing is in hand."""
        return not self._made

    def ready(self, timeout_s: float) -> bool:  # noqa: ARG002 - as the protocol has it
        """Tell whether something is made."""
        return bool(self._made)

    def begin(self, received: ReceivedInstance, policy: Policy) -> None:
        """Make it at once."""
        request = {
            "id": received.id,
            "customer": received.customer,
            "path": str(received.path),
            "sha256": received.sha256,
            "key": policy.key.hex(),
        }
        self._made.append((received.id, self._work(request, received.content)))

    def ended(self) -> Any:  # noqa: ANN401 - an answer
        """Give what was made."""
        return self._made.pop()


def wrapped(clock: Clock) -> None:
    """Wrap the doors."""
    arrival = clock.of("read", folder.Folder._arrival)  # noqa: SLF001 - a door of ours
    folder.Folder._arrival = clock.from_the_second(arrival)  # type: ignore[method-assign] # noqa: SLF001
    digest = SimpleNamespace(sha256=clock.of("hash", hashlib.sha256))
    folder.hashlib = digest  # type: ignore[assignment]
    clock.wrap("hash", outputs, "_digest", "sha256")
    clock.wrap("header", making.deidentify, "deidentify")
    clock.wrap("verify", residue, "check")
    # The package has a function of the same name.
    pictures = sys.modules["img_ingestion.render.pictures"]
    render.pictures = clock.each("render", render.pictures)
    clock.wrap("PNG", pictures, "png")
    clock.wrap("base64", outputs.pybase64, "b64encode")
    clock.wrap("write + fsync", durable, "stage", "place", "write", "move", "folder")
    clock.wrap("write + fsync", unsynced.Unsynced, "__exit__")
    clock.wrap("write + fsync", shelves.Shelves, "room", "free_name")
    clock.wrap("vault", vault.Vault, "remember")
    clock.wrap("ledger", Ledger, "known", "done", "enter", "archived", "contradicted", "waiting")
    clock.wrap("ledger", Deliveries, "bundled", "sent", "settle")
    clock.wrap("trail", Trail, "add")
    clock.wrap("payload", backend, "checked", "answer_fault")
    clock.wrap("POST", http_session.HttpSession, "post")


def main() -> None:
    """Print what each stage took."""
    home = Path(sys.argv[1])
    workers.chosen = lambda home, settings, recipe, _: Here(  # type: ignore[assignment]
        making.Maker(settings, recipe, shelves.Shelves(home)).work
    )
    clock = Clock()
    wrapped(clock)
    files = list((home / "local_dcm").rglob("*.dcm"))
    with redirect_stdout(StringIO()):
        status = cli.main(["--home", str(home)])
    if status:
        raise SystemExit(status)
    clock.of("rest", lambda: None)()
    each = {stage: took * 1000 / (len(files) - 1) for stage, took in clock.took.items()}
    print(json.dumps({"all": sum(each.values())} | dict(sorted(each.items()))))


if __name__ == "__main__":
    main()
