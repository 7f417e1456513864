"""gateway_bundle.yaml against the contract as we were told it, and against OpenAPI itself."""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from openapi_spec_validator import OpenAPIV30SpecValidator

from img_ingestion import contract, contract_faults, contract_file
from tests.delivering import SERIES, STUDY, fields

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REQUIRED = {
    "Upload": {"study", "series", "images"},
    "Study": {"studyInstanceUid", "accessionNumber", "patientId"},
    "Series": {"seriesInstanceUid"},
    "Image": {*fields(), "data"},
}


@pytest.fixture(scope="module")
def bundle() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(contract.path().read_text())
    return loaded


def body(**image: object) -> bytes:
    images = [{**fields(), "data": "AAAA", **image}]
    return json.dumps({"study": STUDY, "series": SERIES, "images": images}).encode()


def test_the_bundle_is_valid_openapi_3_0_0(bundle: dict[str, Any]) -> None:
    OpenAPIV30SpecValidator(bundle).validate()
    assert bundle["openapi"] == "3.0.0"
    assert bundle["info"]["title"] == "Annalise Backend API"
    assert bundle["info"]["version"] == "1.0.0"


def test_the_one_operation_is_the_upload_of_images(bundle: dict[str, Any]) -> None:
    assert list(bundle["paths"]) == [contract.UPLOAD]
    operation = bundle["paths"][contract.UPLOAD]["post"]
    assert operation["operationId"] == "uploadImage"
    assert operation["tags"] == ["Images"]
    assert operation["requestBody"]["required"] is True
    assert list(operation["requestBody"]["content"]) == [contract.JSON]
    assert list(operation["responses"]) == ["200", "400", "500"]


@pytest.mark.parametrize(("schema", "words"), REQUIRED.items())
def test_what_is_required_is_required(bundle: dict[str, Any], schema: str, words: set[str]) -> None:
    assert set(bundle["components"]["schemas"][schema]["required"]) == words


def test_the_bundle_says_what_the_contract_page_says(bundle: dict[str, Any], shared: Path) -> None:
    page = shared / "data" / "backend_contract.md"
    if not page.exists():
        pytest.skip("there is no contract page beside this project")
    rows = re.findall(r"^\| (\S+) \| (.+?) \| (yes|no) \|", page.read_text(), re.MULTILINE)
    assert len(rows) == 18
    for path, kind, required in rows:
        found, is_required = looked_up(bundle, path)
        assert is_required == (required == "yes"), path
        assert found.get("type") == (None if "not given" in kind else said_type(kind)), path
        assert found.get("minimum") == said_minimum(kind), path
        pattern = re.search(r"pattern `(.+?)`", kind)
        assert found.get("pattern") == (pattern and pattern[1]), path
        words = re.search(r"one of (.+)", kind)
        assert found.get("enum") == (words and words[1].split(", ")), path


def looked_up(bundle: dict[str, Any], path: str) -> tuple[dict[str, Any], bool]:
    """Walk a path such as `images[].width` from the request body; follow references."""
    schemas = bundle["components"]["schemas"]
    at, required = schemas["Upload"], False
    for step in re.findall(r"\w+|\[\]", path):
        required = step in at.get("required", ())
        at = at["items"] if step == "[]" else at["properties"][step]
        at = schemas[at["$ref"].rsplit("/", 1)[1]] if "$ref" in at else at
    return at, required


def said_type(kind: str) -> str:
    return re.split(r"[ ,]", kind)[0]


def said_minimum(kind: str) -> int | None:
    minimum = re.search(r"minimum (\d+)", kind)
    return int(minimum[1]) if minimum else None


def test_a_body_that_keeps_the_contract_has_no_fault() -> None:
    assert contract.request_fault(body()) == ""


@pytest.mark.parametrize(
    ("image", "fault"),
    [
        ({"rescaleSlope": 1.5}, "images[0].rescaleSlope: type"),
        ({"rescaleSlope": 0}, "images[0].rescaleSlope: minimum"),
        ({"rescaleSlope": "1"}, "images[0].rescaleSlope: type"),
        ({"highBit": 0}, "images[0].highBit: minimum"),
        ({"bitsAllocated": 1}, "images[0].bitsAllocated: minimum"),
        ({"height": 0}, "images[0].height: minimum"),
        ({"photometricInterpretation": "MONOCHROME3"}, "images[0].photometricInterpretation: enum"),
        ({"data": None}, "images[0].data: type"),
    ],
)
def test_a_fault_names_the_place_and_the_rule_and_no_value(
    image: dict[str, object], fault: str
) -> None:
    assert contract.request_fault(body(**image)) == fault


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_upload_is_a_fault_and_no_crash(text: bytes) -> None:
    assert contract.request_fault(text)


@pytest.mark.parametrize(
    ("status", "content_type", "answer"),
    [
        (200, "text/html", b"<html>"),
        (200, "application/json", b'{"succ'),
        (200, "application/json", b""),
        (200, "application/json", b"[]"),
        (200, "application/json", b'{"success": "no"}'),
        (200, "application/json", b"[" * 60_000),
        (204, "application/json", b'{"success": "ok"}'),
    ],
)
def test_an_answer_of_another_kind_is_a_fault(
    status: int, content_type: str, answer: bytes
) -> None:
    assert contract.answer_fault(status, content_type, answer)


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8"])
def test_ok_in_the_contracts_words_is_no_fault(kind: str) -> None:
    assert contract.answer_fault(200, kind, b'{"success": "ok"}') == ""


WRONG = [None, True, "", "058Y\n", "x", -1, 0, 1, 7, 8, 1.5, 1.0, 10**400, [], {}, [None], {"a": 1}]


def places(value: object, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Give the way to everything in a body."""
    yield at
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*at, name))
    if isinstance(value, list):
        for number, inner in enumerate(value):
            yield from places(inner, (*at, number))


def changed(at: tuple[str | int, ...], wrong: object) -> bytes:
    """Give a body with something else in one place, or, for `...`, nothing."""
    whole = {"": json.loads(body())}
    whole[""]["study"]["patientAge"] = "058Y"
    inner: Any = whole
    for step in ("", *at)[:-1]:
        inner = inner[step]
    if wrong is ...:
        del inner[("", *at)[-1]]
    else:
        inner[("", *at)[-1]] = wrong
    return json.dumps(whole.get("")).encode()


def test_what_openapi_core_finds_is_found_without_it_too() -> None:
    whole = json.loads(body())
    whole["study"]["patientAge"] = "058Y"
    found = 0
    for at in places(whole):
        for wrong in (..., *WRONG):
            text = changed(at, wrong)
            fault = contract_faults.of_request(text, contract.JSON)
            assert contract.request_fault(text) == fault, (at, wrong)
            found += bool(fault)
    assert found > 200


@pytest.mark.parametrize("status", [200, 204, 400, 404, 500])
@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "", "text/html"]
)
@pytest.mark.parametrize(
    "text",
    [
        b'{"success":"ok"}',
        b'{"success":"OK"}',
        b'{"status":"a","message":"b"}',
        b"{}",
        b'{"status":1}',
    ],
)
def test_answers_are_judged_as_openapi_core_does(status: int, kind: str, text: bytes) -> None:
    assert contract.answer_fault(status, kind, text) == contract_faults.of_answer(
        status, kind, text
    )


def test_what_plainly_keeps_the_contract_needs_no_openapi_core(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(contract_faults, "of_request")
    monkeypatch.delattr(contract_faults, "of_answer")
    assert contract.request_fault(body()) == ""
    assert contract.answer_fault(200, "application/json", b'{"success": "ok"}') == ""


@pytest.mark.parametrize(
    "rule",
    [
        {"maximum": 9},
        {"nullable": True},
        {"additionalProperties": False},
        {"oneOf": []},
        {"$ref": "#/a~1b"},
    ],
)
def test_a_schema_that_is_written_otherwise_is_left_to_openapi_core(
    monkeypatch: pytest.MonkeyPatch, rule: dict[str, object], bundle: dict[str, Any]
) -> None:
    other = copy.deepcopy(bundle)
    other["components"]["schemas"]["Image"]["properties"]["height"] |= rule
    monkeypatch.setattr(contract_file, "bundle", lambda: other)
    asked: list[bytes] = []
    monkeypatch.setattr(contract_faults, "of_request", lambda text, _: asked.append(text))
    contract.request_fault(body())
    assert asked
