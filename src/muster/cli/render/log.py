"""Earlier runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from muster.cli.render.problems import entry_text
from muster.cli.render.tables import summary_table, table
from muster.cli.render.words import safe


def render_log(document: Mapping[str, Any], out: Console, *, steps: bool) -> None:
    """A line a run; with `steps` what each of its steps took and counted, and what went wrong."""
    runs: Sequence[Mapping[str, Any]] = document.get("runs") or []
    if not runs:
        out.print("No run yet. Next: muster plan")
        return
    rows = [
        [
            str(run.get("id", "")),
            run.get("started", ""),
            run.get("verb", ""),
            run.get("state", ""),
            _told(run.get("summary") or {}),
            len(run.get("problems") or []),
            "clock was set" if run.get("rehearsed") else "",
        ]
        for run in runs
    ]
    table(["run", "started", "verb", "state", "changes", "problems", ""], rows, out)
    if not steps:
        return
    for run in runs:
        _steps(run, out)


def _told(summary: Mapping[str, Any]) -> str:
    numbers: dict[str, int] = {}
    for found in summary.values():
        if isinstance(found, Mapping):
            for action, number in found.items():
                if isinstance(number, int):
                    numbers[action] = numbers.get(action, 0) + number
    return ", ".join(f"{number:,} {safe(action)}" for action, number in numbers.items() if number) or "none"


def _steps(run: Mapping[str, Any], out: Console) -> None:
    found: Sequence[Mapping[str, Any]] = run.get("steps") or []
    if found:
        out.print()
        rows = [
            [
                step.get("name", ""),
                step.get("system") or "",
                f"{float(step.get('seconds') or 0):.2f} s",
                ", ".join(f"{safe(key)} {number:,}" for key, number in _counts(step).items()),
            ]
            for step in found
        ]
        table(["step", "system", "took", ""], rows, out)
    summary = run.get("summary")
    if isinstance(summary, Mapping) and summary:
        out.print()
        summary_table({name: counts for name, counts in summary.items() if isinstance(counts, Mapping)}, out)
    problems: Sequence[Mapping[str, Any]] = run.get("problems") or []
    if problems:
        out.print()
        for problem in problems:
            out.print(Text(f"  {entry_text(problem)}", "wrong"))


def _counts(step: Mapping[str, Any]) -> dict[str, int]:
    counts = step.get("counts") or {}
    return {str(key): number for key, number in counts.items() if isinstance(number, int) and number}
