"""The command as a program, and in this process."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from muster.cli.invocation import Invocation
from muster.cli.main import main

PROGRAM = Path(sys.executable).with_name("muster")


@dataclass(frozen=True)
class Answer:
    """What one call of the command gave back."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)


def muster(*arguments: str, folder: Path, now: str | None = None, stdin: str | None = None, **more: str) -> Answer:
    """Run the installed command in a folder."""
    environment = {name: value for name, value in os.environ.items() if name != "MUSTER_NOW"}
    environment.update(more)
    if now is not None:
        environment["MUSTER_NOW"] = now
    done = subprocess.run(
        [str(PROGRAM), *arguments],
        cwd=folder,
        env=environment,
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def inside(*arguments: str, folder: Path, now: str | None = None, **more: str) -> Answer:
    """The same in this process, which has the program loaded already."""
    out, err = io.StringIO(), io.StringIO()
    environment = {**more, "MUSTER_NOW": now or ""}
    with patch.dict(os.environ, environment), chdir(folder), redirect_stdout(out), redirect_stderr(err):
        code = main(arguments, Invocation())
    return Answer(code, out.getvalue(), err.getvalue())


class Command:
    """Calls the command in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Answer:
        """What a call with these arguments gives."""
        code = main(arguments, Invocation())
        out, err = self._capsys.readouterr()
        return Answer(code, out, err)
