"""One server for all tests that can share it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.agents.live import Company


@pytest.fixture(scope="session")
def company() -> Iterator[Company]:
    with Company() as server:
        yield server
