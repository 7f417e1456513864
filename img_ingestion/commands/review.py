"""Serve the review page on loopback until the end is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from img_ingestion.commands import place
from img_ingestion.commands.told import DONE, Told
from img_ingestion.ending import ending
from img_ingestion.settings_file import load

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from img_ingestion.commands.told import Telling

NAME = "review"
HELP = "look at what is held in a browser, and decide"
DESCRIPTION = """\
Serve a page on this machine only: what is held and why, before and after, frame by frame. Accept,
reject, draw what is to be hidden, and make that a rule for the device. The address that is printed
is good once. The page shows patients. Ctrl-C ends it.
"""
REPORTS = True
LOOPBACK = "127.0.0.1"
LOOK_EVERY_S = 0.2


def arguments(parser: ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("--port", type=int, default=0, help="of loopback (default: a free one)")


def run(chosen: Namespace) -> Telling:
    """Serve until the end is asked for."""
    from werkzeug.serving import make_server

    from img_ingestion.review.desk import Desk
    from img_ingestion.review.site import Asked, Site

    home = place.home(chosen)
    settings = load(home.root, chosen.config)
    home.prepare()
    site = Site(Desk(home, settings), "")
    with ending() as end:
        server = make_server(LOOPBACK, chosen.port, site, request_handler=Asked)
        site.host, server.timeout = f"{LOOPBACK}:{server.port}", LOOK_EVERY_S
        try:
            url = f"http://{site.host}/?token={site.token}"
            yield Told((f"open {url}",), {"url": url})
            while not end.asked():
                server.handle_request()
        finally:
            server.server_close()
    return DONE
