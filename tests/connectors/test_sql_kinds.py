"""SQL: columns of PostgreSQL's own types, each written among many rows and as the only one."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster.connectors.sql import SqlConnector
from muster.model.changes import Action, Change, Result
from muster.model.values import Document
from tests.connectors.databases import Database, objects
from tests.connectors.sessions import written

IDS = [f"6f9619ff-8b86-d011-b42d-00cf4fc964f{n}" for n in range(4)]
TABLES = """
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE DOMAIN document AS jsonb;
CREATE TABLE thing (id uuid PRIMARY KEY, mood mood, host inet UNIQUE, data json, more document, tags text[],
  code char(5), big numeric(40), pay numeric(9, 2), photo bytea, seen timestamptz, born date, "odd % :name" text);
CREATE TABLE address (thing uuid, address inet, PRIMARY KEY (thing, address));
"""
LISTS = {"addresses": {"table": "address", "owner": "thing", "value": "address"}}


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    made = Database(request.getfixturevalue("postgres_url"), tmp_path)
    made.run(TABLES)
    return made


@pytest.fixture
def things(database: Database) -> SqlConnector:
    return database.connector(thing={"table": "thing", "anchor": "id", "lists": LISTS})


def thing(n: int) -> Document:
    return {
        "id": IDS[n],
        "mood": "good",
        "host": f"10.0.0.{n}",
        "data": '{"n": 1}',
        "more": '["a"]',
        "tags": ["x", "y"],
        "code": "ab",
        "big": 10**30,
        "pay": 1234.5,
        "photo": "/9j/",
        "seen": "2026-01-31T17:00:00Z",
        "born": "1990-01-31",
        "odd % :name": "50 %",
        "addresses": ["10.1.0.1", "10.1.0.2"],
    }


def create(*numbers: int) -> list[Change]:
    return [Change(n, "thing", Action.CREATE, IDS[n], thing(n)) for n in numbers]


def results(made: SqlConnector, *changes: Change) -> set[Result]:
    return {outcome.result for outcome in written(made, *changes).values()}


def test_they_are_created_and_read_back(things: SqlConnector) -> None:
    assert results(things, *create(0, 1, 2)) == {Result.DONE}
    assert results(things, *create(3)) == {Result.DONE}
    assert {anchor: item.values for anchor, item in objects(things, "thing").items()} == {
        IDS[n]: {**thing(n), "code": "ab   "} for n in range(4)
    }
    assert results(things, *create(0, 1, 2, 3)) == {Result.EXISTS}


def test_they_are_updated_and_deleted(things: SqlConnector, database: Database) -> None:
    written(things, *create(0, 1, 2, 3))
    new: Document = {**thing(0), "mood": "bad", "data": '{"n": 2}', "tags": ["z"], "addresses": ["10.1.0.2"]}
    del new["id"], new["host"]
    for numbers in ((0, 1, 2), (3,)):
        updates = [Change(n, "thing", Action.UPDATE, IDS[n], new, expected={"mood": "good"}) for n in numbers]
        assert results(things, *updates) == {Result.DONE}
    assert {anchor: item.values for anchor, item in objects(things, "thing").items()} == {
        IDS[n]: {**thing(n), **new, "code": "ab   "} for n in range(4)
    }
    for numbers in ((0, 1, 2), (3,)):
        assert results(things, *(Change(n, "thing", Action.DELETE, IDS[n]) for n in numbers)) == {Result.DONE}
    for table in ("thing", "address"):
        assert database.rows(f"SELECT COUNT(*) FROM {table}") == [(0,)]


def test_they_are_found_and_what_none_can_hold_is_not(things: SqlConnector) -> None:
    written(things, *create(0, 1, 2))
    with things:
        for wanted in ({"host": "10.0.0.2", "mood": "good"}, {"addresses": "10.1.0.1", "host": "10.0.0.2"}):
            assert [item.anchor for item in things.find("thing", wanted)] == [IDS[2]]
        assert list(things.find("thing", {"host": "no address"})) == []
        assert things.get("thing", "no uuid") is None


def test_a_key_that_the_database_does_not_keep_unique_is_not_created_twice(database: Database) -> None:
    database.run("CREATE TABLE loose (id uuid, name text)")
    made = database.connector(loose={"table": "loose", "anchor": "id"})
    assert results(made, *(Change(n, "loose", Action.CREATE, IDS[n], {}) for n in (0, 1))) == {Result.DONE}
    outcomes = written(made, *(Change(n, "loose", Action.CREATE, IDS[n], {}) for n in (0, 1, 2)))
    assert [outcomes[n].result for n in range(3)] == [Result.EXISTS, Result.EXISTS, Result.DONE]


def test_a_value_that_is_none_of_its_kind_is_refused_and_the_others_are_written(things: SqlConnector) -> None:
    changes = create(0, 1, 2)
    changes[1].values["host"] = "no address"
    outcomes = written(things, *changes)
    assert [outcomes[n].result for n in range(3)] == [Result.DONE, Result.REJECTED, Result.DONE]
    assert outcomes[1].reason == 'invalid input syntax for type inet: "no address"'
