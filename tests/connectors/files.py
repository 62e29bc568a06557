"""Calls of the flat file connector on files of a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from muster.connectors.flatfile import FlatFileConnector
from muster.connectors.flatfile.settings import FlatFileObject, FlatFileSettings
from muster.model.changes import Action, Change, Outcome
from muster.model.objects import ConnectorObject, Page, ReadProblem


def connector(folder: Path, name: str = "w.csv", settings: Any = None, **spec: Any) -> FlatFileConnector:
    made = FlatFileSettings.model_validate({"path": name, **(settings or {})})
    one = FlatFileObject.model_validate({"anchor": "id", **spec})
    return FlatFileConnector("hr", made, {"worker": one}, folder)


def pages(made: FlatFileConnector, *wanted: str, since: str | None = None) -> list[Page]:
    with made:
        names = wanted or tuple(made.schema().types["worker"].attributes)
        return list(made.read({"worker": names}, since))


def objects(made: FlatFileConnector, *wanted: str) -> list[ConnectorObject]:
    return [item for page in pages(made, *wanted) for item in page.objects]


def problems(made: FlatFileConnector, *wanted: str) -> list[ReadProblem]:
    return [problem for page in pages(made, *wanted) for problem in page.problems]


def write(made: FlatFileConnector, *changes: Change) -> list[Outcome]:
    with made:
        return list(made.write(changes))


def create(key: int, **values: Any) -> Change:
    return Change(key, "worker", Action.CREATE, values.get("id"), values)


def update(key: int, anchor: str, **values: Any) -> Change:
    return Change(key, "worker", Action.UPDATE, anchor, values)
