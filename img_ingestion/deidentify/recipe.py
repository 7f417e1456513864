"""
The site's recipe, `deid.dicom`, compiled to a table; the wall around deid.

Our own strict reading (`language/`) and deid's parser must agree on every statement, or the recipe
is refused. Of deid only the parser runs: its executor leaves values behind.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from img_ingestion.deidentify import language, profile
from img_ingestion.deidentify.action import EXPOSURE
from img_ingestion.deidentify.language import HeaderRule
from img_ingestion.deidentify.language.agreement import check_agreement
from img_ingestion.deidentify.language.elements import FILE_META
from img_ingestion.deidentify.tables import rows
from img_ingestion.errors import SettingsError
from img_ingestion.settings import Profile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from img_ingestion.deidentify.pixels.rules import PixelRule

__all__ = ["Coverage", "HeaderRule", "Recipe", "compiled", "coverage", "load", "read", "weaker"]


class Recipe(NamedTuple):
    """What the site wants done, statement by statement."""

    header: Mapping[int, HeaderRule]
    pixel_rules: tuple[PixelRule, ...]
    digest: str
    """sha256 of the file, hexadecimal."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Say what an operator should know though nothing is wrong."""
        found = coverage(self)
        said = [
            f"line {self.header[tag].line}: lets more through than the Basic Profile with the "
            "default options"
            for tag in weaker(self, Profile())
        ]
        if found.missing:
            said.append(
                f"{found.covered} of {found.rows} rows of Table E.1-1 have a line; for the others "
                "the profile decides"
            )
        return tuple(said)


def load(path: Path, agreed: str = "") -> Recipe:
    """
    Read a recipe, and refuse one that deid would read only in part.

    Parameters
    ----------
    path : Path
        Of the recipe.
    agreed : str, optional
        Digest of one that deid was found to read as we do, and is not asked about again.

    Raises
    ------
    SettingsError
        Names the file, and each line that is at fault.

    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path} is no readable recipe: {type(error).__name__}") from error
    try:
        return read(content, agreed)
    except SettingsError as error:
        faults = (f"{path}, {fault}" for fault in str(error).splitlines())
        raise SettingsError("\n".join(faults)) from error


def read(content: bytes, agreed: str = "") -> Recipe:
    """Read a recipe from its bytes, as `load` does."""
    script, digest = language.read(content), hashlib.sha256(content).hexdigest()
    if digest != agreed:
        check_agreement(script, _as_deid_reads(content))
    return Recipe({rule.tag: rule for rule in script.header}, script.pixel_rules, digest)


def _as_deid_reads(content: bytes) -> Mapping[str, Any]:
    """
    Give deid's own parse of the same bytes.

    deid opens files in the coding of the locale, prints to stderr and leaves the process at a
    fault, so it gets a private copy in ASCII (only comments can lose by that), no terminal and no
    say over the process.
    """
    from deid.config.utils import load_deid  # noqa: PLC0415 - 50 ms that only a recipe is worth
    from deid.logger import bot  # noqa: PLC0415

    streams = bot.errorStream, bot.outputStream
    bot.errorStream = bot.outputStream = io.StringIO()
    try:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, "deid.dicom")
            copy.write_bytes(content.decode("utf-8").encode("ascii", "replace"))
            parsed: Mapping[str, Any] = load_deid(str(copy))
    except (SystemExit, Exception) as error:
        raise SettingsError(f"deid cannot read this recipe: {type(error).__name__}") from error
    finally:
        bot.errorStream, bot.outputStream = streams
    return parsed


def compiled(recipe: Recipe, options: Profile) -> dict[int, HeaderRule]:
    """
    Give the action for every row of Table E.1-1 and every other element the site names.

    A line that says what the shipped recipe says leaves the decision to the options in force; a
    line that the site changed wins; a row that the recipe leaves out has what the profile asks.

    Returns
    -------
    dict
        By tag; repeating rows by what `profile.row_of` gives.

    """
    shipped = profile.actions(Profile())
    table = dict(recipe.header)
    for tag, asked in profile.actions(options).items():
        rule = recipe.header.get(tag)
        if rule is None or rule.action is shipped[tag]:
            table[tag] = HeaderRule(tag, asked, line=rule.line if rule else 0)
    return table


def weaker(recipe: Recipe, options: Profile) -> tuple[int, ...]:
    """
    Find the tags where a line of the site lets more through than the profile asks.

    With one of them the result no longer conforms to the Basic Profile with these options, and
    nothing may claim so.
    """
    asked = profile.actions(options)
    return tuple(
        tag
        for tag, rule in sorted(compiled(recipe, options).items())
        if tag in asked and EXPOSURE.get(rule.action, 0) > EXPOSURE.get(asked[tag], 0)
    )


class Coverage(NamedTuple):
    """How much of Table E.1-1 a recipe has a line for."""

    rows: int
    """Rows that can stand in a data set: not those of commands and file meta information."""
    missing: tuple[int, ...]
    """Tags of rows without a line; the profile decides there."""

    @property
    def covered(self) -> int:
        """Rows with a line."""
        return self.rows - len(self.missing)


def coverage(recipe: Recipe) -> Coverage:
    """Count the rows of Table E.1-1 that the recipe speaks about."""
    standing = [tag for tag in rows() if tag >> 16 not in {0x0000, FILE_META}]
    return Coverage(len(standing), tuple(tag for tag in standing if tag not in recipe.header))
