"""Explain one file: what it is, what would change and why, what would be said of it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from img_ingestion.commands import place
from img_ingestion.commands.told import DONE, HELD, Told
from img_ingestion.errors import SettingsError
from img_ingestion.settings_file import load, recipe_path

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

    from img_ingestion.commands.told import Telling
    from img_ingestion.review.explain import Explanation

NAME = "explain"
HELP = "say what would become of one file, and why; change nothing"
DESCRIPTION = """\
Say what one file is, every element that would change and the line or row behind it, what is
hidden in its pixels, whether it would be sent or held, and what the backend would be told.

Nothing is sent, and nothing written but OUT. Values are not shown: their kind and size are.
"""
REPORTS = True


def arguments(parser: ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("file", type=Path, metavar="FILE", help="any file, anywhere")
    parser.add_argument("--customer", metavar="NAME", help="whose settings (default: by folder)")
    parser.add_argument("--html", type=place.out, metavar="OUT", help="write one page as well")
    parser.add_argument(
        "--show-values", action="store_true", help="show values, on a terminal only: PHI"
    )


def run(chosen: Namespace) -> Telling:
    """Explain a file; status 3 when it would be held."""
    from img_ingestion import durable
    from img_ingestion.deidentify import recipe
    from img_ingestion.review import explain
    from img_ingestion.review.explanation_page import explanation_page

    if chosen.show_values and not sys.stdout.isatty():
        raise SettingsError("--show-values: only on a terminal, and this is none")
    if not chosen.file.is_file():
        raise SettingsError("FILE: there is no such file")
    home = place.home(chosen)
    settings = load(home.root, chosen.config)
    site = recipe.load(recipe_path(settings, home.root))
    customer = chosen.customer or explain.whose(chosen.file, home)
    case = explain.case(chosen.file, customer, home, settings, site)
    found = explain.explained(case)
    if found.outcome == "held":
        found = replace(found, regions=explain.hidden(case))
    if chosen.html:
        durable.write(chosen.html, explanation_page(found))
    yield Told(tuple(_lines(found, shown=chosen.show_values)), _values(found))
    return HELD if found.outcome == "held" else DONE


def _lines(found: Explanation, *, shown: bool) -> Iterator[str]:
    from img_ingestion.review.regions import box, distinct, on, why

    yield f"customer        {found.customer or 'none: the common settings'}"
    for name, value in found.what.items():
        yield f"{name:<16}{value}"
    if found.outcome == "held":
        yield f"outcome         held at {found.step}, {found.code}: {found.reason}"
    else:
        yield "outcome         would be sent"
    for region in distinct((*found.regions, *found.kept)):
        state, reason = why(region).split(": ", 1)
        yield f"{state:<16}{box(region)} on {on(region)}: {reason}"
    for one in found.changes:
        yield f"{one.place} {one.keyword}: {one.before} -> {one.after} [{one.rule}]"
        if shown:
            yield f"    {one.old!r} -> {one.new!r}"
    if found.payload:
        yield json.dumps(found.payload, indent=2)


def _values(found: Explanation) -> dict[str, object]:
    """Give what can be said of it to a program: no value of the original."""
    from img_ingestion.review.regions import why

    masked = ("place", "keyword", "before", "after", "rule")
    changes = [{name: getattr(one, name) for name in masked} for one in found.changes]
    regions, kept = (
        [{**one._asdict(), "frames": sorted(one.frames), "why": why(one)} for one in these]
        for these in (found.regions, found.kept)
    )
    left_out = {"changes", "regions", "kept", "pictures"}
    plain = {
        name: getattr(found, name) for name in found.__dataclass_fields__ if name not in left_out
    }
    return {**plain, "changes": changes, "regions": regions, "kept": kept}
