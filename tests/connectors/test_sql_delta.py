"""SQL: changes told by a column that grows or by a change table; what commits late; single members of large lists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import ValidationError

from muster.connectors.sql import SqlConnector, connector
from muster.connectors.sql.positions import Position, position_of
from muster.connectors.sql.settings import SqlObject
from muster.model.errors import IncompleteRead, WatermarkExpired
from muster.model.objects import Page
from muster.model.values import Attribute, Type
from tests.connectors.databases import Database, pages

NUMBER, INSTANT = Attribute("rev", Type.INTEGER), Attribute("at", Type.DATETIME)
ACCOUNT = {"table": "account", "anchor": "login", "watermark": "rev"}
SERIAL = {
    "sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "postgresql": "BIGSERIAL PRIMARY KEY",
    "mariadb": "BIGINT AUTO_INCREMENT PRIMARY KEY",
}


class Clock:
    """The time of a read."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(connector, "time", made)
    return made


def came(read: list[Page]) -> dict[str, bool]:
    """The anchors that a read told; whether each is there still."""
    return {item.anchor: not item.deleted for page in read for item in page.objects}


def test_what_was_met_is_settled_once_all_that_was_open_then_has_ended() -> None:
    first = Position.first(50, 40, NUMBER, now=0, overlap=60)
    assert (first.settled, first.met) == (40, 50)
    assert first.after(70, now=59, overlap=60) is first, "what is between may have been there before 50 and unseen"
    later = first.after(70, now=60, overlap=60)
    assert (later.settled, later.met) == (50, 70)
    idle = later.after(None, now=200, overlap=60)
    assert (idle.settled, idle.met) == (70, 70)
    assert position_of(idle.document()) == idle
    assert position_of({"account": 3}) is None


def test_where_changes_carry_a_time_the_first_look_goes_back_by_time() -> None:
    first = Position.first("2026-01-31T17:00:00Z", "2020-01-01T00:00:00Z", INSTANT, now=0, overlap=600)
    assert first.settled == "2026-01-31T16:50:00Z"


@pytest.mark.parametrize("told", ["watermark", "changes"])
def test_what_commits_late_is_told_and_nothing_is_told_for_ever(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Clock, told: str
) -> None:
    database = Database(request.getfixturevalue("postgres_url"), tmp_path)
    database.run("CREATE TABLE account (login text PRIMARY KEY, rev integer)")
    database.run("CREATE TABLE log (seq integer, login text)")
    database.run("INSERT INTO account SELECT 'old' || n, 1 FROM generate_series(1, 1500) n")
    database.run("INSERT INTO log SELECT n, 'old' || n FROM generate_series(1, 1500) n")
    spec: dict[str, Any] = {"table": "account", "anchor": "login", "overlap": 60}
    if told == "watermark":
        spec["watermark"] = "rev"
    else:
        spec["changes"] = {"table": "log", "sequence": "seq", "key": "login"}
    made = database.connector(account=spec)
    since = pages(made)[-1].watermark
    with psycopg.connect(database.url) as slow:
        slow.execute("INSERT INTO account VALUES ('late', 2); INSERT INTO log VALUES (1501, 'late')")
        database.run("INSERT INTO account VALUES ('quick', 3); INSERT INTO log VALUES (1502, 'quick')")
        clock.now += 61
        delta = pages(made, since=since)
        assert "quick" in came(delta)
        assert delta[-1].blind == (told == "watermark"), "a column alone does not show which rows went"
        assert "late" not in came(delta)
    clock.now += 59
    delta = pages(made, since=delta[-1].watermark)
    assert "late" in came(delta)
    for _ in range(2):
        clock.now += 61
        delta = pages(made, since=delta[-1].watermark)
    assert came(delta) == {}


def team(database: Database, **more: Any) -> SqlConnector:
    """Teams with members that are told one by one."""
    serial = SERIAL[database.kind]
    database.run(
        "CREATE TABLE team (id VARCHAR(9) PRIMARY KEY, kind VARCHAR(9));"
        "CREATE TABLE member (team VARCHAR(9), person VARCHAR(9));"
        f"CREATE TABLE team_log (seq {serial}, id VARCHAR(9));"
        f"CREATE TABLE member_log (seq {serial}, team VARCHAR(9), person VARCHAR(9));"
        "INSERT INTO team VALUES ('a', 'x'), ('b', 'x');"
        "INSERT INTO member VALUES ('a', 'ann'), ('a', 'bob'), ('b', 'bob')"
    )
    log = {"table": "member_log", "sequence": "seq", "key": "team", "value": "person"}
    members = {"table": "member", "owner": "team", "value": "person", "large": True, "changes": log}
    changes = {"table": "team_log", "sequence": "seq", "key": "id"}
    return database.connector(
        team={"table": "team", "anchor": "id", "changes": changes, "lists": {"members": members}, **more}
    )


def edges(read: list[Page]) -> dict[str, tuple[list[str], list[str], bool]]:
    return {one.anchor: (sorted(one.values), one.removed, one.whole) for page in read for one in page.edges}


def test_members_come_one_by_one_and_no_team_is_read_whole_for_them(database: Database) -> None:
    made = team(database)
    full = pages(made, "team")
    assert edges(full) == {"a": (["ann", "bob"], [], True), "b": (["bob"], [], True)}
    database.run(
        "INSERT INTO member VALUES ('a', 'cat'), ('c', 'dan'), ('ghost', 'x');"
        "DELETE FROM member WHERE person = 'bob';"
        "INSERT INTO member_log (team, person) VALUES ('a', 'cat'), ('a', 'bob'), ('b', 'bob'), ('c', 'dan'),"
        " ('ghost', 'x');"
        "INSERT INTO team VALUES ('c', 'x'); UPDATE team SET kind = 'y' WHERE id = 'a';"
        "INSERT INTO team_log (id) VALUES ('c'), ('a')"
    )
    delta = pages(made, "team", since=full[-1].watermark)
    assert came(delta) == {"a": True, "c": True}
    assert edges(delta) == {"a": (["cat"], ["bob"], False), "b": ([], ["bob"], False), "c": (["dan"], [], False)}
    database.run("INSERT INTO member_log (seq, team, person) VALUES (9, 'a', 'ann')")
    database.run("DELETE FROM member_log WHERE seq < 9")
    with pytest.raises(WatermarkExpired, match="member_log no longer goes back so far"):
        pages(made, "team", since=delta[-1].watermark)


def test_a_team_that_was_hidden_shows_all_its_members_when_it_appears(lite: Database) -> None:
    made = team(lite, where="kind = 'y'")
    full = pages(made, "team")
    lite.run(
        "UPDATE team SET kind = 'y' WHERE id = 'a'; INSERT INTO team_log (id) VALUES ('a');"
        "INSERT INTO member VALUES ('a', 'cat'); INSERT INTO member_log (team, person) VALUES ('a', 'cat')"
    )
    delta = pages(made, "team", since=full[-1].watermark)
    assert edges(delta) == {"a": (["ann", "bob", "cat"], [], True)}


def test_a_small_list_whose_values_change_alone_has_its_row_read_anew(lite: Database) -> None:
    lite.run("CREATE TABLE account (login TEXT PRIMARY KEY, rev INTEGER); CREATE TABLE alias (login TEXT, alias TEXT);"
             "CREATE TABLE alias_log (seq INTEGER PRIMARY KEY, login TEXT)")  # fmt: skip
    lite.run(f"INSERT INTO account VALUES {', '.join(f'({n}, {n})' for n in range(1_100))}")
    log = {"table": "alias_log", "sequence": "seq", "key": "login"}
    lists = {"aliases": {"table": "alias", "owner": "login", "value": "alias", "changes": log}}
    made = lite.connector(account={**ACCOUNT, "lists": lists})
    since = pages(made)[-1].watermark
    lite.run("INSERT INTO alias VALUES ('7', 'seven'); INSERT INTO alias_log (login) VALUES ('7')")
    found = {item.anchor: item for page in pages(made, since=since) for item in page.objects}
    assert found["7"].values["aliases"] == ["seven"]
    assert "50" not in found


def test_rows_that_are_marked_as_deleted_or_leave_the_condition_are_told_by_the_column_that_grows(
    lite: Database,
) -> None:
    lite.run("CREATE TABLE account (login TEXT PRIMARY KEY, rev INTEGER, kind TEXT, gone BOOLEAN)")
    lite.run("INSERT INTO account (login, rev, kind) VALUES ('a', 1, 'x'), ('b', 2, 'x'), ('c', 3, 'x')")
    made = lite.connector(account={**ACCOUNT, "where": "kind = 'x'", "deleted": "gone"})
    since = pages(made)[-1].watermark
    lite.run(
        "UPDATE account SET gone = 1, rev = 4 WHERE login = 'a';"
        "UPDATE account SET kind = 'y', rev = 5 WHERE login = 'b'"
    )
    assert came(pages(made, since=since)) == {"a": False, "b": False, "c": True}


def test_double_rows_of_a_view_are_problems_in_a_delta_too(lite: Database) -> None:
    lite.run("CREATE TABLE job (login TEXT, rev INTEGER); CREATE VIEW account AS SELECT * FROM job;"
             "INSERT INTO job VALUES ('a', 1)")  # fmt: skip
    made = lite.connector(account=ACCOUNT)
    since = pages(made)[-1].watermark
    lite.run("INSERT INTO job VALUES ('a', 2)")
    delta = pages(made, since=since)
    assert came(delta) == {}
    assert [problem.anchor for page in delta for problem in page.problems] == ["a", "a"]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"watermark": "rev", "changes": {"table": "l", "sequence": "s", "key": "k"}}, "not both"),
        ({"overlap": 5}, "`overlap` says how changes are looked for: it needs `watermark` or `changes`"),
        ({"lists": {"m": {"table": "m", "owner": "o", "value": "v",
                          "changes": {"table": "l", "sequence": "s", "key": "k"}}}},
         "m has `changes`, and what changes in account itself is not told"),
        ({"watermark": "rev", "lists": {"m": {"table": "m", "owner": "o", "value": "v", "large": True,
                                              "changes": {"table": "l", "sequence": "s", "key": "k"}}}},
         "`changes` of a `large` list needs `value`"),
    ],
)  # fmt: skip
def test_ways_of_telling_changes_that_do_not_go_together_are_refused(spec: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(said)):
        SqlObject.model_validate({"table": "account", "anchor": "login", **spec})


def test_a_column_that_cannot_tell_changes_is_refused_with_what_can(lite: Database) -> None:
    lite.run("CREATE TABLE account (login TEXT PRIMARY KEY, changed DATE); CREATE TABLE log (seq TEXT, login TEXT)")
    spec = {"table": "account", "anchor": "login"}
    with pytest.raises(IncompleteRead, match="changed of account is date, and changes are told by a column that grows"):
        pages(lite.connector(account={**spec, "watermark": "changed"}))
    log = {"table": "log", "sequence": "seq", "key": "login"}
    with pytest.raises(IncompleteRead, match=r"seq of log is text, .* Name one of integer or decimal in systems/"):
        pages(lite.connector(account={**spec, "changes": log}))
