"""SQL: bad rows found among many, generated keys, statements of one's own, a server that dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from muster.connectors.kit.guard import Guard
from muster.model.changes import Action, Change, Result
from muster.model.values import Document
from tests.connectors.databases import ACCOUNT, Database, SqlSubject, create, update
from tests.connectors.sessions import until_broken, written


@pytest.fixture
def subject(database: Database) -> SqlSubject:
    return SqlSubject(database)


def test_bad_rows_in_a_large_batch_are_found_and_all_others_are_written(subject: SqlSubject) -> None:
    subject.add(7)
    bad: dict[int, Document] = {
        3: {"age": 999},
        5: {"name": None},
        9: {"born": "yesterday"},
        11: {"mail": "user7@acme.example"},
        13: {"naem": "x"},
    }
    changes = [create(n, **{**subject.sample(n), **bad.get(n, {})}) for n in range(1, 1_501)]
    for change in changes:
        del change.values["aliases"]
    outcomes = written(subject.database.connector(account=ACCOUNT), *changes)
    by_result = {result: {k for k, o in outcomes.items() if o.result is result} for result in Result}
    assert by_result[Result.REJECTED] == {3, 5, 9, 13}
    assert by_result[Result.EXISTS] == {7, 11}
    assert outcomes[11].anchor == "user7", "the one that has the unique value already"
    assert len(by_result[Result.DONE]) == 1_494
    assert subject.database.rows("SELECT COUNT(*) FROM account") == [(1_495,)]
    assert "999" not in outcomes[3].reason, "the reason does not show what was written"
    assert "Did you mean 'name'" in outcomes[13].reason
    assert "expected a date" in outcomes[9].reason


def test_lists_of_many_rows_are_written_and_a_bad_one_does_not_harm_the_others(subject: SqlSubject) -> None:
    made = subject.database.connector(account=ACCOUNT)
    subject.database.run("INSERT INTO alias VALUES ('user3', 'left over'), ('nobody', 'alias3')")
    created = written(made, *(create(n, login=f"user{n}", name="x", aliases=["all", f"own{n}"]) for n in range(9)))
    assert {outcome.result for outcome in created.values()} == {Result.DONE}
    outcomes = written(
        made,
        Change(1, "account", Action.UPDATE, "user1", {"aliases": ["new", "own1"]}),
        Change(2, "account", Action.UPDATE, "user2", {"aliases": None}),
        Change(3, "account", Action.UPDATE, "user3", add={"aliases": ["own3", "plus"]}, remove={"aliases": ["all"]}),
        Change(4, "account", Action.UPDATE, "ghost", add={"aliases": ["plus"]}),
        Change(5, "account", Action.UPDATE, "user5", {"title": "T", "aliases": ["root"]}),
        Change(6, "account", Action.UPDATE, "user6", {"title": "T"}, add={"aliases": ["plus"]}),
        Change(7, "account", Action.DELETE, "user7"),
        Change(8, "account", Action.DELETE, "user8"),
    )
    assert (outcomes.pop(4).result, outcomes.pop(5).result) == (Result.GONE, Result.REJECTED)
    assert {outcome.result for outcome in outcomes.values()} == {Result.DONE}
    held: dict[str, set[str]] = {}
    for login, alias in subject.database.rows("SELECT login, alias FROM alias"):
        held.setdefault(login, set()).add(alias)
    assert held == {
        "user0": {"all", "own0"},
        "user1": {"new", "own1"},
        "user3": {"left over", "own3", "plus"},
        "user4": {"all", "own4"},
        "user5": {"all", "own5"},
        "user6": {"all", "own6", "plus"},
        "nobody": {"alias3"},
    }
    assert subject.database.rows("SELECT login FROM account WHERE title = 'T'") == [("user6",)]


def test_updates_of_rows_that_are_not_there_are_gone_and_the_others_are_done(subject: SqlSubject) -> None:
    for n in range(1, 20):
        subject.add(n)
    changes = [update(n, f"user{n}" if n % 5 else f"ghost{n}", title="T") for n in range(1, 20)]
    outcomes = written(subject.database.connector(account=ACCOUNT), *changes)
    assert {k for k, o in outcomes.items() if o.result is Result.GONE} == {5, 10, 15}
    assert subject.database.rows("SELECT COUNT(*) FROM account WHERE title = 'T'") == [(16,)]


def test_a_batch_takes_a_few_statements_whatever_the_number_of_rows(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    subject = SqlSubject(Database(request.getfixturevalue("postgres_url"), tmp_path))
    made = subject.database.connector(account=ACCOUNT)
    ran: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        ran.append(statement)

    with made:
        made.schema()
        event.listen(Engine, "before_cursor_execute", note)
        try:
            for action in (Action.CREATE, Action.UPDATE, Action.DELETE):
                values: Document = {} if action is Action.DELETE else {"name": "x", "aliases": ["all", action.value]}
                changes = [Change(n, "account", action, f"user{n}", values) for n in range(1_000)]
                assert {outcome.result for outcome in made.write(changes)} == {Result.DONE}
        finally:
            event.remove(Engine, "before_cursor_execute", note)
    assert len(ran) < 25, ran


def test_a_row_that_refers_to_a_later_one_of_its_batch_is_written(database: Database) -> None:
    database.run(
        "CREATE TABLE dept (id VARCHAR(9) PRIMARY KEY, parent VARCHAR(9) REFERENCES dept (id), note VARCHAR(9))"
        if database.kind != "mariadb"
        else "CREATE TABLE dept (id VARCHAR(9) PRIMARY KEY, parent VARCHAR(9), note VARCHAR(9), "
        "FOREIGN KEY (parent) REFERENCES dept (id))"
    )
    made = database.connector(dept={"table": "dept", "anchor": "id"})
    changes = [
        Change(1, "dept", Action.CREATE, "a", {"parent": None}),
        Change(2, "dept", Action.CREATE, "b", {"parent": "c"}),
        Change(3, "dept", Action.CREATE, "c", {"note": "top"}),
    ]
    assert {outcome.result for outcome in written(made, *changes).values()} == {Result.DONE}


def test_a_generated_key_is_answered_and_a_taken_unique_value_names_its_row(database: Database) -> None:
    serial = {
        "sqlite": "INTEGER PRIMARY KEY",
        "postgresql": "INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        "mariadb": "INTEGER AUTO_INCREMENT PRIMARY KEY",
    }[database.kind]
    database.run(f"CREATE TABLE person (id {serial}, mail VARCHAR(40) NOT NULL UNIQUE)")
    made = database.connector(person={"table": "person", "anchor": "id"})
    with made:
        schema = made.schema().types["person"]
    assert (schema.assigned, schema.attributes["id"].writable) == (True, "never")
    outcomes = written(made, *(Change(n, "person", Action.CREATE, None, {"mail": f"{n}@x"}) for n in (1, 2, 3)))
    assert [(o.result, o.anchor, o.values) for o in outcomes.values()] == [
        (Result.DONE, str(n), {"id": n}) for n in (1, 2, 3)
    ]
    mails = ["4@x", "2@x", None, "5@x", "3@x", "6@x"]
    outcomes = written(made, *(Change(n, "person", Action.CREATE, None, {"mail": m}) for n, m in enumerate(mails)))
    assert [(outcomes[n].result, outcomes[n].anchor) for n in (1, 4)] == [(Result.EXISTS, "2"), (Result.EXISTS, "3")]
    assert outcomes[2].result is Result.REJECTED
    assert {str(row[0]): row[1] for row in database.rows("SELECT id, mail FROM person WHERE id > 3")} == {
        outcomes[n].anchor: mails[n] for n in (0, 3, 5)
    }
    with made:
        found = made.get("person", "2")
        assert found is not None
        assert found.values == {"id": 2, "mail": "2@x"}
        assert made.get("person", "no number") is None


def test_an_anchor_that_the_database_does_not_keep_unique_is_not_created_twice(lite: Database) -> None:
    lite.run("CREATE TABLE account (login TEXT, name TEXT)")
    made = lite.connector(account={"table": "account", "anchor": "login"})
    assert written(made, create(1, login="a"), create(2, login="b"))[2].result is Result.DONE
    outcomes = written(made, create(1, login="a"), create(2, login="c"))
    assert [outcomes[1].result, outcomes[2].result] == [Result.EXISTS, Result.DONE]


def test_statements_of_ones_own_write_instead(lite: Database) -> None:
    lite.run("CREATE TABLE account (login TEXT PRIMARY KEY, name TEXT, gone INTEGER DEFAULT 0)")
    made = lite.connector(
        account={
            "table": "account",
            "anchor": "login",
            "where": "gone = 0",
            "insert": "INSERT INTO account (login, name) VALUES (:login, UPPER(:name))",
            "update": "UPDATE account SET name = LOWER(:name) WHERE login = :login",
            "delete": "UPDATE account SET gone = 1 WHERE login = :login",
        }
    )
    assert written(made, create(1, login="a", name="Ann"))[1].result is Result.DONE
    assert lite.rows("SELECT login, name FROM account") == [("a", "ANN")]
    assert written(made, update(1, "a", name="Bob"))[1].result is Result.DONE
    assert written(made, Change(1, "account", Action.DELETE, "a"))[1].result is Result.DONE
    assert written(made, Change(1, "account", Action.DELETE, "a"))[1].result is Result.GONE
    assert lite.rows("SELECT name, gone FROM account") == [("bob", 1)]


def test_a_server_that_dies_while_it_is_written_ends_the_session(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    database = Database(request.getfixturevalue("postgres_url"), tmp_path)
    subject = SqlSubject(database)

    def feed() -> Iterator[Change]:
        for n in range(1, 1_002):
            yield create(n, login=f"user{n}", name="x")
        database.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                     "AND datname = current_database()")  # fmt: skip
        for n in range(1_002, 1_010):
            yield create(n, login=f"user{n}", name="x")

    answered = until_broken(subject.open(), feed())
    by_result = {result: len([one for one in answered if one.result is result]) for result in Result}
    assert (by_result[Result.DONE], by_result[Result.RETRY]) == (1_000, 9)


@pytest.mark.parametrize(
    ("limit", "said"),
    [("max_page_count = 5", "database or disk is full"), ("query_only = 1", "attempt to write a readonly database")],
)
def test_a_database_file_that_takes_no_writes_has_all_or_nothing_of_a_batch_and_says_why(
    lite: Database, limit: str, said: str
) -> None:
    lite.run("CREATE TABLE account (login TEXT PRIMARY KEY, name TEXT); INSERT INTO account VALUES ('old', 'x')")
    changes = [create(n, login=f"user{n}", name="x" * 400) for n in range(1, 101)]
    changes.append(update(101, "old", name="y"))
    with limited(limit):
        outcomes = written(lite.connector(account={"table": "account", "anchor": "login"}), *changes)
    assert {outcome.result for outcome in outcomes.values()} == {Result.RETRY}
    assert lite.rows("SELECT login, name FROM account") == [("old", "x")]
    for outcome in outcomes.values():
        assert f"app.db and its folder: {said}. Look whether there is room" in outcome.reason


@contextmanager
def limited(pragma: str) -> Iterator[None]:
    """Every SQLite database that is opened meanwhile has this limit."""

    def connected(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA {pragma}")

    event.listen(Engine, "connect", connected)
    try:
        yield
    finally:
        event.remove(Engine, "connect", connected)


def test_leavers_are_switched_off_even_where_another_value_of_their_row_is_refused(database: Database) -> None:
    database.run(
        "CREATE TABLE badge (id VARCHAR(9) PRIMARY KEY, active BOOLEAN NOT NULL, mail VARCHAR(40) UNIQUE, "
        "age INTEGER CHECK (age < 200))"
    )
    made = database.connector(badge={"table": "badge", "anchor": "id", "enabled": "active"})
    hired: dict[int, Document] = {n: {"id": f"b{n}", "enabled": True, "mail": f"{n}@x"} for n in (1, 2, 3, 4)}
    written(made, *(Change(n, "badge", Action.CREATE, f"b{n}", {**values}) for n, values in hired.items()))
    wrong: dict[str, Document] = {"b1": {"age": 999}, "b2": {"mail": "4@x"}, "b3": {"age": 40}}
    leaving = [
        Change(n, "badge", Action.DISABLE, badge, {"enabled": False, **values})
        for n, (badge, values) in enumerate(wrong.items(), 1)
    ]
    with Guard(made, system="app") as guard:
        outcomes = {outcome.key: outcome for outcome in guard.write(leaving)}
    assert [outcomes[n].result for n in (1, 2, 3)] == [Result.REJECTED, Result.REJECTED, Result.DONE]
    assert [outcomes[n].written for n in (1, 2, 3)] == [{"enabled": False}, {"enabled": False}, {}]
    rows = database.rows("SELECT id, active, mail, age FROM badge ORDER BY id")
    assert [(row[0], bool(row[1]), *row[2:]) for row in rows] == [
        ("b1", False, "1@x", None),
        ("b2", False, "2@x", None),
        ("b3", False, "3@x", 40),
        ("b4", True, "4@x", None),
    ]


def test_a_number_that_the_column_cannot_hold_is_refused_and_the_others_are_written(database: Database) -> None:
    database.run("CREATE TABLE counted (login VARCHAR(9) PRIMARY KEY, n BIGINT)")
    made = database.connector(counted={"table": "counted", "anchor": "login"})
    changes = [
        Change(n, "counted", Action.CREATE, f"u{n}", {"login": f"u{n}", "n": number})
        for n, number in enumerate((1, 1 << 63, (1 << 63) - 1))
    ]
    outcomes = written(made, *changes)
    assert [outcomes[n].result for n in range(3)] == [Result.DONE, Result.REJECTED, Result.DONE]
