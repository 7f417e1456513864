"""Send what is cleaned and waiting: the whole of `filetransfer.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from img_ingestion.commands import place
from img_ingestion.commands.run import concluded, delivered
from img_ingestion.ending import ending
from img_ingestion.ledger import Ledger
from img_ingestion.settings_file import load
from img_ingestion.tally import Tally

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from img_ingestion.commands.told import Telling

NAME = "send"
HELP = "send what waits; take no file"
DESCRIPTION = "Send what is cleaned and waiting to the backend. No customer's file is opened."
REPORTS = True


def arguments(parser: ArgumentParser) -> None:
    """Say what can be asked: nothing of its own."""
    del parser


def run(chosen: Namespace) -> Telling:
    """Send what waits; no customer's file is opened."""
    home, tally = place.home(chosen), Tally()
    settings = load(home.root, chosen.config)
    with ending() as end, place.turn(home), Ledger.open(home.state) as ledger:
        for told in delivered(settings, ledger, tally):
            yield told
            if end.asked():
                break
        status = yield from concluded(settings, ledger, tally)
        return end.status if end.signal else status
