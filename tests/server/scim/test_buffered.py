"""A service that answers from the connector space: what was read last, and what was written through it."""

from __future__ import annotations

import contextlib
import sqlite3

from tests.server.scim.test_resources import group, person
from tests.servers.gateway import GatewayServer, Scim


def test_it_answers_with_what_was_read_last(gateway: GatewayServer, app: Scim, space: Scim) -> None:
    """Behind its back a user changes, one comes and one goes: seen at once by the live service, here after a run."""
    kept, gone = (space.made("Users", person(title="before")) for _ in range(2))
    with contextlib.closing(sqlite3.connect(gateway.folder / "space.db")) as database:
        database.execute("UPDATE account SET title = 'after' WHERE id = ?", (kept["id"],))
        database.execute("INSERT INTO account (login, active) VALUES ('newcomer', 1)")
        database.execute("DELETE FROM account WHERE id = ?", (gone["id"],))
        database.commit()
    assert space.get(f"Users/{kept['id']}") == kept
    assert space.ask("GET", f"Users/{gone['id']}").status_code == 200
    assert space.names('userName eq "newcomer"') == []

    gateway.muster("run", "--allow-deletes")
    assert space.get(f"Users/{kept['id']}")["title"] == "after"
    assert space.ask("GET", f"Users/{gone['id']}").status_code == 404
    assert space.names('userName eq "newcomer"') == ["newcomer"]
    assert app.names('userName eq "newcomer"') == []


def test_what_is_written_is_in_the_system_and_seen_at_once(gateway: GatewayServer, space: Scim) -> None:
    made = space.made("Users", person(title="Dr"))
    team = space.made("Groups", group(members=[{"value": made["id"]}]))
    assert space.names(f'members eq "{made["id"]}"', "Groups") == [team["displayName"]]
    with contextlib.closing(sqlite3.connect(gateway.folder / "space.db")) as database:
        assert database.execute("SELECT title FROM account WHERE id = ?", (made["id"],)).fetchone() == ("Dr",)
        members = database.execute("SELECT account FROM team_member WHERE team = ?", (team["id"][6:],)).fetchall()
    assert members == [(int(made["id"]),)]
    space.ask("DELETE", f"Users/{made['id']}")
    assert space.names(f'userName eq "{made["userName"]}"') == []


def test_a_write_over_what_is_no_longer_so_is_refused_and_shown(gateway: GatewayServer, space: Scim) -> None:
    made = space.made("Users", person(title="before"))
    where = f"Users/{made['id']}"
    with contextlib.closing(sqlite3.connect(gateway.folder / "space.db")) as database:
        database.execute("UPDATE account SET title = 'elsewhere' WHERE id = ?", (made["id"],))
        database.commit()
    body = {**person(made["userName"]), "title": "mine"}
    assert space.ask("PUT", where, body, headers={"If-Match": made["meta"]["version"]}).status_code == 412
    assert space.get(where)["title"] == "elsewhere"
