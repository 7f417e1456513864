"""Check a recipe, say how much of the standard's table it covers, compare two."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from img_ingestion.commands import place
from img_ingestion.commands.told import DONE, UNFORESEEN, Told
from img_ingestion.errors import SettingsError
from img_ingestion.settings_file import load, recipe_path

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

    from img_ingestion.commands.told import Telling
    from img_ingestion.deidentify.recipe import Recipe
    from img_ingestion.settings import Profile

NAME = "recipe"
HELP = "check a recipe, its coverage, or what differs between two"
DESCRIPTION = """\
  recipe lint [FILE]       is every line understood, and by deid in the same way
  recipe coverage [FILE]   rows of Table E.1-1 without a line; lines that let more through; lines
                           that can never fire, and lines that conflict; also without a word
  recipe diff FILE [FILE]  what the second one does otherwise

Without a FILE, or for the second one of diff, the recipe in force is meant. A recipe that is wrong
ends with status 2 and names the lines; a diff that finds something ends with 1.
"""
REPORTS = True


def arguments(parser: ArgumentParser) -> None:
    """Say what can be asked."""
    choices = ("lint", "coverage", "diff")
    parser.add_argument("what", nargs="?", choices=choices, default="coverage")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")


def run(chosen: Namespace) -> Telling:
    """Read one or two recipes and say what is asked."""
    from img_ingestion.deidentify import recipe

    home = place.home(chosen)
    settings = load(home.root, chosen.config)
    most = 2 if chosen.what == "diff" else 1
    if len(chosen.files) > most or (chosen.what == "diff" and not chosen.files):
        raise SettingsError(f"recipe {chosen.what}: name {most} FILE at the most")
    paths = [*chosen.files, recipe_path(settings, home.root)][:most]
    read = [recipe.load(path) for path in paths]
    if chosen.what == "diff":
        lines = tuple(_differences(*read))
        yield Told(lines or ("no difference",), {"differences": lines})
        return UNFORESEEN if lines else DONE
    told = _linted if chosen.what == "lint" else _covered
    yield told(read[0], settings.profile)
    return DONE


def _linted(read: Recipe, _: Profile) -> Told:
    counts = f"{len(read.header)} header lines, {len(read.pixel_rules)} device rules, no fault"
    values = {"header": len(read.header), "rules": len(read.pixel_rules), "sha256": read.digest}
    return Told((*read.warnings, counts), {**values, "warnings": read.warnings})


def _covered(read: Recipe, options: Profile) -> Told:
    """Say where the profile decides, where the site does more or less, and what is in vain."""
    from img_ingestion.deidentify import recipe
    from img_ingestion.deidentify.language import reach

    found, weaker = recipe.coverage(read), recipe.weaker(read, options)
    lines = [f"{found.covered} of {found.rows} rows of Table E.1-1 have a line"]
    lines += [f"no line: {_named(tag)}" for tag in found.missing]
    lines += [f"lets more through: {_named(tag)}, line {read.header[tag].line}" for tag in weaker]
    idle = [str(fault) for fault in reach.idle(read.header.values(), read.pixel_rules)]
    disputes = [str(fault) for fault in reach.disputes(read.pixel_rules)]
    lines += [*idle, *disputes]
    values = {
        "rows": found.rows,
        "missing": [_notation(tag) for tag in found.missing],
        "weaker": [_notation(tag) for tag in weaker],
        "idle": idle,
        "disputes": disputes,
    }
    return Told(tuple(lines), values)


def _differences(one: Recipe, other: Recipe) -> Iterator[str]:
    """Say what the other recipe does otherwise, element by element and rule by rule."""
    for tag in sorted({*one.header, *other.header}):
        before, after = (_asked(each, tag) for each in (one, other))
        if before != after:
            yield f"{_named(tag)}: {before} -> {after}"
    rules = [
        {(rule.label, rule.verdict, rule.where): rule for rule in each.pixel_rules}
        for each in (one, other)
    ]
    for key in dict.fromkeys((*rules[0], *rules[1])):
        was, now = (each.get(key) for each in rules)
        if was is None or now is None:
            yield f"device rule {key[0]}: {'added' if was is None else 'removed'}"
        elif (was.hide, was.keep, was.hide_all) != (now.hide, now.keep, now.hide_all):
            yield f"device rule {key[0]}: other coordinates"


def _asked(read: Recipe, tag: int) -> str:
    rule = read.header.get(tag)
    return "as the profile asks" if rule is None else f"{rule.action} {rule.value}".strip()


def _notation(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _named(tag: int) -> str:
    from pydicom.datadict import keyword_for_tag

    return f"{_notation(tag)} {keyword_for_tag(tag)}".strip()
