"""Where the values of one identity come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from muster.cli.render.changes import render_change
from muster.cli.render.words import instant, place, safe, short, source, value

Entry = Mapping[str, Any]
MOST_LOST: Final = 20
"""References that lead to nobody, of which each is named."""


def render_explain(document: Entry, out: Console) -> None:
    """The identity, its objects, each attribute with its sources, what each system should hold."""
    name = safe(document.get("name") or document.get("identity", ""))
    about = f"  {safe(document.get('type', ''))} {safe(document.get('identity', ''))}"
    out.print(Text.assemble((name, "title"), (about, "aside")))
    if document.get("leaving"):
        out.print(Text("leaving: no source knows this identity any more", "held"))
    for hold in document.get("holds") or []:
        out.print(Text(f"hold: {_hold(hold)}", "held"))
    objects: Sequence[Entry] = document.get("objects") or []
    if objects:
        out.print("\nobjects")
        for found in objects:
            _object(found, out)
    attributes: Sequence[Entry] = document.get("attributes") or []
    if attributes:
        out.print("\nattributes")
    for attribute in attributes:
        shown = _people(attribute["references"]) if attribute.get("references") else attribute.get("value")
        _attribute(str(attribute.get("name", "")), shown, attribute.get("flows") or [], out)
        lost = [safe(one["text"]) for one in attribute.get("references") or () if not one.get("identity")]
        if lost:
            more = f" and {len(lost) - MOST_LOST} more" if len(lost) > MOST_LOST else ""
            out.print(Text(f"    waits for {', '.join(lost[:MOST_LOST])}{more}: nobody known here", "drift"))
    for system in document.get("systems") or []:
        _system(system, out)
    decisions: Sequence[Entry] = document.get("decisions") or []
    if decisions:
        out.print("\ndecisions")
        for decision in decisions:
            out.print("  " + _decision(decision))
    history: Sequence[Entry] = document.get("history") or []
    if history:
        out.print("\nhistory")
        for event in history:
            out.print("  " + _event(event))


def _object(found: Entry, out: Console) -> None:
    kind = f"{safe(found.get('system', ''))}/{safe(found.get('object_type') or found.get('object') or '')}"
    line = Text(f"  {kind}  {safe(found.get('anchor', ''))}")
    mapping = place(found)
    state = found.get("state")
    aside = " · ".join(part for part in (mapping, safe(state) if state else "") if part)
    out.print(line.append(f"  {aside}", "aside") if aside else line)


def _decision(found: Entry) -> str:
    """When, what about what, by whom, and why."""
    about = found.get("object")
    what = (
        " ".join((f"{about[0]}/{about[1]}", about[2]))
        if about
        else "→ ".join(str(found[name]) for name in ("identity", "other") if found.get(name))
    )
    why = f": {found['why']}" if found.get("why") else ""
    said = f"{found.get('decision', '')} {what}, by {found.get('by', '')}{why}"
    return f"{instant(found.get('at', ''))}  {safe(said)}"


def _people(references: Sequence[Entry]) -> list[str]:
    """Whom an attribute names, as people know them."""
    return [
        f"{found['name'] or 'somebody'} ({found['identity']})"
        if found.get("identity")
        else f"{found['text']}, not found"
        for found in references
    ]


def _attribute(name: str, found: object, flows: Sequence[Entry], out: Console, indent: str = "  ") -> None:
    out.print(Text.assemble(f"{indent}{safe(name)} ", (value(found, name), "title")))
    for flow in flows:
        wins = flow.get("wins", len(flows) == 1)
        line = Text(f"{indent}  {'←' if wins else ' '} ", "" if wins else "aside")
        where = place(flow) or safe(flow.get("mapping") or flow.get("source_name") or "muster")
        line.append(where, "" if wins else "aside")
        expression = flow.get("expression")
        if expression:
            line.append(f"  {short(safe(expression), 100)}", "aside")
        if not wins:
            given = flow.get("value")
            line.append(f"  would be {value(given, name)}" if given is not None else "  gives nothing", "aside")
        precedence = flow.get("precedence")
        if precedence is not None and len(flows) > 1:
            line.append(f"  precedence {precedence}", "aside")
        out.print(line)
        origin = source(flow.get("source"))
        if origin:
            out.print(Text(f"{indent}      from {origin}", "" if wins else "aside"))
        if flow.get("fault"):
            out.print(Text(f"{indent}      fault: {safe(flow['fault'])}", "wrong"))


def _hold(hold: Entry) -> str:
    """What is asked, of what, by whom and why, and how long."""
    asked = f"{safe(hold['attribute'])} {value(hold['value'])}" if hold.get("attribute") else safe(hold.get("kind", ""))
    where = f" in {safe(hold['mapping'])}" if hold.get("mapping") else ""
    end = f", until {instant(hold['until'])}" if hold.get("until") else ""
    end += f", while {short(safe(hold['while']))}" if hold.get("while") else ""
    return f"{asked}{where}, by {safe(hold.get('by', ''))}: {safe(hold.get('why', ''))}{end}"


def _system(system: Entry, out: Console) -> None:
    kind = f"{safe(system.get('system', ''))}/{safe(system.get('object_type', ''))}"
    wanted = system.get("wanted")
    there = (f"  {safe(system['anchor'])}", "") if system.get("anchor") else ("  none there", "aside")
    line = Text.assemble("\n", (kind, "title"), there)
    if wanted is not None:
        since = f" since {instant(system['since'])}" if system.get("since") else ""
        line.append("  should be there" if wanted else f"  not wanted{since}", "aside" if wanted else "held")
    reason = system.get("reason") or system.get("provision")
    if isinstance(reason, Mapping):
        line.append(f"  {place(reason)}  {safe(reason.get('expression', ''))}", "aside")
    out.print(line)
    scope = system.get("scope")
    if isinstance(scope, Mapping):
        inside = scope.get("passes") is True
        text = Text(f"  {'in' if inside else 'out of'} scope", "aside" if inside else "held")
        out.print(text.append(f"  {place(scope)}", "aside"))
    for step in system.get("deprovision") or []:
        due = bool(step.get("due"))
        when = f"{'since' if due else 'on'} {instant(step.get('at'))}"
        text = Text(f"  {safe(step.get('do', ''))} {when}", "" if due else "held")
        out.print(text.append(f"  {place(step)}", "aside"))
    if wanted is not False or system.get("anchor"):
        for flow in system.get("flows") or []:
            _outbound(flow, out)
    pending = system.get("pending")
    if pending:
        out.print("  pending")
        render_change(pending, out, everything=True)


def _outbound(flow: Entry, out: Console) -> None:
    name = str(flow.get("attribute") or flow.get("name") or "")
    wanted, shown = flow.get("value"), flow.get("shown")
    out.print(
        Text.assemble(
            f"  {safe(name)} ",
            (value(wanted, name), "title"),
            (f"  shown {value(shown, name)}" if "shown" in flow and shown != wanted else "", "drift"),
            (f"  waits for {', '.join(_people(flow['waits']))}" if flow.get("waits") else "", "drift"),
            (f"  {place(flow)}  {short(safe(flow.get('expression') or ''), 100)}".rstrip(), "aside"),
        )
    )


def _event(event: Entry) -> str:
    when = event.get("at") or event.get("time") or event.get("when") or ""
    rest = [event.get(key) for key in ("run", "system", "action", "anchor", "outcome", "message")]
    shown = " ".join(safe(part) for part in rest if part is not None and not isinstance(part, Mapping))
    return f"{instant(when)}  {shown}".strip()
