"""Which folder is the project, and which of its files are read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from muster.model.errors import ProjectError
from muster.project.configuration import Place
from muster.project.diagnostics import Diagnostics

PROJECT_FILE: Final = "muster.yaml"
METAVERSE_FILE: Final = "metaverse.yaml"
FOLDERS: Final = ("systems", "mappings", "roles", "workflows")


def find_project(start: Path) -> Path:
    """The nearest folder with a muster.yaml, from `start` upward. Raises `ProjectError`."""
    folder = start.resolve()
    for candidate in (folder, *folder.parents):
        if (candidate / PROJECT_FILE).is_file():
            return candidate
    raise ProjectError(
        f"No {PROJECT_FILE} in {folder} or any folder above it. "
        "Name the project with -C DIR, or make one with `muster init DIR`."
    )


def files_of(folder: Path, kind: str, diagnostics: Diagnostics) -> Iterator[str]:
    """The YAML files of one of the project's folders, sorted by name; what looks like one and is not is said."""
    if not (folder / kind).is_dir():
        return
    for path in sorted((folder / kind).iterdir()):
        file = f"{kind}/{path.name}"
        if path.name.startswith("."):
            continue
        if path.is_dir():
            diagnostics.error(Place(file, 1), f"folders inside {kind}/ are not read: move its files up")
        elif path.suffix == ".yaml":
            yield file
        elif path.suffix.lower() in (".yml", ".yaml", ".json"):
            diagnostics.error(Place(file, 1), "not read: the name must end in `.yaml`", f"{path.stem}.yaml")
