"""Provisioning on demand, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from muster.cli.render.words import place, safe, value

_STYLES: Final = {"success": "create", "failure": "wrong", "skipped": "aside"}

Entry = Mapping[str, Any]


def render_provision(document: Entry, out: Console) -> None:
    """Each object that the identity has, or should have, in the system, with the four steps that led there."""
    who = document.get("name") or document.get("identity") or "nobody"
    out.print(Text(f"{safe(who)} in {safe(document['system'])}", "title"))
    for one in document["objects"]:
        if one["mapping"]:
            out.print(f"{safe(one['mapping'])}")
        for number, step in enumerate(one["steps"], 1):
            line = Text(f"  {number} {step['name']:<7} ")
            line.append(f"{step['status']:<8} ", _STYLES.get(step["status"], ""))
            out.print(line.append(safe(step["description"])))
            for detail in _details(step):
                out.print(Text(f"      {detail}", "aside"))


def _details(step: Entry) -> Iterator[str]:
    found: Entry = step["details"]
    if step["name"] == "import":
        for one in found.get("objects", ()):
            values = ", ".join(f"{safe(name)} {value(given, name)}" for name, given in one["values"].items())
            yield f"{safe(one['system'])}/{safe(one['object_type'])} {safe(one['anchor'])}: {values}"
    elif step["name"] == "scope" and found.get("provision"):
        rule: Entry = found["provision"]
        yield f"provision {safe(rule['expression'])} is {value(rule['value'])}{_read(rule['reads'])}  {place(rule)}"
        yield from _scope(found.get("scope"))
        for hold in found.get("holds", ()):
            yield f"hold: {safe(hold['kind'])}, by {safe(hold['by'])}: {safe(hold['why'])}"
    elif step["name"] == "match":
        for number, line in enumerate(found.get("lines", ()), 1):
            pairs = ", ".join(
                f"{safe(one['attribute'])} {value(one['value'])} = {safe(one['object'])} {value(one['shown'])}"
                for one in line["pairs"]
            )
            yield f"line {number} {'matches' if line['matches'] else 'does not match'}: {pairs}"
    elif step["name"] == "export":
        for one in found.get("modified", ()):
            yield f"{safe(one['attribute'])}: {_difference(one)}"


def _scope(scope: Entry | None) -> Iterator[str]:
    if scope is None:
        return
    if "rule" in scope:
        yield f"scope {safe(scope['rule'])} is {value(scope['passes'])}  {place(scope)}"
        return
    for number, group in enumerate(scope["groups"], 1):
        clauses = " and ".join(_clause(one) for one in group["clauses"])
        yield f"scope group {number} {'passes' if group['passes'] is True else 'does not pass'}: {clauses}"


def _clause(one: Entry) -> str:
    with_what = f" {value(one['value'])}" if one.get("value") is not None else ""
    answer = "yes" if one["passes"] is True else "no"
    return f"{safe(one['attribute'])} ({value(one['actual'])}) {safe(one['operator'])}{with_what}: {answer}"


def _read(reads: Entry) -> str:
    return f" ({', '.join(f'{safe(name)} {value(given, name)}' for name, given in reads.items())})" if reads else ""


def _difference(one: Entry) -> str:
    if "add" in one or "remove" in one:
        parts: Sequence[str] = [
            f"{sign} {value(list(one.get(key) or []))}" for sign, key in (("+", "add"), ("-", "remove")) if one.get(key)
        ]
        return "  ".join(parts)
    return f"{value(one.get('from'), one['attribute'])} → {value(one.get('to'), one['attribute'])}"
