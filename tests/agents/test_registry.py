"""Who may be an agent: codes that are good once and soon, names, revocation; what is kept lets nobody in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from muster.agents import migrations
from muster.agents.keys import AgentKey, answers
from muster.agents.migrations import VERSION, VERSION_TABLE
from muster.agents.migrations.upgrading import upgrade
from muster.agents.registry import SECOND, Agent, Refused, Registry, ServerPlace
from muster.agents.tables import metadata
from muster.model.errors import ProjectError
from muster.store.database import Database
from tests.store.test_opening import shape

NOON = 1_774_000_000 * SECOND
ADVICE = "src/muster/agents/tables.py and its migrations disagree"


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    found: str = f"sqlite:///{tmp_path}/state.db"
    return found if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
def registry(url: str, tmp_path: Path, clock: Clock) -> Iterator[Registry]:
    with Registry.open(url, tmp_path, clock) as opened:
        yield opened


def enrol(registry: Registry, code: str, name: str = "dc1", key: AgentKey | None = None) -> Agent:
    made = key or AgentKey.new()
    return registry.enrol(code, name, made.public, made.enrols(code, name), "1.0")


def test_a_code_lets_one_agent_into_its_group(registry: Registry) -> None:
    code, expires = registry.make_code("dc", 900)
    assert expires == NOON + 900 * SECOND
    key = AgentKey.new()
    assert enrol(registry, code.lower().replace("-", " "), key=key).group == "dc"
    known = registry.known("dc1")
    assert answers(known.key, key.answers("challenge", "dc1"), "challenge", "dc1")
    assert not answers(known.key, key.answers("another", "dc1"), "challenge", "dc1")
    assert not answers(known.key, AgentKey.new().answers("challenge", "dc1"), "challenge", "dc1")
    assert not answers(known.key, "no base64", "challenge", "dc1")


def test_a_code_that_is_used_says_by_whom(registry: Registry) -> None:
    code, _ = registry.make_code("dc", 900)
    enrol(registry, code)
    with pytest.raises(Refused, match=r"this code was used on 2026-03-20T09:46:40Z, by the agent 'dc1'\. Ask for ano"):
        enrol(registry, code, "dc2")
    assert [one.name for one in registry.agents()] == ["dc1"]


def test_a_code_that_is_late_says_since_when(registry: Registry, clock: Clock) -> None:
    code, _ = registry.make_code("dc", 900)
    clock.now += 900 * SECOND
    with pytest.raises(Refused, match="this code expired on 2026-03-20T10:01:40Z"):
        enrol(registry, code)


def test_a_code_that_was_never_given_out(registry: Registry) -> None:
    with pytest.raises(Refused, match=r"no code that was given out here\. Ask for another: muster agent code GROUP"):
        enrol(registry, "AAAAA-BBBBB-CCCCC-DDDDD")


def test_who_has_not_the_key_does_not_use_the_code_up(registry: Registry) -> None:
    code, _ = registry.make_code("dc", 900)
    with pytest.raises(Refused, match="does not prove that it has its key"):
        registry.enrol(code, "dc1", AgentKey.new().public, AgentKey.new().enrols(code, "dc1"), "1.0")
    with pytest.raises(Refused, match="'dc 1' is no name"):
        enrol(registry, code, "dc 1")
    assert enrol(registry, code).name == "dc1"


def test_a_name_is_one_agents_until_it_is_revoked(registry: Registry) -> None:
    enrol(registry, registry.make_code("dc", 900)[0])
    code = registry.make_code("dc", 900)[0]
    with pytest.raises(Refused, match=r"there is an agent 'dc1' already\. .* muster agent revoke dc1"):
        enrol(registry, code)
    registry.revoke("dc1")
    with pytest.raises(Refused, match="the agent 'dc1' was revoked on 2026-03-20"):
        registry.known("dc1")
    again = enrol(registry, code)
    assert registry.known("dc1").id == again.id
    assert len(registry.revoked()) == 1


def test_who_is_not_there_cannot_be_revoked(registry: Registry) -> None:
    enrol(registry, registry.make_code("dc", 900)[0])
    with pytest.raises(ProjectError, match=r"no agent 'dc2' that could be revoked. Enrolled: dc1"):
        registry.revoke("dc2")
    with pytest.raises(Refused, match="no agent 'dc2' is enrolled here"):
        registry.known("dc2")
    with pytest.raises(ProjectError, match="'a b' is no name for a group"):
        registry.make_code("a b", 900)


def test_nothing_that_is_kept_lets_anybody_in(registry: Registry, url: str, tmp_path: Path) -> None:
    code, _ = registry.make_code("dc", 900)
    ticket = registry.ticket()
    assert registry.admits(ticket)
    kept = []
    with Database(url.replace("state.db", "agents.db"), tmp_path) as database, database.read() as session:
        for table in metadata.tables:
            kept.extend(session.rows(f"SELECT * FROM {table}"))
    assert code not in str(kept)
    assert code.replace("-", "") not in str(kept)
    assert ticket not in str(kept)


def test_a_ticket_is_good_for_some_minutes(registry: Registry, clock: Clock) -> None:
    ticket = registry.ticket()
    clock.now += 599 * SECOND
    assert registry.admits(ticket)
    clock.now += SECOND
    assert not registry.admits(ticket)
    assert not registry.admits("another")


def test_servers_are_known_while_they_say_so(registry: Registry, clock: Clock) -> None:
    one, two = (ServerPlace(name, "host", "127.0.0.1", 8443, "PEM") for name in ("one", "two"))
    registry.announce(one)
    clock.now += 20 * SECOND
    registry.announce(two)
    assert registry.servers() == [two, one]
    clock.now += 20 * SECOND
    assert registry.servers() == [two]
    registry.withdraw(two)
    assert registry.servers() == []


def test_the_migrations_lead_to_the_tables_of_the_code(url: str, tmp_path: Path) -> None:
    with Database(url, tmp_path) as database:
        with database.write() as session:
            upgrade(session.connection)
        with database.read() as session:
            context = MigrationContext.configure(
                session.connection, opts={"version_table": VERSION_TABLE, "compare_type": True}
            )
            assert compare_metadata(context, metadata) == [], ADVICE
            migrated = shape(session, VERSION_TABLE)
    with Database(f"sqlite:///{tmp_path}/agents.db" if "sqlite" in url else url, tmp_path) as database:
        if database.postgres:
            with database.write() as session:
                for table in [*metadata.tables, VERSION_TABLE]:
                    session.run(f'DROP TABLE "{table}"')
        Registry.open(url, tmp_path).close()
        with database.read() as session:
            assert shape(session, VERSION_TABLE) == migrated, ADVICE


def test_the_page_explains_every_table_and_column() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "agents.md"
    parts = [re.findall(r"`([a-z_]+)`", part) for part in re.split(r"(?m)^(?=- `agent)", page.read_text("utf-8"))]
    for table in metadata.tables.values():
        told = {name for names in parts if table.name in names[:1] for name in names}
        assert {column.name for column in table.columns} <= told, table.name


def test_the_version_of_the_code_is_the_newest_migration() -> None:
    assert ScriptDirectory(str(Path(migrations.__file__).parent)).get_current_head() == VERSION
