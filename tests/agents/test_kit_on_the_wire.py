"""The conformance kit through a real server and an agent, over TLS: on flat files, SQL and memory, and its mutants."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from muster.agents.remote import remote_class
from muster.connectors.flatfile import FlatFileConnector
from muster.connectors.kit.check import Check
from muster.connectors.kit.conformance import CHECKS
from muster.connectors.kit.contract import Connector
from muster.connectors.kit.memory import MemoryConnector
from muster.connectors.kit.mutants import MUTANTS, Mutant
from muster.connectors.kit.registry import connector_class
from muster.connectors.kit.subject import Subject
from muster.connectors.sql import SqlConnector
from tests.agents.live import Company, here
from tests.agents.subjects import SECRETS, remote_subject
from tests.agents.test_kit import MENDED
from tests.connectors.databases import ACCOUNT, Database, SqlSubject
from tests.connectors.subjects import MemorySubject
from tests.connectors.test_flatfile import HEADING, TYPES, FileSubject

pytestmark = pytest.mark.slow


class Far:
    """An agent of its own for this module; `kind` is what it takes for the memory connector."""

    def __init__(self, company: Company, folder: Path) -> None:
        self.company = company
        self.folder = folder
        self.kind: type[Connector] = MemoryConnector

    def connectors(self, name: str) -> type[Connector]:
        return self.kind if name == "memory" else connector_class(name)

    def remote(self, system: str, kind: type[Connector], settings: Any, objects: Any) -> Any:
        return self.company.remote(system, kind, settings, objects)

    def memory(self, kind: type[Connector]) -> MemorySubject:
        self.kind = kind
        return remote_subject(kind, self)


@pytest.fixture(scope="module")
def far(company: Company) -> Iterator[Far]:
    state = company.enrolled("kit")
    for name, text in SECRETS.items():
        (state.folder / "secrets" / name).write_text(text)
    found = Far(company, state.folder)
    with here(state, found.connectors):
        yield found


# --- a flat file, a database, memory


class FarFile(FileSubject):
    connector = cast("type[Connector]", remote_class(FlatFileConnector))

    def __init__(self, far: Far) -> None:
        self.far = far
        super().__init__(far.folder, "w.csv", HEADING, {}, TYPES)

    def _open(self, settings: dict[str, Any]) -> Connector:
        objects = {"worker": {"anchor": "id", "columns": self.columns, "enabled": self.switch}}
        made: Connector = self.far.remote("hr", FlatFileConnector, settings, objects)
        return made


class FarSql(SqlSubject):
    connector = cast("type[Connector]", remote_class(SqlConnector))

    def __init__(self, far: Far) -> None:
        self.far = far
        for old in far.folder.glob("app.db*"):
            old.unlink()
        with closing(sqlite3.connect(far.folder / "app.db")) as made:
            made.execute("PRAGMA journal_mode = WAL")
        super().__init__(Database("sqlite:///app.db", far.folder))

    def open(self) -> Connector:
        return self._reached(self.database.url)

    def unreachable(self) -> Connector | None:
        return self._reached("sqlite:///no-such.db")

    def _reached(self, url: str) -> Connector:
        made: Connector = self.far.remote("app", SqlConnector, {"url": url}, {"account": ACCOUNT})
        return made


@pytest.fixture(params=["file", "sql", "memory"])
def subject(request: pytest.FixtureRequest, far: Far) -> Iterator[Subject]:
    if request.param == "file":
        yield FarFile(far)
    elif request.param == "sql":
        yield FarSql(far)
    else:
        memory = far.memory(MemoryConnector)
        yield memory
        memory.system.close()


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_keeps_the_promise_behind_an_agent(check: Check, subject: Subject) -> None:
    if not check.lacking(subject):
        check.run(subject)
    else:
        assert not isinstance(subject, MemorySubject), check.lacking(subject)


@pytest.mark.parametrize("mutant", [one for one in MUTANTS if one not in MENDED], ids=lambda one: one.__name__)
def test_the_named_check_catches_the_mutant_behind_an_agent(mutant: Mutant, far: Far) -> None:
    check = next(check for check in CHECKS if check.name == mutant.caught_by)
    memory = far.memory(mutant)
    with pytest.raises(AssertionError, match=check.name):
        check.run(memory)
    memory.system.close()
