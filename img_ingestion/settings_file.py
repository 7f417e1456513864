"""Read `gateway.toml` and the environment into `Settings`, and name the line that is wrong."""

from __future__ import annotations

import os
import re
import tomllib
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from img_ingestion.endpoints import BELONGINGS, SECRETS
from img_ingestion.errors import SettingsError
from img_ingestion.settings import CustomerSettings, Settings
from img_ingestion.toml_lines import depth, line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_core import ErrorDetails

NAME = "gateway.toml"
SHIPPED = Path(__file__).resolve().parents[1] / "deid.dicom"
PREFIX = "IMG_INGESTION_"
HTTP = ("backend", "stow")
STORES = ("objects", "archive_store")
TOLD = (*HTTP, *STORES)
"""Sections of a customer's that say who we are to somebody."""
SECRET = (
    *product(HTTP, SECRETS),
    *product(("s3", *STORES), ("secret_key",)),
    ("ledger", "password"),
)

_PLAIN = {
    "extra_forbidden": "no such setting",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "string_pattern_mismatch": "is not of the form that the documentation gives",
}


def load(home: Path, config: Path | None = None) -> Settings:
    """
    Read what the operator chose: `config`, else the home's `gateway.toml`, else the defaults.

    The environment goes over the file, and a customer's own keys over both. A customer with
    a URL of its own does not inherit token, key, password or certificate: they would be told to
    a stranger.

    Raises
    ------
    SettingsError
        A file that is missing or no TOML, a key that does not exist or a value that is
        refused, with file and line. No value is quoted.

    """
    path = config or home / NAME
    text = _text(path) if config or path.exists() else ""
    written = _parsed(path, text)
    chosen = _with_customers(_merged(written, _environment()))
    if not chosen:
        # The defaults need no check, and what checks takes a tenth of an empty pass to make.
        return Settings.model_construct()
    try:
        return Settings.model_validate(chosen, context={"home": home})
    except ValidationError as error:
        raise SettingsError("\n".join(_said(path, text, written, error.errors()))) from None


def recipe_path(settings: Settings, home: Path) -> Path:
    """Give the path of the recipe: the home's own, else the one that ships with us."""
    own = home / settings.recipe
    return own if own.exists() or settings.recipe != SHIPPED.name else SHIPPED


def _text(path: Path) -> str:
    """Read a settings file as TOML wants it: UTF-8."""
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({type(error).__name__})") from None
    except UnicodeDecodeError as error:
        number = error.object.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{path}, line {number}: not UTF-8") from None


def _parsed(path: Path, text: str) -> dict[str, Any]:
    """Parse the file; refuse a secret in it."""
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        number = found[1] if found else text.rstrip().count("\n") + 1
        what = str(error).split(" (at ")[0]
        raise SettingsError(f"{path}, line {number}: not TOML: {what}") from None
    for above in ((), *(("customers", name) for name in _table(written, "customers"))):
        for section, key in SECRET:
            where = (*above, section, key)
            if depth(written, where) == len(where):
                raise SettingsError(
                    f"{path}, line {line(text, where)}: {'.'.join(where)}: a secret does not "
                    f"belong in this file; use {_variable(section, key)} or {key}_file"
                )
    return written


def _variable(*where: str) -> str:
    """Name the environment's variable of a key."""
    return PREFIX + "__".join(where).upper()


def _environment() -> dict[str, Any]:
    """Give the settings that the environment makes, as nested tables of text."""
    if not any(name.upper().startswith(PREFIX) for name in os.environ):
        return {}
    from img_ingestion import environment  # noqa: PLC0415 - pydantic-settings is slow to import

    known = set(Settings.model_fields) - {"customers"}
    for name in os.environ:
        section = name.removeprefix(PREFIX).split("__")[0].lower()
        if name.startswith(PREFIX) and section not in known:
            raise SettingsError(f"environment variable {name}: no such setting outside the file")
    return environment.chosen(PREFIX)


def _with_customers(chosen: dict[str, Any]) -> dict[str, Any]:
    """Complete each customer's sections with the common ones."""
    common = {key: chosen[key] for key in CustomerSettings.model_fields if key in chosen}
    customers = {
        name: _merged(_inherited(common, own), own)
        for name, own in _table(chosen, "customers").items()
    }
    return chosen | {"customers": customers} if customers else chosen


def _inherited(common: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Leave out who we are to the common addresses where the customer has its own."""
    left = dict(common)
    for section in TOLD:
        theirs = _table(own, section)
        secret = tuple(one for key in BELONGINGS if key in theirs for one in BELONGINGS[key])
        told = {key for one in secret for key in (one, f"{one}_file")}
        if section in common and told:
            left[section] = {k: v for k, v in _table(common, section).items() if k not in told}
    return left


def _merged(under: Any, over: Any) -> Any:  # noqa: ANN401 (parsed TOML)
    """Lay one table over another, key by key; anything but two tables is replaced."""
    if not (isinstance(under, dict) and isinstance(over, dict)):
        return over
    return under | {key: _merged(under.get(key), value) for key, value in over.items()}


def _table(parent: Any, key: str) -> dict[str, Any]:  # noqa: ANN401 (parsed TOML)
    """Give a table of a table, empty where there is none or it is no table."""
    found = parent.get(key) if isinstance(parent, dict) else None
    return found if isinstance(found, dict) else {}


def _said(
    path: Path, text: str, written: Mapping[str, Any], details: list[ErrorDetails]
) -> Iterator[str]:
    """Say what is wrong with each setting, and where it stands; never its value."""
    common = {detail["loc"] for detail in details}
    for detail in details:
        where = [str(part) for part in detail["loc"] if part != "[key]"]
        what = _PLAIN.get(detail["type"], detail["msg"].removeprefix("Value error, "))
        if where and detail["loc"][2:] in common:
            continue  # Inherited by a customer, and said of the common section already.
        # What our own validators say of a section begins with the key that is wrong.
        exactly = [*where, *what.split()[0].rstrip(":").split(".")]
        if variable := _blamed(written, where, exactly):
            yield f"environment variable {variable}: {what}"
        else:
            said = f"{'.'.join(where)}: {what}" if where else what
            yield f"{path}, line {line(text, exactly)}: {said}"


def _blamed(written: Mapping[str, Any], *keys: list[str]) -> str:
    """Name the variable that one of these keys comes from; empty where the file has them."""
    names = {name.upper() for name in os.environ}
    for key in keys:
        if depth(written, key) < len(key) and (variable := _variable(*key)) in names:
            return variable
    return ""
