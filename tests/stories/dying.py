"""A program that runs the `muster` command in processes of their own and lets one die at a chosen instant.

Every line on standard input is `{"arguments": [...], "environment": {...}, "die_at": n}`. The command runs in a forked
process, as it does from a shell, but the program is loaded only once. There it passes *points*: after each commit of
the store, and after each answer of a system, before it is recorded (to die before a commit is to die after the last
commit or answer before it). At the n-th point (counted from 1; 0
means never) the process kills itself with SIGKILL. The answer is one line `{"code": …, "points": …, "error": …}`; the
code is -9 after a kill.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from muster.cli.invocation import Invocation
from muster.cli.main import main
from muster.connectors.kit.guard import Guard
from muster.expressions import compile_expression
from muster.model.changes import Change, Outcome
from muster.store.database import Database, Session


class Points:
    """Counts the points that this process passes, and dies at one of them."""

    def __init__(self, die_at: int) -> None:
        self.passed = 0
        self.die_at = die_at

    def point(self) -> None:
        self.passed += 1
        if self.passed == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Put the points into the program."""
        write, export = Database.write, Guard.write

        @contextmanager
        def watched_write(database: Database) -> Iterator[Session]:
            with write(database) as session:
                yield session
            self.point()

        def watched_export(guard: Guard, changes: Iterable[Change]) -> Iterator[Outcome]:
            for outcome in export(guard, changes):
                self.point()
                yield outcome

        setattr(Database, "write", watched_write)  # noqa: B010 - mypy knows better than to assign to a method
        setattr(Guard, "write", watched_export)  # noqa: B010


def child(command: dict[str, Any], folder: Path) -> int:
    """The forked process: the command as from a shell, its output in files."""
    os.environ.update(command["environment"])
    for number, name in ((1, "out"), (2, "err")):
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, number)
    points = Points(command["die_at"])
    points.watch()
    code = main(command["arguments"], Invocation())
    (folder / "points").write_text(str(points.passed))
    return code


def perform(command: dict[str, Any]) -> dict[str, Any]:
    """Run one command in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pid = os.fork()
        if not pid:
            code = 70
            try:
                code = child(command, folder)
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(code)
        _, status = os.waitpid(pid, 0)
        passed = folder / "points"
        return {
            "code": os.waitstatus_to_exitcode(status),
            "points": int(passed.read_text()) if passed.exists() else None,
            "error": (folder / "err").read_text() if (folder / "err").exists() else "",
        }


LOADED = ("app.muster", "cli.plan", "cli.run", "connectors.flatfile", "connectors.ldap", "connectors.sql")
"""What the command loads when it needs it, loaded before the fork; and the grammar of expressions."""

if __name__ == "__main__":
    for module in LOADED:
        importlib.import_module(f"muster.{module}")
    compile_expression("[grammar]")
    for line in sys.stdin:
        sys.stdout.write(json.dumps(perform(json.loads(line))) + "\n")
        sys.stdout.flush()
