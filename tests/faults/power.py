"""Cut the power: what the disk has at that moment is all that is left."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.faults.gateway import home_at, mounted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from img_ingestion.home import Home
    from tests.faults.gateway import Gateway, Ran

SIZE = "48M"


@contextmanager
def cut(gateway: Gateway, scratch: Path, url: str, inject: str = "") -> Iterator[tuple[Ran, Home]]:
    """
    Make a pass on an ext4 of its own, copy its blocks, and give the home that the copy holds.

    Nothing reaches the blocks by time alone: the journal is committed when somebody asks for it.
    """
    disk, copy, place = scratch / "disk", scratch / "copy", scratch / "mounted"
    disk.unlink(missing_ok=True)
    _do("truncate", "-s", SIZE, str(disk))
    _do("mkfs.ext4", "-q", "-F", str(disk))
    with mounted(place, "-o", "loop,commit=300", str(disk)):
        home = home_at(place / "home", url)
        _do("sync", "-f", str(place))
        ran = gateway.run(home, inject)
        _do("cp", "--sparse=always", str(disk), str(copy))
    with mounted(place, "-o", "loop", str(copy)):
        yield ran, home


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
