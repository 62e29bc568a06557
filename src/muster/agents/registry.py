"""Who may be an agent, which servers there are, and which engines may call: kept beside the store."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import sqlalchemy as sa

from muster.agents.keys import code_hash, digest, enrols, new_code
from muster.agents.migrations import VERSION, VERSION_TABLE
from muster.agents.tables import metadata
from muster.model.errors import ProjectError
from muster.model.values import instant_text
from muster.store.database import Database, Session
from muster.store.lineage import Lineage, open_database
from muster.sync.clock import moment

_LINEAGE: Final = Lineage(
    "agents",
    metadata,
    VERSION,
    VERSION_TABLE,
    "muster.agents.migrations.upgrading",
    lock=4244,
    anew="move the old file away with its -wal and -shm (on PostgreSQL: drop its tables agent%), and enrol every agent "
    "again: muster agent --help",
)
SECOND: Final = 1_000_000
_DAY: Final = 24 * 60 * 60 * SECOND
_TICKET: Final = 10 * 60 * SECOND
_FRESH: Final = 30 * SECOND
"""A server that was not heard of for longer is not asked."""
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class Refused(Exception):
    """Somebody may not do what it asks for; the text tells it why."""


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent that was enrolled. `trouble`: why it was sent away when it last came."""

    id: int
    name: str
    group: str
    key: str
    version: str
    enrolled: int
    seen: int | None
    trouble: str | None
    revoked: int | None


@dataclass(frozen=True, slots=True)
class ServerPlace:
    """A server on this store: its machine, where it listens there, and the certificate that it shows (PEM)."""

    id: str
    host: str
    listen: str
    port: int
    certificate: str


_AGENT: Final = "SELECT id, name, crew, key, version, enrolled, seen, trouble, revoked FROM agent"


class Registry:
    """Use it as a context manager, or `close` it. Threads may share it."""

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock

    @classmethod
    def open(cls, store: str, folder: Path, clock: Callable[[], int] | None = None) -> Self:
        """The registry beside a store, made when there is none. Raises `StoreError`."""
        return cls(open_database(_url(store), folder, _LINEAGE), clock or (lambda: int(time.time() * SECOND)))

    def close(self) -> None:
        """Give the database back."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # --- enrolling

    def make_code(self, group: str, seconds: int) -> tuple[str, int]:
        """A code with which one agent can enrol, and when it expires. Raises `ProjectError` for what is no name."""
        if NAME.fullmatch(group) is None:
            raise ProjectError(f"{group!r} is no name for a group: use up to 63 letters, digits, dots, - and _")
        code = new_code()
        now = self._clock()
        expires = now + seconds * SECOND
        with self._database.write() as session:
            session.run("DELETE FROM agent_code WHERE expires < ?", now - 30 * _DAY)
            session.run(
                "INSERT INTO agent_code (hash, crew, expires) VALUES (?, ?, ?)", code_hash(code), group, expires
            )
        return code, expires

    def enrol(self, code: str, name: str, key: str, proof: str, version: str) -> Agent:
        """Take an agent in; its code is used up. Raises `Refused`."""
        if NAME.fullmatch(name) is None:
            raise Refused(f"{name!r} is no name for an agent: use up to 63 letters, digits, dots, - and _")
        now = self._clock()
        with self._database.write() as session:
            group = _redeemed(session, code, now)
            if not enrols(key, proof, code, name):
                raise Refused("the agent does not prove that it has its key")
            if session.one("SELECT id FROM agent WHERE name = ? AND revoked IS NULL", name) is not None:
                raise Refused(
                    f"there is an agent {name!r} already. Give this one another name with --name, or first: "
                    f"muster agent revoke {name}"
                )
            session.run(
                "INSERT INTO agent (name, crew, key, version, enrolled) VALUES (?, ?, ?, ?, ?)",
                name,
                group,
                key,
                version,
                now,
            )
            session.run("UPDATE agent_code SET used = ?, used_by = ? WHERE hash = ?", now, name, code_hash(code))
            row = session.one(f"{_AGENT} WHERE name = ? AND revoked IS NULL", name)
        assert row is not None
        return Agent(*row)

    # --- agents

    def agents(self) -> list[Agent]:
        """All that are enrolled, by group and name; those revoked last."""
        with self._database.read() as session:
            rows = session.rows(f"{_AGENT} ORDER BY CASE WHEN revoked IS NULL THEN 0 ELSE 1 END, crew, name, id")
        return [Agent(*row) for row in rows]

    def known(self, name: str) -> Agent:
        """The agent of that name. Raises `Refused` when there is none any more."""
        with self._database.read() as session:
            row = session.one(f"{_AGENT} WHERE name = ? ORDER BY id DESC LIMIT 1", name)
        if row is None:
            raise Refused(f"no agent {name!r} is enrolled here. Enrol it: muster agent code GROUP, on the server")
        found = Agent(*row)
        if found.revoked is not None:
            raise Refused(
                f"the agent {name!r} was revoked on {_at(found.revoked)}. It can be enrolled again with a new code"
            )
        return found

    def revoke(self, name: str) -> Agent:
        """An agent may do nothing any more. Raises `ProjectError`."""
        with self._database.write() as session:
            row = session.one(f"{_AGENT} WHERE name = ? AND revoked IS NULL", name)
            if row is None:
                names = session.rows("SELECT name FROM agent WHERE revoked IS NULL ORDER BY name")
                known = ", ".join(one for (one,) in names) or "none"
                raise ProjectError(f"There is no agent {name!r} that could be revoked. Enrolled: {known}")
            session.run("UPDATE agent SET revoked = ? WHERE id = ?", self._clock(), row[0])
        return Agent(*row)

    def revoked(self) -> set[int]:
        """The ids of all that were revoked."""
        with self._database.read() as session:
            return {row[0] for row in session.rows("SELECT id FROM agent WHERE revoked IS NOT NULL")}

    def saw(self, agents: list[int]) -> None:
        """These are here now."""
        now = self._clock()
        with self._database.write() as session:
            session.run("UPDATE agent SET seen = ?, trouble = NULL WHERE id IN ?i", now, agents)

    def came(self, agent: int, version: str, trouble: str | None) -> None:
        """An agent of this version came; with `trouble`, it was sent away."""
        with self._database.write() as session:
            session.run(
                "UPDATE agent SET version = ?, trouble = ?, seen = ? WHERE id = ?",
                version,
                trouble,
                self._clock(),
                agent,
            )

    # --- servers and engines

    def announce(self, server: ServerPlace) -> None:
        """A server is here; to be said again well within half a minute."""
        row = (server.id, server.host, server.listen, server.port, server.certificate, self._clock())
        columns = ("id", "host", "listen", "port", "certificate", "seen")
        with self._database.write() as session:
            session.run("DELETE FROM agent_server WHERE seen < ?", self._clock() - _DAY)
            session.upsert("agent_server", columns, ("id",), [row])

    def withdraw(self, server: ServerPlace) -> None:
        """A server is here no longer."""
        with self._database.write() as session:
            session.run("DELETE FROM agent_server WHERE id = ?", server.id)

    def servers(self) -> list[ServerPlace]:
        """Those that are here, the one last heard of first."""
        with self._database.read() as session:
            rows = session.rows(
                "SELECT id, host, listen, port, certificate FROM agent_server WHERE seen > ? ORDER BY seen DESC",
                self._clock() - _FRESH,
            )
        return [ServerPlace(*row) for row in rows]

    def ticket(self) -> str:
        """What an engine shows a server to prove that it may write this store; good for some minutes."""
        token = secrets.token_urlsafe(32)
        now = self._clock()
        with self._database.write() as session:
            session.run("DELETE FROM agent_ticket WHERE expires < ?", now)
            session.run("INSERT INTO agent_ticket (hash, expires) VALUES (?, ?)", digest(token), now + _TICKET)
        return token

    def admits(self, token: str) -> bool:
        """Whether it is a ticket."""
        with self._database.read() as session:
            expires = session.value("SELECT expires FROM agent_ticket WHERE hash = ?", digest(token))
        return expires is not None and expires > self._clock()


def _redeemed(session: Session, code: str, now: int) -> str:
    """The group of a code that is still good. Raises `Refused`."""
    row = session.one("SELECT crew, expires, used, used_by FROM agent_code WHERE hash = ?", code_hash(code))
    another = "Ask for another: muster agent code GROUP, on the server"
    if row is None:
        raise Refused(f"this is no code that was given out here. {another}")
    group, expires, used, used_by = row
    if used is not None:
        raise Refused(f"this code was used on {_at(used)}, by the agent {used_by!r}. {another}")
    if expires <= now:
        raise Refused(f"this code expired on {_at(expires)}. {another}")
    return str(group)


def _at(micros: int) -> str:
    return instant_text(moment(micros - micros % SECOND))


def _url(store: str) -> str:
    """Where the registry is kept: the store's database on PostgreSQL, else a file beside the store's."""
    url = sa.make_url(store)
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return store
    return url.set(database=str(Path(str(url.database)).with_name("agents.db"))).render_as_string(False)
