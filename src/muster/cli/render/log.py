"""Earlier runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console

from muster.cli.render.problems import render_entries
from muster.cli.render.tables import summary_table, table
from muster.cli.render.words import instant, safe

LEVELS: Final = {"held": ("held", "held"), "error": ("errors", "wrong"), "note": ("notes", "")}
"""Level of a problem → its heading and style."""


def render_log(document: Mapping[str, Any], out: Console, *, steps: bool) -> None:
    """A line a run; with `steps` what each of its steps took and counted, and what went wrong."""
    runs: Sequence[Mapping[str, Any]] = document.get("runs") or []
    if not runs:
        out.print("No run yet. Next: muster plan")
        return
    rows = [
        [
            str(run.get("id", "")),
            instant(run.get("started")),
            run.get("verb", ""),
            run.get("state", ""),
            _told(run),
            *(levels[level] for level in LEVELS),
            "clock was set" if run.get("rehearsed") else "",
        ]
        for run in runs
        for levels in [Counter(str(problem.get("level")) for problem in run.get("problems") or [])]
    ]
    table(["run", "started", "verb", "state", "changes", "held", "errors", "notes", ""], rows, out)
    if not steps:
        return
    for run in runs:
        _steps(run, out)


def render_provisioning_log(document: Mapping[str, Any], out: Console) -> None:
    """A line an object: when, what, where, whose, and what came of it."""
    entries: Sequence[Mapping[str, Any]] = document["value"]
    if not entries:
        out.print("Nothing was provisioned, as far as was asked for.")
        return
    rows = [
        [
            instant(entry["activityDateTime"]),
            entry["targetSystem"]["displayName"],
            entry["provisioningAction"],
            safe(entry["targetIdentity"]["id"] or ""),
            safe(entry["sourceIdentity"]["displayName"] or ""),
            entry["provisioningStatusInfo"]["status"],
            safe(_reason(entry)),
        ]
        for entry in entries
    ]
    table(["at", "system", "action", "object", "of", "status", "reason"], rows, out)


def _reason(entry: Mapping[str, Any]) -> str:
    """Why it failed, or why nothing was done."""
    wrong = (entry["provisioningStatusInfo"]["errorInformation"] or {}).get("reason", "")
    passed_over = entry["provisioningStatusInfo"]["status"] == "skipped" and not wrong
    return str(entry["provisioningSteps"][0]["description"] if passed_over else wrong)


def _told(run: Mapping[str, Any]) -> str:
    """What a run wrote; of a plan, what it was about to."""
    numbers: dict[str, int] = {}
    summary: Mapping[str, Any] = run.get("summary") or {}
    for found in summary.values():
        if isinstance(found, Mapping):
            for action, number in found.items():
                if isinstance(number, int):
                    numbers[action] = numbers.get(action, 0) + number
    said = ", ".join(f"{number:,} {safe(action)}" for action, number in numbers.items() if number)
    if run.get("verb") == "plan":
        return f"{said} planned" if said else "none planned"
    return f"{said or 'none'} so far" if run.get("state") == "running" else said or "none"


def _steps(run: Mapping[str, Any], out: Console) -> None:
    steps: Sequence[Mapping[str, Any]] = run.get("steps") or []
    if steps:
        out.print()
        rows = [
            [
                step.get("name", ""),
                step.get("system") or "",
                f"{float(step.get('seconds') or 0):.2f} s",
                ", ".join(_counts(step)),
            ]
            for step in steps
        ]
        table(["step", "system", "took", ""], rows, out)
    summary = run.get("summary")
    if isinstance(summary, Mapping) and summary:
        out.print()
        summary_table({name: counts for name, counts in summary.items() if isinstance(counts, Mapping)}, out)
    problems: Sequence[Mapping[str, Any]] = run.get("problems") or []
    for level, (heading, style) in LEVELS.items():
        found = [problem for problem in problems if problem.get("level") == level]
        render_entries(heading, style, found, out, everything=True)


def _counts(step: Mapping[str, Any]) -> list[str]:
    """What a step counted, and what was so of it (`full`)."""
    counts = step.get("counts") or {}
    return [
        safe(key) if number is True else f"{safe(key)} {number:,}"
        for key, number in counts.items()
        if isinstance(number, int) and number
    ]
