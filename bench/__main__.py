"""Runs benchmarks, each in a process of its own, and writes down what they found."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

QUESTIONS = (
    *("startup", "first_run", "big_group", "export_ldap", "export_postgres", "export_scim", "small_change"),
    *("cloud", "dirsync", "directory", "gateway"),
)
RESULTS = Path(__file__).parent / "results" / "latest.json"


def main(arguments: list[str]) -> int:
    """`python -m bench [NAME …]`; `--one NAME` answers one question in this process."""
    if arguments[:1] == ["--one"]:
        found = {one.name: one.document() for one in importlib.import_module(f"bench.{arguments[1]}").measure()}
        sys.stdout.write(json.dumps(found))
        return 0
    known: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    failed = 0
    for question in arguments or QUESTIONS:
        answer = subprocess.run([sys.executable, "-m", "bench", "--one", question], stdout=subprocess.PIPE, check=False)
        if answer.returncode:
            sys.stdout.write(f"{question}: failed\n")
            failed += 1
            continue
        found = json.loads(answer.stdout)
        known.update(found)
        for name, figures in found.items():
            _show(name, figures)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")
    sys.stdout.write(f"written to {RESULTS}\n")
    return 1 if failed else 0


def _show(name: str, figures: dict[str, Any]) -> None:
    line = f"{name}: {figures['value']:,} {figures['unit']}"
    if figures["floor"] is not None:
        line += f"   floor {figures['floor']:,}   ratio {figures['ratio']}"
    sys.stdout.write(line + "\n")
    if figures["steps"]:
        sys.stdout.write("   " + ", ".join(f"{step} {taken:.2f} s" for step, taken in figures["steps"].items()) + "\n")
    if "note" in figures:
        sys.stdout.write(f"   {figures['note']}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
