"""Bringing another product's configuration into a project folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muster.app.check import loaded
from muster.app.connectors import Catalogue
from muster.connectors.graph.resources import graph_type
from muster.connectors.graph.settings import Resource
from muster.migration.metaverse import with_names
from muster.migration.outcome import Imported, NotCarried
from muster.migration.pruning import prune
from muster.migration.rendering import render
from muster.migration.surroundings import ObjectShape, Surroundings, SystemShape
from muster.model.errors import ProjectError
from muster.model.schema import ENABLED
from muster.project.configuration import MappingRules, Project
from muster.project.diagnostics import Diagnostic
from muster.project.folder import METAVERSE_FILE


@dataclass(frozen=True, slots=True)
class Brought:
    """`files` that were written, in the project; what was `left`; what `muster check` now finds wrong."""

    files: list[str]
    left: list[NotCarried]
    errors: list[Diagnostic]


def bring(folder: Path, make: Callable[[Surroundings], Imported], *, force: bool) -> Brought:
    """Write what `make` gives into the project. A mapping file that is there is an error, without `force`: then nothing
    is written at all.
    """
    around = surroundings(loaded(folder).required())
    made = make(around)
    prune(made, around)
    for draft in made.drafts:
        rival = around.rival(draft.name, draft.content["system"], draft.content["object"])
        if rival is not None:
            made.leave(
                draft.file,
                f"mappings/{rival}.yaml is for the same objects, and an object has one mapping",
                f"move what you need into mappings/{rival}.yaml and delete this file",
            )
    there = [draft.file for draft in made.drafts if (folder / draft.file).exists()]
    if there and not force:
        raise ProjectError(
            f"{', '.join(there)} {'is' if len(there) == 1 else 'are'} there already; nothing was written. "
            "Move it away, or say --force to write over it."
        )
    texts = {draft.file: render(draft) for draft in made.drafts}
    metaverse = folder / METAVERSE_FILE
    old = metaverse.read_text(encoding="utf-8") if metaverse.is_file() else None
    new = with_names(old, made.attributes, made.computed)
    if new is not None:
        texts[METAVERSE_FILE] = new
    try:
        (folder / "mappings").mkdir(exist_ok=True)
        for file, text in texts.items():
            (folder / file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ProjectError(f"{error.filename or folder} cannot be written: {error.strerror}.") from error
    return Brought(list(texts), made.grouped(), loaded(folder).errors)


def surroundings(project: Project) -> Surroundings:
    """What an import must know of the project."""
    connectors = Catalogue()
    systems = {
        name: SystemShape(
            name,
            system.connector,
            {
                kind: ObjectShape(
                    kind,
                    settings,
                    connectors.can_enable(system.connector, settings),
                    _attributes(system.connector, settings),
                )
                for kind, settings in system.objects.items()
            },
        )
        for name, system in project.systems.items()
    }
    filled: dict[str, set[str]] = {
        name: {c.attribute.name for c in kind.computed} for name, kind in project.metaverse.items()
    }
    for rules in project.mappings.values():
        if rules.inbound is not None:
            filled[rules.identity] |= {flow.attribute.name for flow in rules.inbound.flows}
    return Surroundings(
        systems,
        {name: kind.attributes for name, kind in project.metaverse.items()},
        {name: frozenset(names) for name, names in filled.items()},
        project.parameters,
        {name: _precedences(rules) for name, rules in project.mappings.items()},
        {name: (rules.system, rules.object) for name, rules in project.mappings.items()},
    )


def _precedences(rules: MappingRules) -> frozenset[int]:
    flows = rules.inbound.flows if rules.inbound is not None else ()
    return frozenset(
        flow.precedence if choice is None or choice.precedence is None else choice.precedence
        for flow in flows
        for choice in (flow.choices or (None,))
    )


def _attributes(connector: str, settings: Mapping[str, Any]) -> frozenset[str] | None:
    """What objects have, where that is known without asking: of the connectors that ship, Microsoft Graph's."""
    if connector != "graph":
        return None
    schema = graph_type("", Resource(settings["resource"]), own=True, synchronises=True).schema
    return frozenset(schema.attributes) | ({ENABLED} if schema.can_enable else set())
