"""A plan before it is applied, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console

from muster.cli.render.changes import render_changes
from muster.cli.render.problems import render_notes
from muster.cli.render.tables import summary_table
from muster.cli.render.words import count, safe

_NAMED: Final = 5
"""Unmanaged objects of one system that are named."""

_UNWELL: Final = ("held", "errors", "stale")
"""What is said after the answer, each with its next step."""

Document = Mapping[str, Any]


def render_plan(document: Document, out: Console, *, everything: bool, about: str = "") -> None:
    """The changes, the summary, what nobody owns. `about`: of what alone the plan is, where it is not of everything."""
    changes: Sequence[Any] = document.get("changes") or []
    render_changes(changes, out, everything=everything)
    if changes:
        summary_table(document.get("summary") or {}, out)
    elif document.get("held") or document.get("errors"):
        out.print("Nothing to change besides what is said below.")
    else:
        out.print(f"Nothing to change{about}." if about else "Nothing to change: every system is as it should be.")
    render_unmanaged(document.get("unmanaged") or [], out)
    _notes(document, out, everything=everything)


def render_result(document: Document, out: Console, *, everything: bool) -> None:
    """What was done, and each change that was not."""
    changes: Sequence[Any] = document.get("changes") or []
    failed = [change for change in changes if change.get("outcome") not in (None, "done")]
    render_changes(changes if everything else failed, out, everything=everything)
    _untold(document, failed, out)
    summary: Mapping[str, Mapping[str, int]] = document.get("summary") or {}
    done = sum(sum(counts.values()) for counts in summary.values())
    if done:
        out.print(f"Done: {count(done, 'change')}.")
        summary_table(summary, out)
    elif failed or document.get("pending") or any(document.get(key) for key in _UNWELL):
        out.print("Nothing was changed.")
    elif document.get("plan") is not None:
        out.print(f"Nothing was left to do of plan {document['plan']}. What is due now: muster plan")
    else:
        out.print("Nothing was left to do: every system is as it should be.")
    if document.get("pending") and not any(document.get(key) for key in _UNWELL):
        out.print(f"{count(document['pending'], 'change')} not made. Next: muster plan")
    _notes(document, out, everything=everything)


def _notes(document: Document, out: Console, *, everything: bool) -> None:
    notes: Sequence[Any] = document.get("notes") or []
    if notes:
        out.print()
    render_notes(notes, out, everything=everything)


def _untold(document: Document, failed: Sequence[Any], out: Console) -> None:
    """How many failed changes there are besides those that the document tells of."""
    for system, number in (document.get("failed") or {}).items():
        rest = number - sum(change.get("system") == system for change in failed)
        if rest > 0:
            out.print(f"  … and {rest:,} more of {safe(system)} that were not made; --all or --json shows them\n")


def render_unmanaged(unmanaged: Sequence[Any], out: Console) -> None:
    """Who stands in a system and belongs to nobody."""
    systems: dict[str, list[Any]] = {}
    for entry in unmanaged:
        systems.setdefault(str(entry.get("system", "")), []).append(entry)
    for name, found in sorted(systems.items()):
        anchors = ", ".join(safe(entry.get("anchor", "")) for entry in found[:_NAMED])
        more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
        out.print(f"\n{count(len(found), 'object')} in {safe(name)} nobody owns: {anchors}{more}")
