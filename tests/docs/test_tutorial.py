"""The tutorial's commands do what the page says they do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorial.md"


def commands() -> list[tuple[str, list[str]]]:
    """The commands of the page in order, each with the lines that it shows of the output."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line.removeprefix("$ "), []))
            elif line.strip():
                found[-1][1].append(line)
    return found


def test_every_command_of_the_tutorial_says_what_the_page_shows(tmp_path: Path) -> None:
    folder = tmp_path
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    told = commands()
    assert len(told) > 12
    for command, lines in told:
        if command.startswith("cd "):
            folder = folder / command.removeprefix("cd ")
        elif command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            environment[name] = value
        else:
            done = subprocess.run(
                ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False
            )
            said = done.stdout + done.stderr
            assert "Traceback" not in said, said
            missing = [line for line in lines if line not in said]
            assert not missing, f"{command}: the page shows {missing}, the command said:\n{said}"
