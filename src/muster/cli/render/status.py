"""How things stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from muster.cli.render.plan import render_unmanaged
from muster.cli.render.problems import MOST, entry_text
from muster.cli.render.tables import table
from muster.cli.render.words import count, safe, value


def render_status(document: Mapping[str, Any], out: Console, *, everything: bool) -> None:
    """Systems, identities, what is pending, what waits for a person."""
    out.print(
        Text.assemble((safe(document.get("project", "")), "title"), (f"  {safe(document.get('store', ''))}", "aside"))
    )
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
                found.get("last_read") or "never",
                "quarantine" if found.get("quarantine") else "",
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
    pending = document.get("pending")
    if pending:
        out.print(f"pending     {count(int(pending), 'change')}. Next: muster plan")
    last = document.get("last_run")
    if isinstance(last, Mapping) and last:
        told = " ".join(safe(last[key]) for key in ("id", "verb", "state", "started", "ended") if last.get(key))
        out.print(f"last run    {told}")
    _cases(document.get("cases") or [], out, everything=everything)
    render_unmanaged(document.get("unmanaged") or [], out)


def _cases(cases: Sequence[Mapping[str, Any]], out: Console, *, everything: bool) -> None:
    if not cases:
        return
    out.print()
    out.print(Text(f"{count(len(cases), 'case')} for a person to decide", "held"))
    shown = cases if everything else cases[:MOST]
    for case in shown:
        out.print(f"  {entry_text(case)}")
    if len(cases) > len(shown):
        out.print(f"  … and {len(cases) - len(shown):,} more; --all shows them")
