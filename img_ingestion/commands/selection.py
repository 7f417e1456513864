"""Which files a pass takes, when the operator does not mean all of them."""

from __future__ import annotations

import time
from argparse import ArgumentTypeError
from typing import TYPE_CHECKING

from img_ingestion.home import customer_of
from img_ingestion.outcome import TAKEN
from img_ingestion.sources import walk

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator
    from pathlib import Path

    from img_ingestion.commands.told import Told
    from img_ingestion.home import Home


def arguments(parser: ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("--customer", metavar="NAME", help="take only this customer's files")
    parser.add_argument(
        "--min-age", type=seconds, metavar="SECONDS", help="leave younger files for later"
    )
    parser.add_argument(
        "--max-files", type=count, metavar="N", help="take N files at the most in a pass"
    )
    parser.add_argument(
        "--max-duration", type=seconds, metavar="SECONDS", help="end the pass after so long"
    )


def seconds(text: str) -> float:
    """Read a time: a number of seconds, not negative, up to a day."""
    number = float(text)
    if not 0 <= number <= 86400:  # noqa: PLR2004 (a day)
        raise ArgumentTypeError("not between 0 and 86400 seconds")
    return number


def count(text: str) -> int:
    """Read a number of files, at least one."""
    number = int(text)
    if number < 1:
        raise ArgumentTypeError("not 1 or more")
    return number


def files(home: Home, chosen: Namespace) -> list[Path] | None:
    """
    Give the files that are meant; None for all.

    Of what the folder holds: objects of a store are chosen by its own settings.
    """
    if chosen.files or not (chosen.customer or chosen.min_age):
        return chosen.files or None
    youngest = time.time() - (chosen.min_age or 0.0)
    return [
        home.local_dcm.joinpath(*seen.parts)
        for seen in walk.walked(home.local_dcm)
        if seen.stamp is not None
        and max(seen.stamp.mtime_ns, seen.stamp.ctime_ns) / 1e9 <= youngest
        and chosen.customer in {None, customer_of(seen.parts[0])}
    ]


def is_of_nobody(home: Home, chosen: Namespace) -> bool:
    """Tell whether the customer that is asked for has no folder: misspelt, as a rule."""
    return bool(chosen.customer) and not (home.local_dcm / chosen.customer).is_dir()


def limited(telling: Iterator[Told], chosen: Namespace) -> Iterator[Told]:
    """End after as many files as were asked for."""
    left = chosen.max_files
    for told in telling:
        yield told
        outcome = (told.values or {}).get("file")
        if left is not None and isinstance(outcome, dict) and outcome["outcome"] in TAKEN:
            left -= 1
            if not left:
                return
