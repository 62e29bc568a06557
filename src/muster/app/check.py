"""Checking a project folder, and the JSON Schemas of its files. Connects to nothing."""

from __future__ import annotations

from pathlib import Path

from muster.app.connectors import Catalogue
from muster.model.errors import ProjectError
from muster.project.diagnostics import Diagnostic
from muster.project.loader import Loaded, load_project
from muster.project.metaverse import BUILT_IN
from muster.project.schemas import write_schemas as write


class CheckFailed(ProjectError):
    """The project folder is wrong; `diagnostics` says where."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        super().__init__("\n".join(str(diagnostic) for diagnostic in diagnostics))
        self.diagnostics = diagnostics


def loaded(folder: Path) -> Loaded:
    """The project folder, read and checked against the connectors there are."""
    return load_project(folder, connectors=Catalogue())


def check_project(folder: Path) -> list[Diagnostic]:
    """Everything that is wrong with the project's files, and hints."""
    return loaded(folder).diagnostics


def write_schemas(folder: Path) -> list[Path]:
    """Write the JSON Schemas that editors complete from; with the project's own names where it loads."""
    project = loaded(folder).project
    metaverse = BUILT_IN if project is None else {name: kind.attributes for name, kind in project.metaverse.items()}
    return write(folder, Catalogue(), metaverse)
