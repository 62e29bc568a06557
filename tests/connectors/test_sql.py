"""SQL: the kit on three databases; deltas, conditions, what is not in the database."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import psycopg
import pymysql.cursors
import pytest
from sqlalchemy import Engine, event

from muster.connectors.kit.check import Check
from muster.connectors.kit.conformance import CHECKS
from muster.model.changes import Action, Change, Result
from muster.model.errors import IncompleteRead, ProjectError, Unreachable, WatermarkExpired
from tests.connectors.databases import ACCOUNT, Database, SqlSubject, create, objects, pages, update
from tests.connectors.sessions import keep, written


@pytest.fixture
def subject(database: Database) -> SqlSubject:
    return SqlSubject(database)


LACKS = {
    "it has no secret",
    "it does not set passwords",
    "its read cannot be broken on purpose",
    "its objects have no other name",
}
"""Why some checks of the kit do not apply here. Any other reason is a check that got lost."""


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_keeps_the_promise(check: Check, subject: SqlSubject) -> None:
    keep(check, subject, LACKS)


def test_a_table_that_tells_no_changes_is_read_whole(lite: Database) -> None:
    lite.run("CREATE TABLE account (login TEXT PRIMARY KEY)")
    made = lite.connector(account={"table": "account", "anchor": "login"})
    with pytest.raises(WatermarkExpired, match="Read everything"):
        pages(made, since=pages(made)[-1].watermark)


def test_rows_of_a_view_with_the_same_anchor_are_problems(database: Database) -> None:
    database.run(
        "CREATE TABLE job (login VARCHAR(9), title VARCHAR(9)); CREATE VIEW person AS SELECT login, title FROM job"
    )
    database.run("INSERT INTO job VALUES ('a', 'x'), ('b', 'y'), ('a', 'z'), (NULL, 'n')")
    read = pages(database.connector(account={"table": "person", "anchor": "login"}))
    assert [item.anchor for page in read for item in page.objects] == ["b"]
    told = [problem.message for page in read for problem in page.problems]
    assert sum("several rows have the login 'a'" in text for text in told) == 2
    assert sum("a row has no login" in text for text in told) == 1
    assert read[-1].complete_for == frozenset(), "somebody could not be told from the others"


def test_a_condition_limits_what_is_read_and_what_is_written(lite: Database) -> None:
    lite.run("CREATE TABLE account (login TEXT PRIMARY KEY, kind TEXT, name TEXT)")
    lite.run("INSERT INTO account VALUES ('a', 'person', 'A'), ('root', 'system', 'R')")
    made = lite.connector(account={"table": "account", "anchor": "login", "where": "kind = 'person'"})
    assert set(objects(made)) == {"a"}
    outcomes = written(made, update(1, "root", name="x"), Change(2, "account", Action.DELETE, "root"))
    assert {outcome.result for outcome in outcomes.values()} == {Result.GONE}
    assert lite.rows("SELECT name FROM account WHERE login = 'root'") == [("R",)]
    created = written(
        made, create(1, login="b", kind="person"), create(2, login="c"), create(3, login="d", kind="person")
    )
    assert [created[n].result for n in (1, 2, 3)] == [Result.DONE, Result.REJECTED, Result.DONE]
    assert "does not fulfil `where` (kind = 'person'). Write the columns" in created[2].reason
    assert set(objects(made)) == {"a", "b", "d"}


def test_a_switch_in_the_databases_own_words(lite: Database) -> None:
    lite.run(
        "CREATE TABLE account (login TEXT PRIMARY KEY, state TEXT); INSERT INTO account VALUES ('a', 'A'), ('b', '?')"
    )
    switch = {"column": "state", "on": "A", "off": "X"}
    made = lite.connector(account={"table": "account", "anchor": "login", "enabled": switch})
    read = pages(made, wanted=["enabled"])
    assert [(item.anchor, item.values) for page in read for item in page.objects] == [("a", {"enabled": True})]
    assert ["expected 'A' or 'X', found '?'" in one.message for page in read for one in page.problems] == [True]
    written(made, Change(1, "account", Action.DISABLE, "a", {"enabled": False}))
    assert lite.rows("SELECT state FROM account WHERE login = 'a'") == [("X",)]


def test_a_collation_that_ignores_case_is_told(database: Database) -> None:
    if database.kind != "mariadb":
        return  # the other two compare with case unless a column says otherwise
    database.run("CREATE TABLE account (login VARCHAR(9) PRIMARY KEY, code VARCHAR(9) COLLATE utf8mb4_bin)")
    with database.connector(account={"table": "account", "anchor": "login"}) as made:
        attributes = made.schema().types["account"].attributes
    assert (attributes["login"].exact, attributes["code"].exact) == (False, True)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"table": "acount", "anchor": "login"}, "no table or view 'acount'. Did you mean 'account'? Correct `table`."),
        ({"table": "staff", "anchor": "login"}, "no table or view 'staff'. Known: account, listing. Correct `table`."),
        ({"table": "account", "anchor": "logon"}, "account has no column 'logon'. Did you mean 'login'"),
        ({"table": "account", "anchor": "login", "watermark": "rev"}, "account has no column 'rev'. Known: login"),
    ],
)
def test_what_is_not_in_the_database_is_told_with_the_nearest_name(lite: Database, spec: Any, said: str) -> None:
    lite.run("CREATE TABLE account (login TEXT PRIMARY KEY); CREATE VIEW listing AS SELECT * FROM account")
    with pytest.raises(IncompleteRead, match=re.escape(said)):
        pages(lite.connector(account=spec))


def test_an_empty_database_says_that_it_is_empty(database: Database) -> None:
    said = "'account'. The database has no table that the user may see. Create it, or correct `url` or `table`."
    with pytest.raises(IncompleteRead, match=re.escape(said)):
        pages(database.connector(account={"table": "account", "anchor": "login"}))


def test_a_table_of_another_schema_is_named_with_it(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    database = Database(request.getfixturevalue("postgres_url"), tmp_path)
    database.run("CREATE SCHEMA hr; CREATE SCHEMA it; CREATE TABLE hr.account (login text PRIMARY KEY)")
    for table, said in [
        ("account", "no table or view 'account'. There is hr.account: correct `table`."),
        ("hrm.staff", "There is no schema 'hrm'. Did you mean 'hr'? Correct `table`."),
        ("it.staff", "Schema 'it' has no table that the user may see."),
    ]:
        with pytest.raises(IncompleteRead, match=re.escape(said)):
            pages(database.connector(account={"table": table, "anchor": "login"}))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("not a url", "no database URL"),
        ("nosuch://h/d", "driver for nosuch://h/d is not installed"),
        ("sqlite://", "names no file"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_before_anything_connects(lite: Database, url: str, said: str) -> None:
    with pytest.raises(ProjectError, match=said):
        lite.connector(url, account=ACCOUNT)


def test_a_sqlite_file_is_never_made_by_looking_at_it(lite: Database) -> None:
    with (
        pytest.raises(Unreachable, match="there is no database file"),
        lite.connector("sqlite:///typo.db", account=ACCOUNT),
    ):
        pass
    assert not (lite.folder / "typo.db").exists()


@pytest.mark.parametrize(
    ("url", "streaming"), [("postgres_url", psycopg.ServerCursor), ("mariadb_url", pymysql.cursors.SSCursor)]
)
def test_rows_are_streamed_from_the_server(
    request: pytest.FixtureRequest, tmp_path: Path, url: str, streaming: type
) -> None:
    database = Database(request.getfixturevalue(url), tmp_path)
    database.run("CREATE TABLE account (login VARCHAR(9) PRIMARY KEY); INSERT INTO account VALUES ('a'), ('b')")
    cursors: list[object] = []

    def note(_connection: object, cursor: object, *_: object) -> None:
        cursors.append(cursor)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        assert set(objects(database.connector(account={"table": "account", "anchor": "login"}))) == {"a", "b"}
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert isinstance(cursors[-1], streaming)
