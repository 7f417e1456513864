"""Find the line of a TOML file that sets a key: tomllib keeps no line numbers."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def depth(table: Mapping[str, Any], where: Sequence[str]) -> int:
    """Count how many parts of a key's path a parsed file has."""
    found: Any = table
    for count, part in enumerate(where):
        if not isinstance(found, dict) or part not in found:
            return count
        found = found[part]
    return len(where)


def line(text: str, where: Sequence[str]) -> int:
    """
    Give the line, from 1, that first sets a key, or the nearest table above it.

    Each beginning of a good file that ends with a whole statement is a good file itself,
    and the first one that has the key ends with the statement that sets it.

    Parameters
    ----------
    text : str
        A whole file that tomllib can parse.
    where : sequence of str
        The key's path, e.g. `("customers", "north", "pixels", "policy")`.

    """
    lines = text.split("\n")
    wanted = where[: depth(tomllib.loads(text), where)]
    start = 1
    for end in range(1, len(lines) + 1):
        try:
            table = tomllib.loads("\n".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue
        if depth(table, wanted) == len(wanted):
            break
        start = end + 1
    return start
