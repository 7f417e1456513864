"""One gateway for all faults of a module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.gateway import gateway

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.gateway import Gateway


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Start the program that makes passes and is told how to fail."""
    with gateway(tmp_path_factory.mktemp("gateway")) as program:
        yield program
