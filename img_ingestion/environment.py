"""The settings as variables, e.g. `IMG_INGESTION_BACKEND__TOKEN`; imported where there is one."""

from __future__ import annotations

from typing import Any

from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as Unreadable

from img_ingestion.errors import SettingsError
from img_ingestion.settings import Settings


class _Environment(BaseSettings, Settings):
    """The same settings, as pydantic-settings wants them."""

    model_config = SettingsConfigDict(env_nested_delimiter="__")


def chosen(prefix: str) -> dict[str, Any]:
    """
    Give the settings that the environment makes, as nested tables of text.

    Raises
    ------
    SettingsError
        A table that is no JSON.

    """
    source = EnvSettingsSource(_Environment, env_prefix=prefix)
    try:
        return dict(source())
    except Unreadable:
        raise SettingsError(f"environment variable {prefix}...: must be JSON") from None
