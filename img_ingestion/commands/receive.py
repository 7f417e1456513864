"""Receive instances by C-STORE into `local_dcm` until the end is asked for."""

from __future__ import annotations

import time
from dataclasses import asdict
from importlib.util import find_spec
from typing import TYPE_CHECKING

from img_ingestion.commands import place
from img_ingestion.commands.told import Told
from img_ingestion.ending import ending
from img_ingestion.errors import SettingsError
from img_ingestion.lock import only_run
from img_ingestion.settings_file import load

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

    from img_ingestion.commands.told import Telling
    from img_ingestion.receiver import Receiver, Visit
    from img_ingestion.receiver.doorway import Doorway

NAME = "receive"
HELP = "receive instances from scanners and archives by C-STORE"
DESCRIPTION = """\
Listen for DICOM associations and write each instance into local_dcm/CUSTOMER/, where the next pass
takes it. Who may send, and whose images they are, is said in [receiver] of the settings. Success is
answered when an instance is safe on the disk. After SIGTERM or Ctrl-C associations may still end.
"""
REPORTS = True
LOCK = "receiver.lock"
LOOK_EVERY_S = 0.2


def arguments(parser: ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("--port", type=int, help="listen here (default: receiver.port)")


def run(chosen: Namespace) -> Telling:
    """Receive until the end is asked for."""
    if find_spec("pynetdicom") is None:
        raise SettingsError("receive needs pynetdicom; pip install -r requirements-dicom.txt")
    from img_ingestion.receiver import Receiver
    from img_ingestion.receiver.part10_file import sweep

    home = place.home(chosen)
    settings = load(home.root, chosen.config)
    home.prepare()
    receiver = Receiver(home, settings)
    with ending() as end, only_run(home.state, LOCK):
        sweep(home, set(settings.receiver.titles.values()))
        with receiver.opened(chosen.port) as door:
            door.timeout = LOOK_EVERY_S
            where = f"{door.server_address[0]}:{door.server_address[1]}"
            yield Told((f"listening at {where}",), {"listening": where})
            while not end.asked():
                door.handle_request()
                yield from _told(receiver.ended())
            door.server_close()
            yield from _told(_drained(receiver, door, settings.receiver.drain_s))
    return end.status


def _drained(receiver: Receiver, door: Doorway, patience_s: float) -> Iterator[Visit]:
    """Let associations end; abort those that do not."""
    until = time.monotonic() + patience_s
    while door.active_associations and time.monotonic() < until:
        time.sleep(LOOK_EVERY_S)
        yield from receiver.ended()
    for association in door.active_associations:
        association.abort()
        association.join(LOOK_EVERY_S)
    yield from receiver.ended()


def _told(visits: Iterator[Visit]) -> Iterator[Told]:
    """Say how associations went: no title and no name of a stranger's choice."""
    for visit in visits:
        if visit.rejected:
            line = f"Rejected...... {visit.peer}: {visit.rejected}"
            yield Told((line,), {"rejected": asdict(visit)})
        elif visit.stored or visit.refused:
            images = f"{visit.stored} instance{'' if visit.stored == 1 else 's'}"
            refused = f", {visit.refused} refused: no room, or too large" if visit.refused else ""
            line = f"Received...... {visit.customer} {images} from {visit.peer}{refused}"
            yield Told((line,), {"received": asdict(visit)})
