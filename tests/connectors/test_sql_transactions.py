"""SQL: what a transaction is, what becomes of it when the connection breaks, and procedures that write instead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from muster.connectors.sql import SqlConnector
from muster.connectors.sql.settings import SqlObject, SqlSettings
from muster.model.changes import Action, Change, Result
from tests.connectors.databases import Database, objects
from tests.connectors.sessions import until_broken, written

SERIAL = {
    "sqlite": "INTEGER PRIMARY KEY",
    "postgresql": "INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    "mariadb": "INTEGER AUTO_INCREMENT PRIMARY KEY",
}
PROCEDURES = {
    "postgresql": """
CREATE FUNCTION add_person(n text, m text) RETURNS integer LANGUAGE sql AS $$
  INSERT INTO person (name, mail) VALUES (upper(n), m) RETURNING id $$;
CREATE PROCEDURE set_person(i integer, n text, m text) LANGUAGE plpgsql AS $$ BEGIN
  IF n = 'bad' THEN RAISE EXCEPTION 'no such person wanted'§ END IF§
  UPDATE person SET name = n, mail = m WHERE id = i§ END $$;
CREATE PROCEDURE end_person(i integer) LANGUAGE sql AS $$ UPDATE person SET gone = true WHERE id = i $$;
CREATE PROCEDURE set_role(p integer, r text, e boolean) LANGUAGE plpgsql AS $$ BEGIN
  DELETE FROM role WHERE person = p AND role = r§ IF e THEN INSERT INTO role VALUES (p, r)§ END IF§ END $$""",
    "mariadb": """
CREATE PROCEDURE add_person(n VARCHAR(20), m VARCHAR(20)) BEGIN INSERT INTO person (name, mail) VALUES (UPPER(n), m)§
  SELECT LAST_INSERT_ID()§ END;
CREATE PROCEDURE set_person(i INTEGER, n VARCHAR(20), m VARCHAR(20)) BEGIN IF n = 'bad' THEN SIGNAL SQLSTATE '45000' SET
  MESSAGE_TEXT = 'no such person wanted'§ END IF§ UPDATE person SET name = n, mail = m WHERE id = i§ END;
CREATE PROCEDURE end_person(i INTEGER) UPDATE person SET gone = true WHERE id = i;
CREATE PROCEDURE set_role(p INTEGER, r VARCHAR(20), e BOOLEAN) BEGIN DELETE FROM role WHERE person = p AND role = r§
  IF e THEN INSERT INTO role VALUES (p, r)§ END IF§ END""",
}
ROLES = {
    "table": "role",
    "owner": "person",
    "value": "role",
    "insert": "CALL set_role(:person, :role, true)",
    "delete": "CALL set_role(:person, :role, false)",
}


KILL = {
    "postgresql": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
    "AND datname = current_database()",
    "mariadb": "BEGIN NOT ATOMIC FOR one IN (SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() "
    "AND db = DATABASE()) DO KILL one.id§ END FOR§ END",
}


def tables(database: Database) -> None:
    database.run(
        f"CREATE TABLE person (id {SERIAL[database.kind]}, name VARCHAR(20), mail VARCHAR(20), "
        "gone BOOLEAN NOT NULL DEFAULT false); CREATE TABLE role (person INTEGER, role VARCHAR(20))"
    )


def hired(*numbers: int) -> list[Change]:
    return [Change(n, "person", Action.CREATE, None, {"name": f"n{n}"}) for n in numbers]


@pytest.fixture(params=["postgres_url", "mariadb_url"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    made = Database(request.getfixturevalue(request.param), tmp_path)
    tables(made)
    return made


def test_procedures_write_instead_of_statements_and_say_why_they_refuse(server: Database) -> None:
    server.run(PROCEDURES[server.kind])
    insert = "SELECT add_person(:name, :mail)" if server.kind == "postgresql" else "CALL add_person(:name, :mail)"
    spec: dict[str, Any] = {
        "table": "person",
        "anchor": "id",
        "deleted": "gone",
        "insert": insert,
        "update": "CALL set_person(:id, :name, :mail)",
        "delete": "CALL end_person(:id)",
        "lists": {"roles": ROLES},
    }
    made = server.connector(person=spec)
    hires = [
        Change(n, "person", Action.CREATE, None, {"name": f"n{n}", "mail": "m", "roles": ["r"]}) for n in (1, 2, 3)
    ]
    created = written(made, *hires)
    assert [(created[n].result, created[n].anchor) for n in (1, 2, 3)] == [(Result.DONE, str(n)) for n in (1, 2, 3)]
    outcomes = written(
        made,
        Change(1, "person", Action.UPDATE, "1", {"name": "bad"}),
        Change(2, "person", Action.UPDATE, "2", {"name": "'; DROP TABLE r;--"}, add={"roles": ["s"]}),
        Change(3, "person", Action.DELETE, "3"),
    )
    assert [outcomes[n].result for n in (1, 2, 3)] == [Result.REJECTED, Result.DONE, Result.DONE]
    assert outcomes[1].reason == "no such person wanted"
    shown = {anchor: item.values for anchor, item in objects(made, "person").items()}
    assert shown == {
        "1": {"id": 1, "name": "N1", "mail": "m", "gone": False, "roles": ["r"]},
        "2": {"id": 2, "name": "'; DROP TABLE r;--", "mail": "m", "gone": False, "roles": ["r", "s"]},
    }
    assert written(made, Change(3, "person", Action.DELETE, "3"))[3].result is Result.GONE


def test_a_procedure_that_does_not_answer_the_key_that_it_made_is_undone_and_told(lite: Database) -> None:
    tables(lite)
    made = lite.connector(
        person={"table": "person", "anchor": "id", "insert": "INSERT INTO person (name) VALUES (:name)"}
    )
    outcome = written(made, *hired(1))[1]
    assert outcome.result is Result.REJECTED
    assert "`insert` answered no id" in outcome.reason
    assert "RETURNING id" in outcome.reason
    assert lite.rows("SELECT * FROM person") == []


def test_a_statement_that_does_not_do_what_it_is_for_is_undone_and_told(lite: Database) -> None:
    tables(lite)
    lite.run("INSERT INTO person (id, name) VALUES (7, 'x')")
    spec: dict[str, Any] = {"table": "person", "anchor": "id", "key_generated": False}
    queue = "INSERT INTO role VALUES (:id, 'wanted')"
    made = lite.connector(person={**spec, "insert": queue, "delete": "UPDATE person SET gone = 1 WHERE id = :id"})
    outcomes = written(
        made, Change(1, "person", Action.CREATE, "8", {"id": 8}), Change(2, "person", Action.DELETE, "7")
    )
    assert [outcomes[n].result for n in (1, 2)] == [Result.REJECTED] * 2
    assert outcomes[1].reason == "`insert` ran, and person has no row '8'"
    assert "row '7' of person is there as before. If it only marks the row, say how" in outcomes[2].reason
    assert lite.rows("SELECT id, gone FROM person") == [(7, 0)]
    assert lite.rows("SELECT * FROM role") == []


def test_a_table_without_transactions_is_told_by_the_check(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    database = Database(request.getfixturevalue("mariadb_url"), tmp_path)
    database.run("CREATE TABLE account (login VARCHAR(9) PRIMARY KEY) ENGINE = MyISAM")
    with database.connector(account={"table": "account", "anchor": "login"}) as made:
        health = made.check()
    assert not health.ok
    assert "account is of engine MyISAM, which cannot undo half of a batch that fails" in health.missing[0]


@contextmanager
def at_commits(act: Any) -> Iterator[list[int]]:
    """Calls something before the first commit; how many there were."""
    seen = [0]

    def noted(connection: Connection) -> None:
        seen[0] += 1
        if seen[0] == 1:
            act(connection)

    event.listen(Engine, "commit", noted)
    try:
        yield seen
    finally:
        event.remove(Engine, "commit", noted)


@pytest.mark.parametrize(("transaction", "commits"), [("batch", 1), ("object", 3)])
def test_a_transaction_holds_a_batch_or_one_change(lite: Database, transaction: Any, commits: int) -> None:
    tables(lite)
    settings = SqlSettings(url=lite.url, transaction=transaction)
    made = SqlConnector("app", settings, {"person": SqlObject(table="person", anchor="id")}, lite.folder)
    with at_commits(lambda _: None) as seen:
        outcomes = written(made, *hired(1, 2, 3))
    assert {one.result for one in outcomes.values()} == {Result.DONE}
    assert seen == [commits]


@pytest.mark.parametrize(
    ("when", "said", "left"),
    [("before", "it is not written", 0), ("after", "all of its transaction is written or nothing", 3)],
)
def test_a_connection_that_breaks_leaves_each_change_with_what_is_known_of_it(
    server: Database, when: str, said: str, left: int
) -> None:
    def commit_and_break(connection: Connection) -> None:
        driver = connection.connection.dbapi_connection
        assert driver is not None
        driver.commit()
        if server.kind == "postgresql":
            driver.close()  # the driver does not ask the server for a second commit
        else:
            server.run(KILL[server.kind])

    def change(then: list[Change]) -> Iterator[Change]:
        yield from then
        if when == "before":
            server.run(KILL[server.kind])

    made = server.connector(person={"table": "person", "anchor": "id"})
    with at_commits(commit_and_break if when == "after" else lambda _: None):
        answered = until_broken(made, change(hired(1, 2, 3)))
    assert [(one.key, one.result) for one in answered] == [(n, Result.RETRY) for n in (1, 2, 3)]
    assert all(said in one.reason for one in answered)
    assert server.rows("SELECT COUNT(*) FROM person") == [(left,)]
