"""A read that takes too long is ended, and told so in Graph's form."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from muster.directory.applications import Application
from muster.directory.directory import Directory, Settings
from muster.server.graph.call import Answer, Call, Request, Route
from muster.server.graph.dispatch import Caller, Dispatcher
from muster.server.graph.routing import Router

FOREVER = "WITH RECURSIVE up (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up) SELECT COUNT(*) FROM up"
CALLER = Caller(Application("a", "a", "a", ("User.Read.All",), 0), "https://x/v1.0", "1", "1")


@pytest.fixture(params=["sqlite", "postgres"])
def directory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Directory]:
    sqlite = request.param == "sqlite"
    store = "sqlite:///.muster/state.db" if sqlite else request.getfixturevalue("postgres_url")
    with Directory.open(store, tmp_path, Settings("Acme", ("acme.example",))) as found:
        yield found


def test_a_read_that_takes_too_long_is_a_timeout(directory: Directory) -> None:
    def endless(call: Call) -> Answer:
        return Answer(200, str(call.work.session.value(FOREVER)))

    def quick(call: Call) -> Answer:
        time.sleep(0.3)
        return Answer(200, str(call.work.session.value("SELECT 1")))

    routes = [
        Route("GET", name, work, ("User.Read.All",)) for name, work in {"endless": endless, "quick": quick}.items()
    ]
    dispatcher = Dispatcher(directory, Router(routes), patience=0.2)
    answer = dispatcher.answer(Request("GET", "endless", "", {}, None), CALLER)
    assert answer.status == 504
    assert isinstance(answer.body, dict)
    assert "looks at every object" in answer.body["error"]["message"]
    # The connection is as good as before.
    assert dispatcher.answer(Request("GET", "quick", "", {}, None), CALLER).body == "1"
