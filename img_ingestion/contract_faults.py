"""What is wrong with a request or an answer, by the contract; the wall around openapi-core."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters

from img_ingestion.contract_file import JSON, UPLOAD, path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# openapi-core wants absolute addresses; the contract's own server is "/", so any host will do.
_HOST = "http://localhost"


_PLAIN = {
    "MediaTypeNotFound": "not said to be JSON",
    "MediaTypeDeserializeError": "no JSON",
    "ResponseNotFound": "a status that it does not have",
}
"""What openapi-core finds before it looks at the body."""


@dataclass(slots=True)
class _Request:
    """An upload, as openapi-core's protocol wants it: with parameters that can be set."""

    body: bytes | None
    content_type: str = JSON
    host_url: str = _HOST
    path: str = UPLOAD
    method: str = "post"
    parameters: RequestParameters = field(default_factory=RequestParameters)


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer, as openapi-core's protocol wants it."""

    status_code: int
    content_type: str
    data: bytes | None
    headers: Mapping[str, str] = field(default_factory=dict)


def of_request(body: bytes, content_type: str) -> str:
    """Say what is wrong with the body of an upload; empty when nothing is."""
    request = _Request(body=body, content_type=content_type)
    return _said(_contract().iter_request_errors(request))


def of_answer(status: int, content_type: str, body: bytes) -> str:
    """Say what is wrong with an answer to an upload; empty when nothing is."""
    answer = _Answer(status_code=status, content_type=content_type, data=body)
    return _said(_contract().iter_response_errors(_Request(body=None), answer))


@cache
def _contract() -> OpenAPI:
    return OpenAPI.from_file_path(str(path()))


def _said(errors: Iterable[Exception]) -> str:
    """Put errors into words without their messages: jsonschema's quote the values."""
    try:
        return "; ".join(dict.fromkeys(words for error in errors for words in _words(error)))
    except RecursionError:
        return "body: nested too deeply"


def _words(error: BaseException) -> list[str]:
    """Walk down to the schema's own errors, which know the place; else name the type."""
    inner = getattr(error, "schema_errors", None)
    if inner:
        return [f"{_place(each)}: {each.validator}" for each in inner]
    name = type(error).__name__
    return _words(error.__cause__) if error.__cause__ else [_PLAIN.get(name, name)]


def _place(error: object) -> str:
    """Give the place in the body, e.g. `images[0].width`."""
    steps: Iterable[str | int] = getattr(error, "absolute_path", ())
    said = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return said.lstrip(".") or "body"
