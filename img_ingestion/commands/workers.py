"""Who cleans: processes on this machine, or the workers of a cluster."""

from __future__ import annotations

import os
from argparse import ArgumentTypeError
from importlib.util import find_spec
from typing import TYPE_CHECKING

from img_ingestion.errors import SettingsError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from img_ingestion.deidentify.recipe import Recipe
    from img_ingestion.home import Home
    from img_ingestion.protocols import Workers
    from img_ingestion.settings import Settings


def arguments(parser: ArgumentParser) -> None:
    """Say what can be asked."""
    who = parser.add_mutually_exclusive_group()
    who.add_argument(
        "--workers",
        type=count,
        default=1,
        metavar="N",
        help="clean N files at a time on this machine; auto: one for each core (default: 1)",
    )
    who.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="let the workers of a Dask cluster clean (tls://HOST:PORT)",
    )


def count(text: str) -> int:
    """Read a number of processes."""
    number = len(os.sched_getaffinity(0)) if text == "auto" else int(text)
    if number < 1:
        raise ArgumentTypeError("not auto, nor 1 or more")
    return number


def chosen(home: Home, settings: Settings, recipe: Recipe, asked: Namespace) -> Workers:
    """
    Give those who clean in this pass.

    Raises
    ------
    SettingsError
        A cluster is asked for that cannot be spoken to.

    """
    if asked.dask:
        if find_spec("distributed") is None:
            raise SettingsError("--dask needs distributed; pip install -r requirements-dask.txt")
        if asked.dry_run:
            raise SettingsError("--dask: a dry run cleans on this machine")
        from img_ingestion.cluster import Cluster

        return Cluster(asked.dask, home, asked.config, settings.dask)
    from img_ingestion.crew import Crew
    from img_ingestion.making import Maker
    from img_ingestion.shelves import Shelves

    return Crew(Maker(settings, recipe, Shelves(home, asked.dry_run)).work, asked.workers)
