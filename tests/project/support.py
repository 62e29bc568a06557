"""Small projects to hold against the loader, and connectors that need no system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from muster.model.errors import ProjectError
from muster.model.secrets import Secret
from muster.project.loader import Loaded, load_project

Files = Mapping[str, str | bytes]
"""File name → text."""

MARK = "«"
"""Stands before the character at which a diagnostic is expected; it is taken out before the file is written."""


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


class FileSettings(_Settings):
    path: str = Field(description="The file.")
    delimiter: str = ","


class FileObject(_Settings):
    anchor: str


class SqlSettings(_Settings):
    url: str | Secret
    password: Secret | None = None
    pool: int = Field(5, ge=1)


class SqlObject(_Settings):
    table: str
    anchor: str
    enabled: str | None = None


class OpenSettings(BaseModel):
    model_config = ConfigDict(extra="allow")


@dataclass(frozen=True)
class Abilities:
    reads: bool = True
    writes: bool = True


@dataclass(frozen=True)
class Model:
    settings: type[BaseModel]
    object_settings: type[BaseModel]
    capabilities: Abilities


class Connectors:
    """Five connectors, one of which only reads and one of which cannot be loaded."""

    _models: ClassVar[Mapping[str, Model]] = {
        "active_directory": Model(OpenSettings, OpenSettings, Abilities()),
        "flatfile": Model(FileSettings, FileObject, Abilities()),
        "ldap": Model(OpenSettings, OpenSettings, Abilities()),
        "reader": Model(OpenSettings, OpenSettings, Abilities(writes=False)),
        "scim": Model(OpenSettings, OpenSettings, Abilities()),
        "sql": Model(SqlSettings, SqlObject, Abilities()),
    }

    def names(self) -> Sequence[str]:
        return [*self._models, "broken"]

    def models(self, name: str) -> Model:
        if name == "broken":
            raise ProjectError("The connector 'broken' cannot be loaded: no module named broken.")
        return self._models[name]

    def can_enable(self, connector: str, object_settings: Mapping[str, Any]) -> bool | None:
        if connector == "sql":
            return object_settings.get("enabled") is not None
        return False if connector == "flatfile" else None


BASE: Mapping[str, str] = {
    "muster.yaml": "project: acme\n",
    "systems/hr.yaml": (
        "connector: flatfile\nsettings: {path: data/workers.csv}\nobjects:\n  worker: {anchor: employee_id}\n"
    ),
    "systems/app.yaml": (
        "connector: sql\nsettings: {url: 'sqlite:///data/app.db'}\n"
        "objects:\n  account: {table: account, anchor: login, enabled: active}\n"
    ),
    "mappings/hr-worker.yaml": (
        "system: hr\nobject: worker\nidentity: person\njoin:\n  - employeeId: '[employee_id]'\nproject: true\n"
        "inbound:\n  precedence: 10\n  flows:\n    employeeId: '[employee_id]'\n    givenName: '[first_name]'\n"
        "    active: '[status] = \"active\"'\n"
    ),
    "mappings/app-account.yaml": (
        "system: app\nobject: account\nidentity: person\noutbound:\n  provision: '[active]'\n"
        "  flows:\n    login: '[employeeId]'\n    name: '[givenName]'\n"
    ),
}
"""A project in which nothing is wrong."""


def write(folder: Path, files: Files) -> None:
    """Write the files, without their marks."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.replace(MARK, "").encode())


def load(folder: Path, files: Files | None = None) -> Loaded:
    """The base project with these files added or replaced."""
    write(folder, {**BASE, **(files or {})})
    return load_project(folder, connectors=Connectors())


def marked(files: Files) -> list[tuple[str, int, int]]:
    """The places of all marks: file, line, column."""
    found = []
    for file, text in files.items():
        for number, line in enumerate(text.split("\n") if isinstance(text, str) else [], start=1):
            parts = line.split(MARK)
            column = 1
            for part in parts[:-1]:
                column += len(part)
                found.append((file, number, column))
    return sorted(found)


def assert_said(folder: Path, files: Files, message: str) -> None:
    """One diagnostic and no project: at the mark, if there is one, and in exactly these words."""
    found = load(folder, files)
    assert found.project is None
    places = marked(files)
    said = [(d.file, d.line, d.column, str(d).split(": ", 1)[1]) for d in found.diagnostics]
    if places:
        assert said == [(*places[0], message)]
    else:
        assert [text for _, _, _, text in said] == [message]


def _edited(file: str, old: str, new: str) -> Files:
    assert old in BASE[file]
    return {file: BASE[file].replace(old, new)}


def hr(old: str, new: str) -> Files:
    """The source mapping, edited."""
    return _edited("mappings/hr-worker.yaml", old, new)


def app(old: str, new: str) -> Files:
    """The target mapping, edited."""
    return _edited("mappings/app-account.yaml", old, new)


def sql(old: str, new: str) -> Files:
    """The target's system file, edited."""
    return _edited("systems/app.yaml", old, new)
