"""What is held and what went wrong, last and on standard error, with what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.text import Text

from muster.cli.invocation import Invocation
from muster.cli.render.words import count, safe

MOST: Final = 20
"""Entries of one list that are shown."""


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


def entry_text(entry: Mapping[str, Any]) -> str:
    """Where, whom and what, without saying twice what the message says itself."""
    message = safe(entry.get("message", ""))
    system, anchor = safe(entry.get("system") or ""), safe(entry.get("anchor") or "")
    known = " ".join(part for part in (system, anchor) if part and part not in message)
    kind = safe(entry.get("kind", ""))
    return " · ".join(part for part in (kind, known, message) if part)
