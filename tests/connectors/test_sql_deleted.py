"""SQL: rows that a column marks as deleted."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import ValidationError

from muster.connectors.sql.settings import SqlObject
from muster.model.changes import Action, Change, Result
from muster.model.errors import IncompleteRead
from tests.connectors.databases import Database, objects, pages
from tests.connectors.sessions import written

SERIAL = {
    "sqlite": "INTEGER PRIMARY KEY",
    "postgresql": "INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    "mariadb": "INTEGER AUTO_INCREMENT PRIMARY KEY",
}
LISTS = {"roles": {"table": "role", "owner": "id", "value": "role"}}
PERSON: dict[str, Any] = {"table": "person", "anchor": "id", "lists": LISTS}


def tables(database: Database, mark: str) -> None:
    database.run(
        f"CREATE TABLE person (id {SERIAL[database.kind]}, mail VARCHAR(20) NOT NULL UNIQUE, title VARCHAR(9), {mark});"
        "CREATE TABLE role (id INTEGER, role VARCHAR(9))"
    )


@pytest.mark.parametrize("mark", ["gone_at TIMESTAMP NULL", "gone BOOLEAN NOT NULL", "gone CHAR(1) NOT NULL"])
def test_a_delete_marks_the_row_which_is_read_no_more_and_comes_back_as_itself(database: Database, mark: str) -> None:
    tables(database, mark)
    column = mark.split()[0]
    gone: dict[str, Any] = {"column": column, "returns_by": "mail"}
    if "CHAR" in mark:
        gone |= {"value": ["X", "Y"], "alive": "N"}
    made = database.connector(person={**PERSON, "deleted": gone})
    hired = [
        Change(n, "person", Action.CREATE, None, {"mail": f"{n}@x", "title": "T", "roles": ["a"]}) for n in (1, 2, 3)
    ]
    assert {one.result for one in written(made, *hired).values()} == {Result.DONE}
    leaving = [Change(n, "person", Action.DELETE, str(n)) for n in (1, 2)]
    for said in (Result.DONE, Result.GONE):
        assert {one.result for one in written(made, *leaving).values()} == {said}
    assert set(objects(made, "person")) == {"3"}
    assert [row[0] for row in database.rows("SELECT COUNT(*) FROM person")] == [3]
    assert [row[0] for row in database.rows("SELECT COUNT(*) FROM role")] == [3], "what a deleted row had stays with it"
    late = Change(1, "person", Action.UPDATE, "1", {"title": "no"})
    assert written(made, late)[1].result is Result.GONE
    with made:
        assert made.get("person", "1") is None
        assert made.schema().types["person"].restored_by == "mail"
        found = list(made.find_deleted("person", ["1@x", "3@x", "9@x"]))
    assert [(one.anchor, one.values["title"]) for one in found] == [("1", "T")]
    back = Change(1, "person", Action.CREATE, None, {"mail": "1@x", "roles": ["b"]}, restores="1")
    outcome = written(made, back)[1]
    assert (outcome.result, outcome.anchor) == (Result.DONE, "1")
    assert objects(made, "person")["1"].values["roles"] == ["b"], "the roles of old times do not come back"
    assert written(made, back)[1].result is Result.RETRY, "it came back already"
    taken = written(made, Change(1, "person", Action.CREATE, None, {"mail": "2@x"}))[1]
    assert (taken.result, taken.anchor) == (Result.EXISTS, "2")
    assert "row '2' has it and is marked as deleted" in taken.reason
    refused = written(made, Change(1, "person", Action.UPDATE, "3", {column: None}))[1]
    assert "marks deleted rows: it is written by a delete alone" in refused.reason


def test_one_column_says_on_off_and_deleted(lite: Database) -> None:
    lite.run("CREATE TABLE account (login TEXT PRIMARY KEY, state TEXT NOT NULL)")
    lite.run("INSERT INTO account VALUES ('old', 'D')")
    spec = {
        "table": "account",
        "anchor": "login",
        "enabled": {"column": "state", "on": "A", "off": "X"},
        "deleted": {"column": "state", "value": "D"},
    }
    made = lite.connector(account=spec)
    written(
        made,
        Change(1, "account", Action.CREATE, "new", {"login": "new", "enabled": False}),
        Change(2, "account", Action.CREATE, "old", {"login": "old", "enabled": True}, restores="old"),
    )
    assert lite.rows("SELECT * FROM account ORDER BY login") == [("new", "X"), ("old", "A")]
    lite.run("INSERT INTO account VALUES ('gone', 'D')")
    with made:
        assert made.schema().types["account"].restored_by is None, "a login may have been somebody else's"
    taken = written(made, Change(1, "account", Action.CREATE, "gone", {"login": "gone", "enabled": True}))[1]
    assert taken.result is Result.EXISTS
    assert "row 'gone' has it and is marked as deleted. Clear it there" in taken.reason
    assert written(made, Change(1, "account", Action.DELETE, "new"))[1].result is Result.DONE
    left = [(item.anchor, item.values) for page in pages(made, wanted=["enabled"]) for item in page.objects]
    assert left == [("old", {"enabled": True})]


def test_a_row_comes_back_under_the_key_that_it_is_to_have_now(database: Database) -> None:
    database.run(
        "CREATE TABLE account (login VARCHAR(9) PRIMARY KEY, emp VARCHAR(9), gone BOOLEAN NOT NULL);"
        "CREATE TABLE role (login VARCHAR(9) REFERENCES account (login), role VARCHAR(9));"
        "INSERT INTO account VALUES ('tom', '7', true), ('ann', '8', true); INSERT INTO role VALUES ('tom', 'old')"
    )
    made = database.connector(
        account={
            "table": "account",
            "anchor": "login",
            "deleted": {"column": "gone", "returns_by": "emp"},
            "lists": {"roles": {"table": "role", "owner": "login", "value": "role"}},
        }
    )
    values: dict[str, Any] = {"login": "tom2", "emp": "7", "roles": ["new"]}
    outcomes = written(
        made,
        Change(1, "account", Action.CREATE, "tom2", values, restores="tom"),
        Change(2, "account", Action.CREATE, "tom2", {"login": "tom2", "emp": "8"}, restores="ann"),
    )
    assert [(outcomes[n].result, outcomes[n].anchor) for n in (1, 2)] == [
        (Result.DONE, "tom2"),
        (Result.REJECTED, "tom2"),
    ]
    shown = {anchor: item.values["roles"] for anchor, item in objects(made).items()}
    assert shown == {"tom2": ["new"]}
    assert database.rows("SELECT role FROM role") == [("new",)]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"deleted": "id"}, "`deleted` names the anchor id"),
        ({"deleted": {"column": "s", "value": "D", "alive": "D"}}, "'D' cannot mean both deleted and alive"),
        ({"enabled": "s", "deleted": {"column": "s", "value": "D"}}, "say which values mean on, off and deleted"),
    ],
)
def test_marks_that_cannot_be_told_apart_are_refused(spec: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(said)):
        SqlObject.model_validate({"table": "account", "anchor": "id", **spec})


def test_a_column_that_does_not_say_what_means_deleted_is_told_with_what_to_write(lite: Database) -> None:
    lite.run("CREATE TABLE account (login TEXT PRIMARY KEY, state TEXT, n INTEGER)")
    spec = {"table": "account", "anchor": "login"}
    with pytest.raises(IncompleteRead, match=re.escape("state is text, and nothing says which value of it means")):
        pages(lite.connector(account={**spec, "deleted": "state"}))
    with pytest.raises(IncompleteRead, match=re.escape("`deleted` of account: n: expected a whole number, found 'D'")):
        pages(lite.connector(account={**spec, "deleted": {"column": "n", "value": "D"}}))
