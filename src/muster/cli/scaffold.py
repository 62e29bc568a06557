"""Making a folder from a template: a project (the starter, or one of the examples), or the package of a connector."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from muster.model.errors import ProjectError
from muster.project.diagnostics import nearest

_HERE: Final = Path(__file__).resolve().parent
STARTER: Final = _HERE / "templates" / "starter"
CONNECTOR: Final = _HERE / "templates" / "connector"
_EXAMPLES: Final = (_HERE / "examples", _HERE.parents[2] / "examples")
"""Where an installed Muster has its examples, and where a checkout has them."""

_DOT: Final = "dot."
"""Stands for the dot of a hidden file's name in a template, so that git and packaging do not take it for theirs."""

_CARDBOX: Final = "cardbox"
"""What the connector of the template is called, everywhere in it."""

_SQL: Final = ".db.sql"
"""A file of this ending is run and gives a SQLite database; databases themselves do not belong in git."""

_LEFT: Final = frozenset({"demo.py", "__pycache__", ".muster"})
"""What belongs to the example in a checkout and not to a project made from it."""


def examples() -> dict[str, Path]:
    """The examples by name."""
    return {
        path.name: path
        for place in reversed(_EXAMPLES)
        if place.is_dir()
        for path in sorted(place.iterdir())
        if (path / "muster.yaml").is_file()
    }


def template(example: str | None) -> Path:
    """The folder to copy. Raises `ProjectError` for an example that there is not."""
    if example is None:
        return STARTER
    known = examples()
    if example not in known:
        near = nearest(example, known)
        hint = f" Did you mean {near!r}?" if near else ""
        raise ProjectError(f"There is no example {example!r}.{hint} Known: {', '.join(sorted(known)) or 'none'}.")
    return known[example]


def make_project(source: Path, target: Path) -> list[str]:
    """Copy a template to a folder that is new or empty but for `.git`; the names of the files made, sorted."""
    project = target.resolve().name
    return _make(source, target, lambda path: _copy(path, target / path.relative_to(source).parent, project))


def make_connector(name: str, target: Path, taken: Sequence[str]) -> list[str]:
    """Make the package of a connector of that name, which keeps all promises as it is; the names of its files, sorted.

    Raises `ProjectError` for a name that is no Python name or among those `taken`.
    """
    if not re.fullmatch("[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise ProjectError(f"{name!r} cannot name a connector: small letters, digits and _, such as payroll_7.")
    if name in taken:
        raise ProjectError(f"There is a connector {name!r} already. Taken: {', '.join(taken)}.")
    words = {_CARDBOX: name, _CARDBOX.title(): "".join(word.title() for word in name.split("_"))}

    def renamed(text: str) -> str:
        return re.sub("|".join(words), lambda found: words[found[0]], text)

    def copy(path: Path) -> Path:
        inside = path.relative_to(CONNECTOR).with_name(path.name.replace(_DOT, ".", 1))
        made = target / renamed(inside.as_posix())
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_text(renamed(path.read_text(encoding="utf-8")), encoding="utf-8")
        return made

    return _make(CONNECTOR, target, copy)


def _make(source: Path, target: Path, copy: Callable[[Path], Path]) -> list[str]:
    if target.exists() and not target.is_dir():
        raise ProjectError(f"{target} is a file. Name a new folder.")
    if target.is_dir() and any(path.name != ".git" for path in target.iterdir()):
        raise ProjectError(f"{target} is not empty. Name a new folder; nothing was written.")
    try:
        return sorted(copy(path).relative_to(target).as_posix() for path in _files(source))
    except OSError as error:
        place = error.filename or target
        raise ProjectError(f"{place} cannot be written: {error.strerror}. Name another folder.") from error


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in _LEFT:
            continue
        if path.is_dir():
            yield from _files(path)
        else:
            yield path


def _copy(path: Path, folder: Path, project: str) -> Path:
    """One file of a template, in its final form."""
    folder.mkdir(parents=True, exist_ok=True)
    if path.name.endswith(_SQL):
        made = folder / path.name.removesuffix(".sql")
        with closing(sqlite3.connect(made)) as database:
            database.executescript(path.read_text(encoding="utf-8"))
        return made
    if path.name.startswith(_DOT):
        made = folder / path.name.removeprefix("dot")
    else:
        made = folder / path.name
    if path.is_relative_to(STARTER) and path.suffix in (".yaml", ".md"):
        made.write_text(path.read_text(encoding="utf-8").replace("PROJECT", _quoted(project, path)), encoding="utf-8")
    else:
        shutil.copyfile(path, made)
    return made


def _quoted(project: str, path: Path) -> str:
    """The project's name as YAML or Markdown takes it."""
    plain = project.isascii() and project.replace("-", "").replace("_", "").isalpha()
    return project if plain or path.suffix == ".md" else "'" + project.replace("'", "''") + "'"
