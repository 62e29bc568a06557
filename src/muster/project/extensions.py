"""The project's own expression functions: `extensions/*.py`, loaded when the project is.

from muster.project.extensions import expression_function

@expression_function
def Initials(given, family):
    return f"{given[:1]}{family[:1]}"
"""

from __future__ import annotations

import hashlib
import importlib.util
import linecache
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeVar, overload

from muster.project.configuration import Place
from muster.project.diagnostics import Diagnostics

_MARK: Final = "__muster_expression_function__"
Function = TypeVar("Function", bound=Callable[..., Any])


@overload
def expression_function(function: Function) -> Function: ...
@overload
def expression_function(function: str | None = None) -> Callable[[Function], Function]: ...
def expression_function(function: Function | str | None = None) -> Function | Callable[[Function], Function]:
    """Mark a function as one that expressions may call, under its own name or the one that is given."""
    if callable(function):
        setattr(function, _MARK, function.__name__)
        return function
    name = function

    def mark(decorated: Function) -> Function:
        setattr(decorated, _MARK, name or decorated.__name__)
        return decorated

    return mark


@dataclass(frozen=True, slots=True)
class Extensions:
    """Functions by name, and for each the digest of the file it stands in."""

    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)


def load_extensions(folder: Path, diagnostics: Diagnostics) -> Extensions:
    """Run every file of `extensions/` and gather the functions that it marks. A second load sees changed files."""
    functions: dict[str, Callable[..., Any]] = {}
    digests: dict[str, str] = {}
    origin: dict[str, Place] = {}
    for path in sorted((folder / "extensions").glob("*.py")):
        file = path.relative_to(folder).as_posix()
        module = _load(path, file, diagnostics)
        if module is None:
            continue
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:32]
        for value in vars(module).values():
            name = getattr(value, _MARK, None)
            if not isinstance(name, str) or getattr(value, "__module__", None) != module.__name__:
                continue
            place = Place(file, getattr(getattr(value, "__code__", None), "co_firstlineno", 1))
            same = next((known for known in functions if known.lower() == name.lower()), None)
            if same is not None and functions[same] is not value:
                diagnostics.error(place, f"the function `{name}` is already defined in {origin[same]}")
            functions[name], digests[name], origin[name] = value, digest, place
    return Extensions(functions, digests)


def _load(path: Path, file: str, diagnostics: Diagnostics) -> ModuleType | None:
    key = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    name = f"_muster_extension_{key}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        diagnostics.error(Place(file, 1), "cannot be loaded as Python")
        return None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    linecache.checkcache(str(path))
    try:
        source = path.read_text(encoding="utf-8")
        exec(compile(source, str(path), "exec"), module.__dict__)  # noqa: S102  the project's own code, run on purpose
    except Exception as error:  # noqa: BLE001  foreign code raises what it likes, and the project is what is wrong
        del sys.modules[name]
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        diagnostics.error(_place(error, path, file), f"{type(error).__name__}: {message}")
        return None
    return module


def _place(error: Exception, path: Path, file: str) -> Place:
    """The line in the extension itself that failed."""
    if isinstance(error, SyntaxError) and error.lineno and error.filename == str(path):
        return Place(file, error.lineno, max(error.offset or 1, 1))
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return Place(file, (lines[-1] if lines else None) or 1)
