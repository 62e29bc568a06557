"""SQL: values of many-valued attributes in side tables: shared ones, references by number, statements of one's own."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine, event

from muster.connectors.sql.settings import SqlObject
from muster.model.changes import Action, Change, EdgeChange, Result
from muster.model.errors import IncompleteRead
from tests.connectors.databases import Database, objects, pages
from tests.connectors.sessions import written

TABLES = """
CREATE TABLE person (id INTEGER PRIMARY KEY, name VARCHAR(9));
CREATE TABLE contact (person INTEGER, kind VARCHAR(9), value VARCHAR(20), PRIMARY KEY (person, kind, value));
CREATE TABLE team (id INTEGER PRIMARY KEY, name VARCHAR(9));
CREATE TABLE member (team INTEGER, person INTEGER, PRIMARY KEY (team, person));
"""
CONTACT = {"table": "contact", "owner": "person", "value": "value"}
PERSON: dict[str, Any] = {
    "table": "person",
    "anchor": "id",
    "key_generated": False,
    "lists": {"phones": {**CONTACT, "fixed": {"kind": "phone"}}, "mails": {**CONTACT, "fixed": {"kind": "mail"}}},
}
MEMBERS = {"table": "member", "owner": "team", "value": "person", "large": True}
TEAM: dict[str, Any] = {"table": "team", "anchor": "id", "key_generated": False, "lists": {"members": MEMBERS}}


def test_several_attributes_share_a_side_table_and_none_touches_the_rows_of_another(database: Database) -> None:
    database.run(TABLES)
    made = database.connector(person=PERSON)
    created = [
        Change(n, "person", Action.CREATE, str(n), {"id": n, "phones": [f"{n}0", "7"], "mails": [f"{n}@x"]})
        for n in (1, 2, 3)
    ]
    assert {one.result for one in written(made, *created).values()} == {Result.DONE}
    database.run("INSERT INTO contact VALUES (1, 'fax', '10')")
    outcomes = written(
        made,
        Change(1, "person", Action.UPDATE, "1", {"phones": ["10", "8"]}, add={"mails": ["7"]}),
        Change(2, "person", Action.UPDATE, "2", remove={"phones": ["7"], "mails": ["7"]}),
        Change(3, "person", Action.DELETE, "3"),
    )
    assert {one.result for one in outcomes.values()} == {Result.DONE}
    read = objects(made, "person")
    assert {anchor: item.values for anchor, item in read.items()} == {
        "1": {"id": 1, "phones": ["10", "8"], "mails": ["1@x", "7"]},
        "2": {"id": 2, "phones": ["20"], "mails": ["2@x"]},
    }
    assert database.rows("SELECT person, value FROM contact WHERE kind = 'fax'") == [(1, "10")]
    with made:
        assert [item.anchor for item in made.find("person", {"mails": "7"})] == ["1"]


def test_members_by_number_come_and_go_one_by_one_however_many_there_are(database: Database) -> None:
    database.run(TABLES)
    database.run("INSERT INTO team VALUES (1, 'big')")
    for start in range(1, 20_000, 1_000):
        rows = ", ".join(f"(1, {n})" for n in range(start, start + 1_000))
        database.run(f"INSERT INTO member VALUES {rows}")
    made = database.connector(team=TEAM)
    with made:
        made.schema()
    ran: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        ran.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        for _ in range(2):
            edges = iter([EdgeChange("members", ["7", "20007"], ["8", "30000"])])
            assert written(made, Change(1, "team", Action.UPDATE, "1", edges=edges))[1].result is Result.DONE
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert len(ran) < 50
    assert all(len(str(given)) < 5_000 for _, given in ran), "nothing but the members that come and go is sent"
    assert database.rows("SELECT COUNT(*), SUM(person) FROM member") == [(20_000, 200_010_000 + 20_007 - 8)]


def test_values_that_a_collation_takes_for_one_are_one(database: Database) -> None:
    database.run(TABLES)
    made = database.connector(person=PERSON)
    written(made, Change(1, "person", Action.CREATE, "1", {"id": 1, "phones": ["Bob"]}))
    for _ in range(2):
        changed = Change(1, "person", Action.UPDATE, "1", add={"phones": ["BOB"]})
        assert written(made, changed)[1].result is Result.DONE
    folds = database.kind == "mariadb"
    assert [row[0] for row in database.rows("SELECT COUNT(*) FROM contact")] == [1 if folds else 2]


def test_statements_of_ones_own_add_and_remove_values(lite: Database) -> None:
    lite.run(TABLES)
    lite.run("CREATE TABLE said (what TEXT)")
    side = {
        **MEMBERS,
        "insert": "INSERT INTO member SELECT :team, :person WHERE :person <> 13",
        "delete": "DELETE FROM member WHERE team = :team AND person = :person",
    }
    made = lite.connector(team={**TEAM, "lists": {"members": side}})
    edges = iter([EdgeChange("members", ["1", "2", "13"], [])])
    assert written(made, Change(1, "team", Action.CREATE, "5", {"id": 5}, edges=edges))[1].result is Result.DONE
    for _ in range(2):
        edges = iter([EdgeChange("members", ["2", "3"], ["1", "9"])])
        assert written(made, Change(1, "team", Action.UPDATE, "5", edges=edges))[1].result is Result.DONE
    assert lite.rows("SELECT person FROM member ORDER BY person") == [(2,), (3,)]
    assert written(made, Change(1, "team", Action.DELETE, "5"))[1].result is Result.DONE
    assert lite.rows("SELECT * FROM member") == []


@pytest.mark.parametrize(
    ("lists", "said"),
    [
        ({"a": {**MEMBERS, "fixed": {"person": 1}}}, "name different columns, and person is named twice"),
        ({"a": CONTACT, "b": CONTACT}, "a and b are the same rows of contact: give each its own column, or"),
    ],
)
def test_lists_that_cannot_be_told_apart_are_refused_when_they_are_read(lists: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(said)):
        SqlObject.model_validate({**TEAM, "lists": lists})


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            {**TEAM, "insert": "CALL add_team(:id, :nmae)"},
            "a statement of team has the parameter :nmae, and team has no such column. Did you mean 'name'?",
        ),
        (
            {**TEAM, "lists": {"members": {**MEMBERS, "delete": "CALL leave(:persn)"}}},
            "a statement of members has the parameter :persn, and member has no such column. Did you mean 'person'?",
        ),
        (
            {**TEAM, "lists": {"members": {**MEMBERS, "table": "contact", "owner": "person", "value": "value",
                                           "fixed": {"knid": "x"}}}},
            "contact has no column 'knid'. Did you mean 'kind'?",
        ),
    ],
)  # fmt: skip
def test_a_parameter_that_no_column_gives_a_value_is_refused_and_never_null(
    lite: Database, spec: Any, said: str
) -> None:
    lite.run(TABLES)
    with pytest.raises(IncompleteRead, match=re.escape(said)):
        pages(lite.connector(team=spec), "team")


def test_one_who_is_no_number_is_no_member(database: Database) -> None:
    database.run(TABLES)
    made = database.connector(team=TEAM)
    changes = [
        Change(1, "team", Action.CREATE, "1", {"id": 1}, edges=iter([EdgeChange("members", ["root"], [])])),
        Change(2, "team", Action.CREATE, "2", {"id": 2}, edges=iter([EdgeChange("members", ["2"], [])])),
    ]
    outcomes = written(made, *changes)
    assert [outcomes[n].result for n in (1, 2)] == [Result.REJECTED, Result.DONE]
    assert "expected a whole number, found 'root'" in outcomes[1].reason
    assert database.rows("SELECT team, person FROM member") == [(2, 2)]
