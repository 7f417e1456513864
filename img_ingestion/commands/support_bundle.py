"""Write what support needs to see, without a patient in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from img_ingestion import durable, turns
from img_ingestion.commands import place
from img_ingestion.commands.told import DONE, Told
from img_ingestion.settings_file import load, recipe_path

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from img_ingestion.commands.told import Telling

NAME = "support-bundle"
HELP = "write versions, switches, counts and codes for support, without a patient"
DESCRIPTION = """\
Write one file for support: versions, settings without texts and secrets, counts, codes, reasons
and the latest audit records without names. No image, no header value, no file name, no customer's
name goes in. Have a look before you send it: it is a gzipped tar of JSON.
"""
REPORTS = True


def arguments(parser: ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("out", type=place.out, metavar="OUT", help="e.g. support.tar.gz")


def run(chosen: Namespace) -> Telling:
    """Write the bundle."""
    from img_ingestion.deidentify import recipe
    from img_ingestion.review.bundle import Bundle

    home = place.home(chosen)
    settings = load(home.root, chosen.config)
    site = recipe.load(recipe_path(settings, home.root))
    with turns.ledger(home, settings.ledger, rehearsing=True) as ledger:
        content = Bundle(ledger, settings, site).written()
    durable.write(chosen.out, content)
    yield Told((f"{len(content)} bytes written",), {"bytes": len(content)})
    return DONE
