"""How things stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from muster.cli.invocation import Invocation
from muster.cli.render.plan import render_unmanaged
from muster.cli.render.problems import render_entries, render_notes
from muster.cli.render.staging import render_server
from muster.cli.render.tables import table
from muster.cli.render.words import count, instant, safe, value


def render_status(document: Mapping[str, Any], out: Console, *, everything: bool) -> None:
    """Systems, identities, what is pending, what waits for a person."""
    out.print(
        Text.assemble((safe(document.get("project", "")), "title"), (f"  {safe(document.get('store', ''))}", "aside"))
    )
    render_server(document.get("server") or {}, out)
    systems: Sequence[Mapping[str, Any]] = document.get("systems") or []
    if systems:
        out.print()
        rows = [
            [
                found.get("name", ""),
                found.get("connector", ""),
                int(found.get("objects") or 0),
                int(found.get("joined") or 0),
                int(found.get("unmanaged") or 0),
                int(found.get("out_of_scope") or 0),
                instant(found.get("last_read") or "never"),
                "paused" if found.get("paused") else "quarantine" if found.get("quarantine") else "",
            ]
            for found in systems
        ]
        table(["system", "connector", "objects", "joined", "unmanaged", "out of scope", "last read", ""], rows, out)
    for found in systems:
        if found.get("quarantine"):
            out.print(Text(f"  {safe(found.get('name', ''))}: {value(found['quarantine'])}", "held"))
    identities: Mapping[str, int] = document.get("identities") or {}
    known = ", ".join(f"{number:,} {safe(kind)}" for kind, number in sorted(identities.items()))
    out.print(f"\nidentities  {known or 'none yet. Next: muster plan'}")
    leaving = int(document.get("leaving") or 0)
    if leaving:
        out.print(f"leaving     {leaving:,} that no source knows any more. What becomes of one: muster explain WHO")
    pending = document.get("pending")
    if pending:
        out.print(f"pending     {count(int(pending), 'change')}. Next: muster plan")
    last = document.get("last_run")
    if isinstance(last, Mapping) and last:
        out.print(f"last run    {_run(last)}")
    cases: Sequence[Any] = document.get("cases") or []
    heading = f"{count(len(cases), 'case')} for a person to decide. Next: muster joins"
    render_entries(heading, "held", cases, out, everything=everything)
    for key, heading, style in (
        ("held", "held until a person decides", "held"),
        ("errors", "errors of the last run", "wrong"),
    ):
        render_entries(heading, style, document.get(key) or [], out, everything=everything)
    render_unmanaged(document.get("unmanaged") or [], out)
    notes: Sequence[Any] = document.get("notes") or []
    if notes:
        out.print()
    render_notes(notes, out, everything=everything)


def tell_last_errors(document: Mapping[str, Any], invocation: Invocation) -> None:
    """Say on standard error that the last run could not do everything, and what to do."""
    errors: Sequence[Any] = document.get("errors") or []
    if not errors:
        return
    invocation.streams.flush()
    invocation.tell(f"\nThe last run ended with {count(len(errors), 'error')}. Mend what it says, then: muster plan")


def _run(run: Mapping[str, Any]) -> str:
    """Which run it was, how it ended and when."""
    about = f"{safe(run.get('id', ''))} ({safe(run.get('verb', ''))}), {safe(run.get('state', ''))}"
    when = f"ended {instant(run['ended'])}" if run.get("ended") else f"began {instant(run.get('started'))}"
    again = " Next: muster run." if run.get("state") == "killed" else ""
    return f"{about}, {when}.{again} `muster log {safe(run.get('id', ''))}` has its steps"
