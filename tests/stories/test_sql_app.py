"""A database that makes its own keys and only marks rows as deleted: what breaks, who leaves, who returns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tests.stories.sources import WORKER
from tests.sync.world import World

SYSTEM = """
connector: sql
settings: {url: '%s'}
objects:
  person:
    table: person
    anchor: id
    deleted: {column: removed_at, returns_by: emp}
    watermark: rev
    lists:
      role: {table: role, owner: person, value: role}
"""
PERSON = """
identity: person
join: [{employeeId: '[emp]'}]
outbound:
  provision: '[active]'
  deprovision: delete
  flows:
    emp: '[employeeId]'
    name: '[displayName]'
    role: 'Split("member," & [department], ",")'
"""
TABLES = """
CREATE TABLE person (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, emp text NOT NULL, name text, phone text,
  removed_at timestamptz, rev bigint);
CREATE TABLE role (person integer REFERENCES person (id), role text, PRIMARY KEY (person, role));
CREATE SEQUENCE revs;
CREATE FUNCTION counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.rev := nextval('revs'); RETURN NEW; END $$;
CREATE TRIGGER t BEFORE INSERT OR UPDATE ON person FOR EACH ROW EXECUTE FUNCTION counted()
"""


def test_nobody_is_made_twice_when_the_connection_breaks_and_who_returns_is_who_left(
    tmp_path: Path, postgres_url: str
) -> None:
    world = World(tmp_path, safety="safety: {percent: 100}")
    engine = sa.create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://"))
    hr = world.source("hr", "worker", mapping=WORKER)
    world.write("systems/app.yaml", SYSTEM % postgres_url)
    world.mapping("app-person", "app", "person", PERSON)

    def rows(query: str) -> list[tuple[Any, ...]]:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query))]

    def roles() -> set[tuple[str, str]]:
        return set(rows("SELECT p.emp, r.role FROM role r JOIN person p ON p.id = r.person"))

    with engine.begin() as connection:
        connection.exec_driver_sql(TABLES)
    for key in ("1", "2", "3"):
        hr.put(key, id=key, name=f"n{key}", unit="sales")

    broken: list[object] = []

    def break_after_commit(connection: sa.Connection) -> None:
        driver = connection.connection.dbapi_connection
        if connection.dialect.name == "postgresql" and not broken and driver is not None:
            broken.append(driver)
            driver.commit()
            driver.close()

    sa.event.listen(sa.Engine, "commit", break_after_commit)
    try:
        first = world.run()
    finally:
        sa.event.remove(sa.Engine, "commit", break_after_commit)
    assert len(broken) == 1
    assert any("broke while it was committed" in problem["message"] for problem in first["errors"])
    assert rows("SELECT COUNT(*) FROM person") == [(3,)]

    assert world.run()["errors"] == []
    assert rows("SELECT COUNT(*), COUNT(DISTINCT emp) FROM person") == [(3, 3)]
    assert roles() == {(key, role) for key in "123" for role in ("member", "sales")}
    assert world.plan(full=True)["changes"] == []

    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE person SET phone = '7' WHERE emp = '2'")
    hr.edit("2", status="left")
    assert world.run()["errors"] == []
    assert rows("SELECT emp FROM person WHERE removed_at IS NOT NULL") == [("2",)]
    assert world.plan(full=True)["changes"] == []

    hr.edit("2", status=None, unit="it")
    (back,) = world.plan()["changes"]
    assert back["action"] == "create"
    assert world.run()["errors"] == []
    assert rows("SELECT COUNT(*), COUNT(removed_at) FROM person") == [(3, 0)]
    assert rows("SELECT phone FROM person WHERE emp = '2'") == [("7",)], "it is the old row"
    assert {role for emp, role in roles() if emp == "2"} == {"member", "it"}
    assert world.plan(full=True)["changes"] == []
    world.close()
    engine.dispose()
