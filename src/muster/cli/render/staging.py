"""Two servers compared, and which of them this one is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from muster.cli.render.changes import MOST, SIGNS, name_of, new_value, render_changes
from muster.cli.render.problems import render_notes
from muster.cli.render.tables import table
from muster.cli.render.words import because, count, instant, safe, value

_ALONE: Final = (("only_staging", "Only staging would make"), ("only_active", "Only the active one would make"))


def render_difference(document: Mapping[str, Any], out: Console, *, everything: bool) -> None:
    """Who is compared, the differences, how many there are, where the joins disagree."""
    for side in ("staging", "active"):
        server: Mapping[str, Any] = document[side]
        role = server["server"]["role"]
        said = "" if role == side else f"  (its role is {role}, too)"
        about = f"{safe(server['project'])}  {safe(server['folder'])}, as of {instant(server['at'])}{said}"
        out.print(Text.assemble((f"{side:<8}  ", "title"), about))
    out.print()
    for key, heading in _ALONE:
        changes: Sequence[Any] = document[key]
        if changes:
            out.print(Text(f"{heading} {count(len(changes), 'change')}", "title"))
            render_changes(changes, out, everything=everything)
    _differing(document["differing"], out, everything=everything)
    _joins(document["joins"], out, everything=everything)
    if document["summary"]:
        rows: list[list[object]] = [
            [name, found["both"], found["differing"], found["only_staging"], found["only_active"]]
            for name, found in document["summary"].items()
        ]
        table(["system", "both", "differing", "only staging", "only active"], rows, out)
    if not any(document[key] for key in ("only_staging", "only_active", "differing", "joins")):
        out.print("Both would do the same." if document["both"] else "Neither would change anything.")
    render_notes(document["notes"], out, everything=everything)


def _differing(pairs: Sequence[Mapping[str, Any]], out: Console, *, everything: bool) -> None:
    if not pairs:
        return
    out.print(Text(f"Both would make, and not the same: {count(len(pairs), 'change')}", "title"))
    shown = pairs if everything else pairs[:MOST]
    for pair in shown:
        out.print(f"  {safe(pair['system'])} {name_of(pair)}")
        for side in ("staging", "active"):
            change: Mapping[str, Any] = pair[side]
            action = str(change["action"])
            line = Text.assemble(
                f"      {side:<8} ", (f"{SIGNS.get(action, '?')} {action}", action if action in SIGNS else "")
            )
            parts = [f"{safe(name)} {_becomes(found[side], name)}" for name, found in pair["attributes"].items()]
            line.append(f"  {', '.join(parts)}" if parts else "")
            why = because(change.get("reason") or {})
            out.print(line.append(f"  {why}" if why else "", "aside"))
    if len(pairs) > len(shown):
        out.print(Text(f"  … and {len(pairs) - len(shown):,} more; --all or --json shows them", "aside"))
    out.print()


def _becomes(entry: Mapping[str, Any] | None, name: str) -> str:
    if entry is None:
        return "is left"
    if "to" in entry:
        return f"→ {value(new_value(entry), name)}"
    parts = [f"{sign} {value(entry[key])}" for sign, key in (("+", "add"), ("-", "remove")) if entry[key]]
    return " ".join(parts)


def _joins(joins: Sequence[Mapping[str, Any]], out: Console, *, everything: bool) -> None:
    if not joins:
        return
    out.print(Text(f"Who is who: {count(len(joins), 'disagreement')}", "title"))
    shown = joins if everything else joins[:MOST]
    for entry in shown:
        out.print(f"  {safe(entry['message'])}")
    if len(joins) > len(shown):
        out.print(Text(f"  … and {len(joins) - len(shown):,} more; --all or --json shows them", "aside"))
    out.print()


def render_server(server: Mapping[str, Any], out: Console) -> None:
    """Which of two servers this is; nothing of one that was never anything but active."""
    decided: Mapping[str, Any] | None = server.get("decided")
    role = server.get("role")
    if decided is None:
        if role == "staging":
            out.print("\nserver      in staging, as muster.yaml says: writes to no system")
        return
    done = "promoted" if decided["role"] == "active" else "demoted"
    text = f"{done} by {safe(decided['by'])} on {instant(decided['at'])}"
    text += f" ({safe(decided['why'])})" if decided["why"] else ""
    if decided["other"]:
        text += f", {'instead of' if decided['role'] == 'active' else 'for'} {safe(decided['other'])}"
    standing = "active" if role == "active" else "in staging, writes to no system"
    out.print(f"\nserver      {standing}: {text}")
    if server.get("staging") and decided["role"] == "active":
        counts = "no longer counts; take it out" if role == "active" else "counts"
        out.print(f"            muster.yaml: `staging: true` {counts}")
    if decided["untold"]:
        out.print(
            f"            the server of {safe(decided['untold'])} was not told yet: make sure that it does not run"
        )
