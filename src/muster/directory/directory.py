"""The directory of a project, open: transactions over its tables."""

from __future__ import annotations

import secrets
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

import sqlalchemy as sa

from muster.directory.migrations import VERSION, VERSION_TABLE
from muster.directory.tables import metadata
from muster.directory.work import DAY, MINUTE, Tenant, Work
from muster.store.database import Database, Session
from muster.store.lineage import Lineage, open_database

_LINEAGE: Final = Lineage(
    "directory",
    metadata,
    VERSION,
    VERSION_TABLE,
    "muster.directory.migrations.upgrading",
    lock=4242,
    anew="move the old file away with its -wal and -shm (on PostgreSQL: drop its tables dir_%). Users, groups and "
    "applications that were made in it alone are lost",
)
_WRITERS: Final = 4243
"""PostgreSQL's advisory lock of those who write: they take turns, as they do on SQLite, so that numbers are given out
in the order in which changes are seen."""

_HOUR: Final = 60 * MINUTE
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Settings:
    """`deleted`, `changes`: for how long a deleted object can be restored, and changes asked for; microseconds."""

    name: str = "muster"
    domains: tuple[str, ...] = ()
    deleted: int = 30 * DAY
    changes: int = 7 * DAY


class Directory:
    """Use it as a context manager, or `close` it. Threads may share it."""

    def __init__(self, database: Database, settings: Settings, clock: Callable[[], int]) -> None:
        self.database = database
        self.settings = settings
        self._clock = clock
        self._hour = 0
        self._lock = threading.Lock()
        self.tenant = self._tenant()

    @classmethod
    def open(
        cls, store: str, folder: Path, settings: Settings | None = None, now: Callable[[], datetime] | None = None
    ) -> Self:
        """The directory beside a store, made when there is none. Raises `StoreError`."""
        time = now or (lambda: datetime.now(UTC))
        database = open_database(directory_url(store), folder, _LINEAGE)
        try:
            return cls(database, settings or Settings(), lambda: _micros(time()))
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        """Give the database back."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @contextmanager
    def read(self, seconds: float | None = None) -> Iterator[Work]:
        """A transaction that only reads, and sees one state of the directory. Raises `TooLong` after `seconds`."""
        with self.database.read(seconds) as session:
            yield Work(session, self.tenant, self._clock(), _last(session))

    @contextmanager
    def write(self, *, sync: bool = False) -> Iterator[Work]:
        """A transaction that writes; undone when the block raises. Keep it short: writers take turns."""
        with self.database.write() as session:
            if session.postgres:
                session.run("SELECT pg_advisory_xact_lock(?)", _WRITERS)
            before = _last(session)
            work = Work(session, self.tenant, self._clock(), before, sync=sync)
            yield work
            if work.last != before:
                session.run("UPDATE dir_setting SET value = ? WHERE name = 'sequence'", str(work.last))
                self._mark_hour(session, work.now, before)

    def _mark_hour(self, session: Session, now: int, before: int) -> None:
        """Remember where the sequence stood when an hour began, so that what is old can be told from what is not."""
        hour = now - now % _HOUR
        if hour > self._hour:
            session.run("INSERT INTO dir_moment (at, seq) VALUES (?, ?) ON CONFLICT (at) DO NOTHING", hour, before)
            self._hour = hour

    def _tenant(self) -> Tenant:
        with self.database.read() as session:
            known = _settings(session)
        if "key" not in known:
            with self.database.write() as session:
                made = {"tenant": str(uuid.uuid4()), "sequence": "1", "horizon": "0", "created": str(self._clock())}
                for item in {**made, "key": secrets.token_hex(32)}.items():
                    session.run(
                        "INSERT INTO dir_setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", *item
                    )
                known = _settings(session)
        key = bytes.fromhex(known["key"])
        return Tenant(known["tenant"], self.settings.name, int(known["created"]), self.settings.domains, key)


def _settings(session: Session) -> dict[str, str]:
    return dict(session.rows("SELECT name, value FROM dir_setting"))


def directory_url(store: str) -> str:
    """Where the directory is kept: the store's database on PostgreSQL, else a file beside the store's."""
    url = sa.make_url(store)
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return store
    return url.set(database=str(Path(str(url.database)).with_name("directory.db"))).render_as_string(False)


def _last(session: Session) -> int:
    return int(session.value("SELECT value FROM dir_setting WHERE name = 'sequence'"))


def _micros(moment: datetime) -> int:
    return int((moment - _EPOCH).total_seconds() * 1_000_000)
