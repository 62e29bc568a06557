"""Taking out what the project's connector cannot have: Entra Connect's view of the cloud has attributes of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from muster.expressions import compile_expression
from muster.migration.outcome import Draft, Imported
from muster.migration.surroundings import Surroundings


def prune(imported: Imported, around: Surroundings) -> None:
    """Leave out flows, join lines and clauses on attributes that the system's objects do not have, and say so."""
    for draft in imported.drafts:
        shape = around.systems[draft.content["system"]].objects[draft.content["object"]]
        if shape.attributes is not None:
            _prune(draft, shape.attributes, around, imported)


def _prune(draft: Draft, known: frozenset[str], around: Surroundings, imported: Imported) -> None:
    content = draft.content
    lost: list[str] = []
    dialect = content.get("dialect", "entra")
    inbound = content.get("inbound", {}).get("flows", {})
    for name, flow in list(inbound.items()):
        missing = {read for text in texts_of(flow) for read in _reads(text, dialect, around) if not has(known, read)}
        if missing:
            del inbound[name]
            lost += missing
    outbound = content.get("outbound", {}).get("flows", {})
    for name in [name for name in outbound if not has(known, name)]:
        del outbound[name]
        lost.append(name)
    lines = content.get("join", [])
    for line in list(lines):
        missing = {read for text in line.values() for read in _reads(text, dialect, around) if not has(known, read)}
        if missing:
            lines.remove(line)
            lost += missing
    lost += _clauses(content, known)
    if "inbound" in content and not inbound:
        del content["inbound"]
    if "join" in content and not lines:
        del content["join"]
    imported.leave_each(
        lost,
        f"objects `{content['object']}` of {content['system']} have no such attribute, so what used it is left out",
        "nothing, or flow it to an attribute that they have",
    )


def _clauses(content: dict[str, Any], known: frozenset[str]) -> list[str]:
    """Clauses on what is not there would let nothing in."""
    scope = content.get("scope", {})
    lost: list[str] = []
    for form, groups in list(scope.items()):
        kept = [[one for one in group if has(known, str(one["attribute"]))] for group in groups]
        lost += [str(one["attribute"]) for group in groups for one in group if not has(known, str(one["attribute"]))]
        scope[form] = kept if all(kept) else []
        if not scope[form]:
            del content["scope"]
    return lost


def has(known: frozenset[str], name: str) -> bool:
    """Whether the object has the attribute; directory extensions are known only to the tenant."""
    return name in known or name.startswith("extension_")


def texts_of(flow: Any) -> Iterator[str]:
    """The expressions of a flow, whichever form it has."""
    if isinstance(flow, str):
        yield flow
    elif isinstance(flow, list):
        for one in flow:
            yield from texts_of(one)
    elif isinstance(flow, dict):
        for key in ("when", "value", "default", "reference", "references"):
            if key in flow:
                yield from texts_of(flow[key])


def _reads(text: str, dialect: str, around: Surroundings) -> frozenset[str]:
    return compile_expression(text, dialect=dialect, parameters=around.parameters).reads
