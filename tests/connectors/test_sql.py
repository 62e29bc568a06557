"""SQL: the kit on three databases; bad rows found, generated keys, deltas, statements of one's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from muster.connectors.kit.check import Check
from muster.connectors.kit.conformance import CHECKS
from muster.connectors.kit.contract import Connector
from muster.connectors.kit.subject import Subject
from muster.connectors.sql import SqlConnector
from muster.connectors.sql.settings import SqlObject, SqlSettings
from muster.model.changes import Action, Change, Outcome, Result
from muster.model.errors import IncompleteRead, ProjectError, Unreachable, WatermarkExpired
from muster.model.objects import ConnectorObject, Page
from muster.model.secrets import Secret
from muster.model.values import Document

_COMMON = """
CREATE TABLE account (
  login VARCHAR(40) NOT NULL PRIMARY KEY, name VARCHAR(60) NOT NULL, title VARCHAR(20), mail VARCHAR(60) UNIQUE,
  age INTEGER CHECK (age < 200), pay DECIMAL(9, 2), born DATE, seen {instant}, photo {binary}, active {boolean});
CREATE TABLE alias (login VARCHAR(40) NOT NULL, alias VARCHAR(40) NOT NULL, PRIMARY KEY (login, alias));
CREATE TABLE member (login VARCHAR(40) NOT NULL, target VARCHAR(40) NOT NULL, PRIMARY KEY (login, target));
CREATE TABLE account_log (seq {serial}, login VARCHAR(40) NOT NULL);
"""
_SCHEMA = {
    "sqlite": _COMMON.format(
        instant="DATETIME", binary="BLOB", boolean="BOOLEAN", serial="INTEGER PRIMARY KEY AUTOINCREMENT"
    )
    + "".join(
        f"CREATE TRIGGER t_{event} AFTER {event} ON account"
        f" BEGIN INSERT INTO account_log (login) VALUES ({row}.login)§ END;"
        for event, row in (("INSERT", "new"), ("UPDATE", "new"), ("DELETE", "old"))
    ),
    "mariadb": _COMMON.format(
        instant="DATETIME(6)", binary="BLOB", boolean="BOOLEAN", serial="BIGINT AUTO_INCREMENT PRIMARY KEY"
    )
    + "".join(
        f"CREATE TRIGGER t_{event} AFTER {event} ON account FOR EACH ROW"
        f" INSERT INTO account_log (login) VALUES ({row}.login);"
        for event, row in (("INSERT", "new"), ("UPDATE", "new"), ("DELETE", "old"))
    ),
    "postgresql": _COMMON.format(
        instant="TIMESTAMPTZ", binary="BYTEA", boolean="BOOLEAN", serial="BIGSERIAL PRIMARY KEY"
    )
    + "CREATE FUNCTION logged() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO account_log (login) VALUES (COALESCE(NEW.login, OLD.login))§ RETURN NULL§ END $$;"
    "CREATE TRIGGER t AFTER INSERT OR UPDATE OR DELETE ON account FOR EACH ROW EXECUTE FUNCTION logged();",
}


class Database:
    """A database of a test, to be changed behind the connector's back."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.kind = {"postgresql": "postgresql", "sqlite": "sqlite"}.get(make_url(url).get_backend_name(), "mariadb")
        driver = url.replace("postgresql://", "postgresql+psycopg://").replace("sqlite:///", f"sqlite:///{folder}/")
        self._engine = create_engine(driver, poolclass=NullPool)

    def run(self, script: str) -> None:
        with self._engine.begin() as connection:
            for statement in script.split(";"):
                if statement.strip():
                    connection.exec_driver_sql(statement.replace("§", ";").replace("%", "%%"))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def connector(self, url: str | None = None, **objects: Any) -> SqlConnector:
        specs = {kind: SqlObject.model_validate(one) for kind, one in objects.items()}
        return SqlConnector("app", SqlSettings(url=url or self.url), specs, self.folder)


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    if request.param == "sqlite":
        (tmp_path / "app.db").touch()
        made = Database("sqlite:///app.db", tmp_path)
        with made._engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        return made
    return Database(
        request.getfixturevalue("postgres_url" if request.param == "postgresql" else "mariadb_url"), tmp_path
    )


@pytest.fixture
def lite(tmp_path: Path) -> Database:
    (tmp_path / "app.db").touch()
    return Database("sqlite:///app.db", tmp_path)


# --- the conformance kit

ACCOUNT: dict[str, Any] = {
    "table": "account",
    "anchor": "login",
    "enabled": "active",
    "changes": {"table": "account_log", "sequence": "seq", "key": "login"},
    "lists": {
        "aliases": {"table": "alias", "owner": "login", "value": "alias"},
        "members": {"table": "member", "owner": "login", "value": "target", "large": True},
    },
}


class SqlSubject(Subject):
    connector: ClassVar[type[Connector]] = SqlConnector
    object_type = "account"
    text = "name"
    clearable = "title"
    many = "aliases"
    large = "members"
    deltas = True

    def __init__(self, database: Database) -> None:
        self.database = database
        database.run(_SCHEMA[database.kind])

    def open(self) -> Connector:
        return self.database.connector(account=ACCOUNT)

    def reset(self) -> None:
        self.database.run("DELETE FROM account; DELETE FROM alias; DELETE FROM member; DELETE FROM account_log")

    def sample(self, n: int) -> Document:
        return {
            "login": f"user{n}",
            "name": f"Üser {n}",
            "title": "Engineer",
            "mail": f"user{n}@acme.example",
            "age": 20 + n % 100,
            "pay": 1234.5,
            "born": "1990-01-31",
            "seen": "2026-01-31T17:00:00.25Z",
            "photo": "/9j/",
            "active": True,
            "aliases": [f"alias{n}", "all"],
            "enabled": True,
        }

    def refused(self, n: int) -> Document | None:
        return {**self.sample(n), "age": 999}

    def unreachable(self) -> Connector | None:
        url = make_url(self.database.url)
        if self.database.kind == "sqlite":
            return self.database.connector("sqlite:///no-such.db", account=ACCOUNT)
        return self.database.connector(url.set(port=1).render_as_string(hide_password=False), account=ACCOUNT)

    def wrong_secret(self) -> tuple[Connector, Secret] | None:
        if self.database.kind == "sqlite":
            return None
        wrong = make_url(self.database.url).set(password="wr0ng-secret")
        made = self.database.connector(wrong.render_as_string(hide_password=False), account=ACCOUNT)
        return made, Secret("wr0ng-secret")

    def expired(self) -> str | None:
        since = self.pages()[-1].watermark
        for n in range(200, 203):
            self.add(n)
        self.database.run(
            "DELETE FROM account_log WHERE seq < (SELECT m FROM (SELECT MAX(seq) AS m FROM account_log) t)"
        )
        return since


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
    lacking = check.lacking(subject)
    if lacking:
        assert lacking in LACKS
    else:
        check.run(subject)


# --- what is special


def pages(
    made: SqlConnector, kind: str = "account", since: str | None = None, wanted: list[str] | None = None
) -> list[Page]:
    with made:
        names = wanted or list(made.schema().types[kind].attributes)
        return list(made.read({kind: names}, since))


def objects(made: SqlConnector, kind: str = "account") -> dict[str, ConnectorObject]:
    return {item.anchor: item for page in pages(made, kind) for item in page.objects}


def write(made: SqlConnector, *changes: Change) -> dict[int, Outcome]:
    with made:
        return {outcome.key: outcome for outcome in made.write(changes)}


def create(key: int, **values: Any) -> Change:
    return Change(key, "account", Action.CREATE, values.get("login"), values)


def update(key: int, anchor: str, **values: Any) -> Change:
    return Change(key, "account", Action.UPDATE, anchor, values)


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
    outcomes = write(subject.database.connector(account=ACCOUNT), *changes)
    by_result = {result: {k for k, o in outcomes.items() if o.result is result} for result in Result}
    assert by_result[Result.REJECTED] == {3, 5, 9, 13}
    assert by_result[Result.EXISTS] == {7, 11}
    assert outcomes[11].anchor == "user7", "the one that has the unique value already"
    assert len(by_result[Result.DONE]) == 1_494
    assert subject.database.rows("SELECT COUNT(*) FROM account") == [(1_495,)]
    assert "999" not in outcomes[3].reason, "the reason does not show what was written"
    assert "Did you mean 'name'" in outcomes[13].reason
    assert "expected a date" in outcomes[9].reason


def test_updates_of_rows_that_are_not_there_are_gone_and_the_others_are_done(subject: SqlSubject) -> None:
    for n in range(1, 20):
        subject.add(n)
    changes = [update(n, f"user{n}" if n % 5 else f"ghost{n}", title="T") for n in range(1, 20)]
    outcomes = write(subject.database.connector(account=ACCOUNT), *changes)
    assert {k for k, o in outcomes.items() if o.result is Result.GONE} == {5, 10, 15}
    assert subject.database.rows("SELECT COUNT(*) FROM account WHERE title = 'T'") == [(16,)]


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
    assert {outcome.result for outcome in write(made, *changes).values()} == {Result.DONE}


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
    outcomes = write(made, *(Change(n, "person", Action.CREATE, None, {"mail": f"{n}@x"}) for n in (1, 2, 3)))
    assert [(o.result, o.anchor, o.values) for o in outcomes.values()] == [
        (Result.DONE, str(n), {"id": n}) for n in (1, 2, 3)
    ]
    (again,) = write(made, Change(9, "person", Action.CREATE, None, {"mail": "2@x"})).values()
    assert (again.result, again.anchor) == (Result.EXISTS, "2")
    with made:
        found = made.get("person", "2")
        assert found is not None
        assert found.values == {"id": 2, "mail": "2@x"}
        assert made.get("person", "no number") is None


def test_a_watermark_column_tells_changed_rows_and_no_deletions(lite: Database) -> None:
    lite.run("CREATE TABLE account (login TEXT PRIMARY KEY, name TEXT, rev INTEGER)")
    lite.run("INSERT INTO account VALUES ('a', 'A', 1), ('b', 'B', 2)")
    made = lite.connector(account={"table": "account", "anchor": "login", "watermark": "rev"})
    since = pages(made)[-1].watermark
    lite.run("UPDATE account SET name = 'AA', rev = 3 WHERE login = 'a'")
    delta = pages(made, since=since)
    assert {item.anchor: item.values["name"] for page in delta for item in page.objects} == {"a": "AA", "b": "B"}
    assert delta[-1].complete_for == frozenset()
    assert json.loads(delta[-1].watermark or "") == {"account": 3}


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


def test_an_anchor_that_the_database_does_not_keep_unique_is_not_created_twice(lite: Database) -> None:
    lite.run("CREATE TABLE account (login TEXT, name TEXT)")
    made = lite.connector(account={"table": "account", "anchor": "login"})
    assert write(made, create(1, login="a"), create(2, login="b"))[2].result is Result.DONE
    outcomes = write(made, create(1, login="a"), create(2, login="c"))
    assert [outcomes[1].result, outcomes[2].result] == [Result.EXISTS, Result.DONE]


def test_a_condition_limits_what_is_read_and_what_is_written(lite: Database) -> None:
    lite.run("CREATE TABLE account (login TEXT PRIMARY KEY, kind TEXT, name TEXT)")
    lite.run("INSERT INTO account VALUES ('a', 'person', 'A'), ('root', 'system', 'R')")
    made = lite.connector(account={"table": "account", "anchor": "login", "where": "kind = 'person'"})
    assert set(objects(made)) == {"a"}
    outcomes = write(made, update(1, "root", name="x"), Change(2, "account", Action.DELETE, "root"))
    assert {outcome.result for outcome in outcomes.values()} == {Result.GONE}
    assert lite.rows("SELECT name FROM account WHERE login = 'root'") == [("R",)]


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
    assert write(made, create(1, login="a", name="Ann"))[1].result is Result.DONE
    assert lite.rows("SELECT login, name FROM account") == [("a", "ANN")]
    assert write(made, update(1, "a", name="Bob"))[1].result is Result.DONE
    assert write(made, Change(1, "account", Action.DELETE, "a"))[1].result is Result.DONE
    assert write(made, Change(1, "account", Action.DELETE, "a"))[1].result is Result.GONE
    assert lite.rows("SELECT name, gone FROM account") == [("bob", 1)]


def test_a_switch_in_the_databases_own_words(lite: Database) -> None:
    lite.run(
        "CREATE TABLE account (login TEXT PRIMARY KEY, state TEXT); INSERT INTO account VALUES ('a', 'A'), ('b', '?')"
    )
    switch = {"column": "state", "on": "A", "off": "X"}
    made = lite.connector(account={"table": "account", "anchor": "login", "enabled": switch})
    read = pages(made, wanted=["enabled"])
    assert [(item.anchor, item.values) for page in read for item in page.objects] == [("a", {"enabled": True})]
    assert ["expected 'A' or 'X', found '?'" in one.message for page in read for one in page.problems] == [True]
    write(made, Change(1, "account", Action.DISABLE, "a", {"enabled": False}))
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
        ({"table": "acount", "anchor": "login"}, "no table or view 'acount'. Did you mean 'account'"),
        ({"table": "account", "anchor": "logon"}, "account has no column 'logon'. Did you mean 'login'"),
        ({"table": "account", "anchor": "login", "watermark": "rev"}, "account has no column 'rev'. Known: login"),
    ],
)
def test_what_is_not_in_the_database_is_told_with_the_nearest_name(lite: Database, spec: Any, said: str) -> None:
    lite.run("CREATE TABLE account (login TEXT PRIMARY KEY)")
    with pytest.raises(IncompleteRead, match=said.replace(".", r"\.")):
        pages(lite.connector(account=spec))


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

    answered: list[Outcome] = []
    with subject.open() as made:
        outcomes = made.write(feed())
        answered.extend(next(outcomes) for _ in range(1_000))
        with pytest.raises(Unreachable, match="broke"):
            next(outcomes)
    assert {outcome.result for outcome in answered} == {Result.DONE}
