"""The contract's file: where it is, and what in it is ours to keep; the wall around PyYAML."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

NAME = "gateway_bundle.yaml"
UPLOAD = "/v1/images/upload"
JSON = "application/json"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The fast one, where PyYAML was built with libyaml."""


def path() -> Path:
    """Give the contract's file: beside the package in a checkout, inside it when installed."""
    here = Path(__file__).resolve().parent
    inside = here / NAME
    return inside if inside.is_file() else here.parent / NAME


@cache
def bundle() -> dict[str, Any]:
    """Read the contract."""
    loaded: dict[str, Any] = yaml.load(path().read_bytes(), LOADER)  # noqa: S506 (a safe one)
    return loaded
