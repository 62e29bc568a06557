"""A bug: one line for people, the traceback in a file, no secret in either."""

from __future__ import annotations

import platform
import sys
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path

from muster import __version__
from muster.cli.failing import kind_of
from muster.cli.invocation import Invocation
from muster.connectors.kit.redaction import Redactor
from muster.model.errors import MusterError, ProjectError
from muster.model.secrets import Secret
from muster.project.folder import find_project
from muster.project.secrets import PLACEHOLDER, SecretStore


def report(error: BaseException, invocation: Invocation) -> None:
    """Write the traceback down and say where."""
    if isinstance(error, KeyboardInterrupt):
        invocation.tell("Stopped. Nothing is lost; run again to go on.")
        return
    folder = _folder(invocation)
    redacted = Redactor(_secrets(folder))
    text = redacted("".join(traceback.format_exception(error)))
    heading = f"muster {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
    heading += f"arguments: {redacted(' '.join(sys.argv[1:]))}\n\n"
    path = _write(folder, heading + text)
    where = f"Its traceback is in {path}" if path else f"Its traceback:\n{text}"
    message = f"This is a bug in Muster, not in your project: {type(error).__name__}. Run again to go on. {where}"
    invocation.tell(f"muster: {message}")
    if invocation.json:
        kind = kind_of(error) if isinstance(error, MusterError) else "bug"
        invocation.answer({"errors": [{"kind": kind, "message": message}]})


def _folder(invocation: Invocation) -> Path | None:
    if invocation.directory is not None:
        return invocation.directory
    try:
        return find_project(Path.cwd())
    except (ProjectError, OSError):
        return None


def _write(folder: Path | None, text: str) -> Path | None:
    name = f"crash-{datetime.now(UTC):%Y%m%dT%H%M%S}.txt"
    for place in (folder / ".muster" if folder else None, Path(tempfile.gettempdir())):
        if place is None:
            continue
        try:
            place.mkdir(exist_ok=True)
            path = place / name
            path.touch(mode=0o600)
            path.write_text(text, encoding="utf-8", errors="backslashreplace")
        except OSError:
            continue
        return path
    return None


def _secrets(folder: Path | None) -> list[Secret]:
    """Every secret that the project's files ask for and that can be found."""
    if folder is None:
        return []
    store = SecretStore()
    found: list[Secret] = []
    for path in (folder / "muster.yaml", *sorted((folder / "systems").glob("*.yaml"))):
        try:
            names = PLACEHOLDER.findall(path.read_text(encoding="utf-8", errors="replace"))
        except OSError:
            continue
        for name in names:
            try:
                found.append(Secret(store(name)))
            except ProjectError:
                continue
    return found
