"""What is held and what went wrong, last and on standard error, with what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from muster.cli.invocation import Invocation
from muster.cli.render.words import count, safe

MOST: Final = 20
"""Entries of one list that are shown."""
FEW: Final = 5
"""Notes of one kind that are shown unless all are asked for."""


def tell_problems(document: Mapping[str, Any], invocation: Invocation) -> None:
    """Say both, each with its next step."""
    invocation.streams.flush()
    held: Sequence[Any] = document.get("held") or []
    errors: Sequence[Any] = document.get("errors") or []
    if held:
        _tell(f"Held: {count(len(held), 'decision')} for a person.", "held", held, invocation)
    if errors:
        _tell(f"{count(len(errors), 'error')}; everything else went on.", "wrong", errors, invocation)


def _tell(heading: str, style: str, entries: Sequence[Any], invocation: Invocation) -> None:
    invocation.streams.err.print()
    invocation.streams.err.print(Text(heading, style))
    for entry in entries[:MOST]:
        invocation.tell(f"  {entry_text(entry)}")
    if len(entries) > MOST:
        invocation.tell(f"  … and {len(entries) - MOST:,} more; --json shows them")


def render_entries(heading: str, style: str, entries: Sequence[Any], out: Console, *, everything: bool) -> None:
    """What is held or wrong, as part of an answer."""
    if not entries:
        return
    out.print()
    out.print(Text(heading, style))
    shown = entries if everything else entries[:MOST]
    for entry in shown:
        out.print(f"  {entry_text(entry)}")
    if len(entries) > len(shown):
        out.print(f"  … and {len(entries) - len(shown):,} more; --all shows them")


def render_notes(notes: Sequence[Any], out: Console, *, everything: bool) -> None:
    """What is worth knowing: of each kind the first few, unless everything is asked for."""
    kinds: dict[str, list[Any]] = {}
    for note in notes:
        kinds.setdefault(str(note.get("kind", "")), []).append(note)
    for kind, found in kinds.items():
        shown = found if everything else found[:FEW]
        for note in shown:
            out.print(f"note: {safe(note.get('message', ''))}")
        if len(found) > len(shown):
            out.print(f"note: … and {len(found) - len(shown):,} more of this kind ({safe(kind)}); --all shows them")


def entry_text(entry: Mapping[str, Any]) -> str:
    """Where, whom and what, without saying twice what the message says itself."""
    message = safe(entry.get("message", ""))
    system, anchor = safe(entry.get("system") or ""), safe(entry.get("anchor") or "")
    known = " ".join(part for part in (system, anchor) if part and part not in message)
    kind = safe(entry.get("kind", ""))
    return " · ".join(part for part in (kind, known, message) if part)
