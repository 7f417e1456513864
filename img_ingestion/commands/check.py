"""Look whether everything that a pass needs is there and works."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from img_ingestion import turns
from img_ingestion.commands import place
from img_ingestion.commands.told import DONE, UNFORESEEN, Told
from img_ingestion.settings_file import load, recipe_path

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from img_ingestion.commands.told import Telling

NAME = "check"
HELP = "look whether everything that a pass needs is there and works"
DESCRIPTION = """\
Look at folders, file systems, a durable write, free space, recipe, codecs, text detector, keys,
the archive's keys, the contract, the backends' TLS, and walk the line with a synthetic image.
Nothing is sent, no customer's file is opened, and what is written is removed. Status 1 if something
is not right.
"""
REPORTS = True


def arguments(parser: ArgumentParser) -> None:
    """Say what can be asked: nothing of its own."""
    del parser


def run(chosen: Namespace) -> Telling:
    """Look at one thing after the other."""
    from img_ingestion.review.doctor import Doctor

    home, wrong = place.home(chosen), 0
    settings = load(home.root, chosen.config)
    with turns.turn(home, settings.ledger):
        for one in Doctor(home, settings, recipe_path(settings, home.root)).findings():
            wrong += not one.fine
            yield Told(
                (f"{'ok' if one.fine else 'NOT OK':<8}{one.name}: {one.detail}",), asdict(one)
            )
    return UNFORESEEN if wrong else DONE
