"""Pages that can be followed: their commands with what they show, and their files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_BLOCK = re.compile(r"^( *)```(console|yaml)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)


@dataclass
class Step:
    """A command, with the lines that the page shows of its output; or a file, with its text."""

    command: str = ""
    shown: list[str] = field(default_factory=list)
    file: str = ""
    text: str = ""


def steps(page: Path) -> Iterator[Step]:
    """What a reader of the page does, in order. A block of YAML is a file when its first line names one."""
    for _, kind, block in _BLOCK.findall(page.read_text(encoding="utf-8")):
        text = textwrap.dedent(block)
        if kind == "yaml":
            name = re.match(r"# (\S+\.yaml)", text)
            if name:
                yield Step(file=name[1], text=text)
            continue
        found: list[Step] = []
        for line in text.splitlines():
            if line.startswith("$ "):
                found.append(Step(command=line.removeprefix("$ ")))
            elif line.strip():
                found[-1].shown.append(line)
        yield from found


class Reader:
    """Follows a page in a folder, and finds what the page shows in what the commands say."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def do(self, step: Step) -> None:
        """Do one step."""
        if step.file:
            (self.folder / step.file).write_text(step.text, encoding="utf-8")
        elif step.command.startswith("cd "):
            self.folder = self.folder / step.command.removeprefix("cd ")
        elif step.command.startswith("export "):
            name, _, value = step.command.removeprefix("export ").partition("=")
            self.environment[name] = value
        else:
            self._run(step)

    def _run(self, step: Step) -> None:
        done = subprocess.run(
            ["sh", "-c", step.command],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        said = done.stdout + done.stderr
        assert "Traceback" not in said, said
        missing = [line for line in step.shown if line.strip() not in said]
        assert not missing, f"{step.command}: the page shows {missing}, the command said:\n{said}"
