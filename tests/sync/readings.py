"""Readings as a test wants them: an HR system whose pages, watermarks and problems are scripted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from muster.connectors.kit.memory import MemoryConnector
from muster.model.objects import ConnectorObject, Page
from muster.model.values import Document
from tests.sync.world import MemorySide, World

HR = """
identity: person
project: true
join:
  - employeeId: '[id]'
inbound:
  precedence: 10
  flows:
    employeeId: '[id]'
    displayName: '[name]'
    mail: '[mail]'
"""
APP = """
identity: person
join:
  - employeeId: '[emp]'
outbound:
  provision: 'true'
  deprovision: disable
  flows:
    login: 'Join("", "u", [employeeId])'
    emp: '[employeeId]'
    name: '[displayName]'
    mail: '[mail]'
"""
FILE = """
connector: flatfile
settings: {path: data/hr.csv}
objects:
  worker: {anchor: id}
"""


def numbered(count: int) -> dict[str, Document]:
    return {f"{n:03}": {"name": f"N{n}"} for n in range(count)}


def two(world: World, rows: Mapping[str, Document]) -> tuple[MemorySide, MemorySide]:
    """HR and an application, in memory."""
    return world.source("hr", "worker", rows=rows, mapping=HR), world.target("app", "account", mapping=APP)


def active(app: MemorySide) -> set[str]:
    return {anchor for anchor, values in app.all().items() if values["enabled"]}


COMPLETE = frozenset({("worker", "")})


def worker(
    anchor: str, *, partition: str = "", whole: bool = True, deleted: bool = False, **values: str
) -> ConnectorObject:
    document: Document = {"id": anchor, "name": f"N{anchor}"} if whole and not values else {**values}
    if whole and not deleted:
        document["id"] = anchor
    return ConnectorObject("worker", anchor, document, whole=whole, deleted=deleted, partition=partition)


class Script:
    """What a connector (HR's) answers; `asked` are the watermarks it was asked with."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, system: str = "hr") -> None:
        self.pages: list[Page] = []
        self.asked: list[str | None] = []
        self.fault: Exception | None = None
        real: Callable[..., Iterator[Page]] = MemoryConnector.read

        def read(connector: MemoryConnector, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
            if connector.system != system:
                return real(connector, wanted, since)
            self.asked.append(since)
            return self._answer(since)

        monkeypatch.setattr(MemoryConnector, "read", read)

    def _answer(self, since: str | None) -> Iterator[Page]:
        yield from self.pages
        if self.fault is not None:
            raise self.fault
