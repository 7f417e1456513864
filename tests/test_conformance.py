"""The statement of conformance says what the program does, today."""

from __future__ import annotations

from tools.make_conformance import PAGE, page


def test_the_statement_of_conformance_is_current() -> None:
    assert PAGE.read_text("utf-8") == page(), "run python tools/make_conformance.py"
