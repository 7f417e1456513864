"""
Whether a request or an answer keeps the backend's contract.

What plainly keeps it is told here, by a walk through the schema as it stands in the contract's
file. A value that does not, a keyword or a way to write a schema that is not known here: of all
that openapi-core is asked, which has the last word, and words for what is wrong. It takes longer
to import than a picture to clean, and to look at a body.
"""

from __future__ import annotations

import json
import re
from functools import reduce
from operator import getitem
from typing import TYPE_CHECKING, Any

from img_ingestion import contract_file
from img_ingestion.contract_file import JSON, UPLOAD, path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Rule = Callable[[Any, Any], bool]

__all__ = ["JSON", "UPLOAD", "answer_fault", "path", "request_fault"]

_PLAIN = (JSON, f"{JSON}; charset=utf-8")
_POST = ("paths", UPLOAD, "post")
_SCHEMA = ("content", JSON, "schema")


def request_fault(body: bytes, content_type: str = JSON) -> str:
    """
    Say what is wrong with the body of an upload; empty when it keeps the contract.

    Names places and rules, e.g. `images[0].rescaleSlope: minimum`, never a value.
    """
    if content_type in _PLAIN and _plainly_kept(body, *_POST, "requestBody", *_SCHEMA):
        return ""
    from img_ingestion import contract_faults  # noqa: PLC0415 (see above)

    return contract_faults.of_request(body, content_type)


def answer_fault(status: int, content_type: str, body: bytes) -> str:
    """Say what is wrong with an answer to an upload; empty when it keeps the contract."""
    if content_type in _PLAIN and _plainly_kept(body, *_POST, "responses", str(status), *_SCHEMA):
        return ""
    from img_ingestion import contract_faults  # noqa: PLC0415 (as above)

    return contract_faults.of_answer(status, content_type, body)


def _plainly_kept(body: bytes, *where: str) -> bool:
    """Tell whether a JSON text plainly keeps the schema that stands there."""
    try:
        return _keeps(json.loads(body), reduce(getitem, where, contract_file.bundle()))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False


def _keeps(value: object, schema: Mapping[str, Any]) -> bool:
    if "$ref" in schema:
        _, *steps = schema["$ref"].split("/")
        return _keeps(value, reduce(getitem, steps, contract_file.bundle()))
    return all(_RULES[keyword](value, rule) for keyword, rule in schema.items())


def _type(value: object, name: str) -> bool:
    return isinstance(value, _TYPES[name]) and not isinstance(value, bool)


def _properties(value: Mapping[str, object], schemas: Mapping[str, Any]) -> bool:
    return all(_keeps(value[name], schemas[name]) for name in value.keys() & schemas.keys())


_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
}
_RULES: Mapping[str, Rule] = {
    "type": _type,
    "required": lambda value, names: value.keys() >= set(names),
    "properties": _properties,
    "items": lambda value, schema: all(_keeps(one, schema) for one in value),
    "enum": lambda value, words: isinstance(value, str) and value in words,
    "minimum": lambda value, least: value >= least,
    "pattern": lambda value, pattern: re.search(pattern, value) is not None,
    # Every number that JSON brings here is one.
    "format": lambda value, name: name == "double" and _type(value, "number"),
    "description": lambda *_: True,
    "example": lambda *_: True,
}
"""What is looked at, by keyword; another one raises a KeyError, and so is not plain."""
