"""One transaction of the directory, and what belongs to it: the time, the tenant, the sequence of changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from muster.directory.schema.kinds import Kind
from muster.directory.schema.property import Property, Type
from muster.store.database import Session

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE: Final = 60_000_000
DAY: Final = 24 * 60 * MINUTE


@dataclass(frozen=True, slots=True)
class Tenant:
    """The organisation: its id, what people call it, and the domains that names may end in (none named: any).

    `key` seals what clients keep for the directory and bring back, so that it is known again.
    """

    id: str
    name: str
    created: int
    domains: tuple[str, ...] = ()
    key: bytes = field(default=b"", repr=False)

    @property
    def domain(self) -> str:
        """The domain of names that the directory makes itself."""
        return (
            self.domains[0] if self.domains else f"{re.sub(r'[^a-z0-9]+', '-', self.name.lower()).strip('-')}.internal"
        )


@dataclass(slots=True)
class Work:
    """A transaction at `now` (microseconds since 1970). `sync`: on behalf of one who may synchronise.

    `last` is the number of the last change that the transaction sees, its own included.
    """

    session: Session
    tenant: Tenant
    now: int
    last: int
    sync: bool = False
    instant: str = field(init=False)
    """The time as documents hold it, in whole seconds."""
    _extensions: dict[str, tuple[Property, frozenset[Kind]]] | None = field(default=None)

    def __post_init__(self) -> None:
        self.instant = instant(self.now - self.now % 1_000_000)

    def next(self) -> int:
        """The number of a new change."""
        self.last += 1
        return self.last

    def extensions(self, kind: Kind) -> dict[str, Property]:
        """The directory extensions that objects of a kind may have."""
        if self._extensions is None:
            rows = self.session.rows("SELECT name, type, many, targets FROM dir_extension")
            self._extensions = {
                name: (
                    Property(name, Type(type_), many=bool(many), longest=256, advanced=EXTENSION_FILTERS),
                    frozenset(Kind(number) for number in orjson.loads(targets)),
                )
                for name, type_, many, targets in rows
            }
        return {name: one for name, (one, targets) in self._extensions.items() if kind in targets}

    def forget_extensions(self) -> None:
        """They have changed."""
        self._extensions = None

    @contextmanager
    def apart(self) -> Iterator[None]:
        """A part of the transaction that is undone by itself when it fails."""
        self.session.run("SAVEPOINT apart")
        try:
            yield
        except BaseException:
            self.session.run("ROLLBACK TO SAVEPOINT apart")
            self.session.run("RELEASE SAVEPOINT apart")
            self._extensions = None
            raise
        self.session.run("RELEASE SAVEPOINT apart")


EXTENSION_FILTERS: Final = frozenset({"eq", "in", "ge", "le", "startsWith", "null"})


def instant(micros: int) -> str:
    """A stored instant as documents hold it."""
    return (_EPOCH + timedelta(microseconds=micros)).isoformat().replace("+00:00", "Z")


def micros(text: str) -> int:
    """The stored form of an instant that a document holds."""
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)


def document(text: str) -> dict[str, Any]:
    """A stored document."""
    found: dict[str, Any] = orjson.loads(text)
    return found
