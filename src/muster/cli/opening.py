"""The project of an invocation, opened."""

from __future__ import annotations

from pathlib import Path

from muster.app.muster import Muster
from muster.cli.invocation import Invocation
from muster.cli.progress import Progress
from muster.project.folder import find_project


def project_folder(invocation: Invocation) -> Path:
    """The folder named with -C, or the nearest one upward that holds a muster.yaml."""
    return invocation.directory.resolve() if invocation.directory is not None else find_project(Path.cwd())


def open_project(invocation: Invocation, progress: Progress | None = None) -> Muster:
    """The project, ready; the caller closes it. Says on standard error when the clock is set."""
    invocation.rehearsal()
    return Muster.open(project_folder(invocation), now=invocation.now, progress=progress)
