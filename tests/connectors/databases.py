"""Databases of the tests, the subject of the kit on them, and short ways to read and write through the connector."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from muster.connectors.kit.contract import Connector
from muster.connectors.kit.subject import Subject
from muster.connectors.sql import SqlConnector
from muster.connectors.sql.settings import SqlObject, SqlSettings
from muster.model.changes import Action, Change
from muster.model.objects import ConnectorObject, Page
from muster.model.secrets import Secret
from muster.model.values import Document

_COMMON = """
CREATE TABLE account (
  login VARCHAR(40) NOT NULL PRIMARY KEY, name VARCHAR(60) NOT NULL, title VARCHAR(20), mail VARCHAR(60) UNIQUE,
  age INTEGER CHECK (age < 200), pay DECIMAL(9, 2), born DATE, seen {instant}, photo {binary}, active {boolean});
CREATE TABLE alias (
  login VARCHAR(40) NOT NULL, alias VARCHAR(40) NOT NULL CHECK (alias <> 'root'), PRIMARY KEY (login, alias));
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


def pages(
    made: SqlConnector, kind: str = "account", since: str | None = None, wanted: list[str] | None = None
) -> list[Page]:
    with made:
        names = wanted or list(made.schema().types[kind].attributes)
        return list(made.read({kind: names}, since))


def objects(made: SqlConnector, kind: str = "account") -> dict[str, ConnectorObject]:
    return {item.anchor: item for page in pages(made, kind) for item in page.objects}


def create(key: int, **values: Any) -> Change:
    return Change(key, "account", Action.CREATE, values.get("login"), values)


def update(key: int, anchor: str, **values: Any) -> Change:
    return Change(key, "account", Action.UPDATE, anchor, values)
