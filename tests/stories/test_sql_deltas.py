"""A database whose change tables tell single rows and members: foreign edits are undone, and nothing is read whole."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.stories.sources import TEAM, WORKER
from tests.stories.test_foreign_keys import ACCOUNT, SQUAD
from tests.sync.world import World

SYSTEM = """
connector: sql
settings: {url: 'sqlite:///app.db'}
read: {changes: 1 minute, all: 24 hours}
objects:
  account: {table: account, anchor: id, changes: {table: account_log, sequence: seq, key: id}}
  squad:
    table: squad
    anchor: name
    changes: {table: squad_log, sequence: seq, key: name}
    lists:
      member:
        table: member
        owner: squad
        value: account
        large: true
        changes: {table: member_log, sequence: seq, key: squad, value: account}
"""
TABLES = """
CREATE TABLE account (id INTEGER PRIMARY KEY, emp TEXT UNIQUE, manager INTEGER);
CREATE TABLE squad (name TEXT PRIMARY KEY);
CREATE TABLE member (squad TEXT, account INTEGER, PRIMARY KEY (squad, account));
CREATE TABLE account_log (seq INTEGER PRIMARY KEY, id INTEGER);
CREATE TABLE squad_log (seq INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE member_log (seq INTEGER PRIMARY KEY, squad TEXT, account INTEGER);
"""


def logged(table: str, columns: str) -> str:
    """The triggers that fill the change table of a table."""
    made = ""
    for event, row in (("INSERT", "new"), ("UPDATE", "new"), ("DELETE", "old")):
        values = ", ".join(f"{row}.{name}" for name in columns.split(", "))
        made += (
            f"CREATE TRIGGER {table}_{event} AFTER {event} ON {table} BEGIN "
            f"INSERT INTO {table}_log ({columns}) VALUES ({values}); END;"
        )
    return made


def test_rows_and_members_that_another_hand_changed_are_told_one_by_one(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "app.db", isolation_level=None)
    database.executescript(
        TABLES + logged("account", "id") + logged("squad", "name") + logged("member", "squad, account")
    )

    def members() -> set[tuple[str, str]]:
        return set(database.execute("SELECT s.squad, a.emp FROM member s JOIN account a ON a.id = s.account"))

    with World(tmp_path, safety="safety: {percent: 100, members: 100, updates: 100}") as world:
        hr = world.source("hr", "worker", mapping=WORKER)
        teams = world.source("teams", "team", mapping=TEAM, attributes={"member": "[text]"})
        world.write("systems/app.yaml", SYSTEM)
        world.mapping("app-account", "app", "account", ACCOUNT)
        world.mapping("app-squad", "app", "squad", SQUAD)
        for key in "1234":
            hr.put(key, id=key)
        teams.put("a", id="a", member=["1", "2"])
        teams.put("b", id="b", member=["3", "4"])
        wanted = {("a", "1"), ("a", "2"), ("b", "3"), ("b", "4")}

        def run() -> None:
            world.wait(minutes=2)
            assert world.run()["errors"] == []
            assert members() == wanted

        run()
        run()
        database.executescript(
            "DELETE FROM member WHERE account = (SELECT id FROM account WHERE emp = '2');"
            "INSERT INTO member SELECT 'b', id FROM account WHERE emp = '1'; DELETE FROM account WHERE emp = '4'"
        )
        run()
        teams.put("a", id="a", member=["1", "2", "3"])
        teams.put("c", id="c", member=["3"])
        wanted |= {("a", "3"), ("c", "3")}
        run()
        world.wait(minutes=2)
        assert world.plan(full=True)["changes"] == []
        database.executescript("DROP TRIGGER member_INSERT; INSERT INTO member VALUES ('c', 1)")
        world.wait(minutes=2)
        assert world.plan()["changes"] == [], "what no change table tells waits for the next full read"
        assert [one["anchor"] for one in world.plan(full=True)["changes"]] == ["c"]
    database.close()
