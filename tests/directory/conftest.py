"""A directory for each test, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from muster.directory.directory import Directory, Settings
from tests.directory.support import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> str:
    """Where the project's store would be."""
    if request.param == "sqlite":
        return "sqlite:///.muster/state.db"
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
def directory(store: str, tmp_path: Path, clock: Clock) -> Iterator[Directory]:
    with Directory.open(store, tmp_path, Settings("Acme", ("acme.example", "acme.test")), clock.now) as found:
        yield found


@pytest.fixture
def lite(tmp_path: Path, clock: Clock) -> Iterator[Directory]:
    """One on SQLite only, for what does not depend on the database."""
    settings = Settings("Acme", ("acme.example", "acme.test"))
    with Directory.open("sqlite:///.muster/state.db", tmp_path, settings, clock.now) as found:
        yield found
