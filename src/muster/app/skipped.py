"""Who is passed over, and why: entries of the provisioning log with the status `skipped`.

They are worked out when somebody asks, from what the last run knew: nothing was sent, so no run writes one down for
each person that an application is not for.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from muster.app.explaining import known_schemas
from muster.app.finding import find_identity
from muster.app.provision_steps import Step, Steps
from muster.model.values import instant_text
from muster.project.configuration import Project
from muster.store.database import Database
from muster.store.names import Names
from muster.sync.clock import moment
from muster.sync.rules.compiling import compile_rules
from muster.sync.rules.ruleset import CompiledMapping, Rules

_NAMESPACE: Final = uuid.UUID("2f2f4b0c-5d0e-5f0a-8a53-6b7f0f7c9b7f")
_REASON: Final = "NotEffectivelyEntitled"
"""Entra's word for everybody who is not assigned, or whom a scoping filter leaves out."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What the steps are worked out from: the store as the last run left it, and the clock."""

    rules: Rules
    database: Database
    now: int


def skipped(
    project: Project,
    database: Database,
    *,
    system: str | None,
    who: str | None,
    since: int | None,
    limit: int,
    now: int,
) -> list[dict[str, Any]]:
    """The entries, newest first: everybody of a mapping's kind who is not to have its object."""
    known = Evaluated(compile_rules(project, known_schemas(database), Names(database)), database, now)
    number = find_identity(database, who) if who is not None else None
    with database.read() as session:
        last = session.value("SELECT MAX(started) FROM run WHERE ended IS NOT NULL") or 0
    found = [
        (at or last, identity, mapping)
        for kind in known.rules.types.values()
        for mapping in kind.outbound
        if system in (None, mapping.rules.system)
        and mapping.rules.outbound is not None
        and mapping.rules.outbound.provision is not None
        for identity, at in _unwanted(database, mapping, number, limit)
    ]
    newest = sorted(
        (one for one in found if one[0] >= (since or 0)), key=lambda one: (-one[0], one[1], one[2].rules.name)
    )
    return [_entry(project, known, at, identity, mapping) for at, identity, mapping in newest[:limit]]


def _unwanted(
    database: Database, mapping: CompiledMapping, number: int | None, limit: int
) -> Iterator[tuple[int, int | None]]:
    """Identities that are not to have the mapping's object, and since when, where they once were to have it."""
    only, given = ("", []) if number is None else (" AND i.id = ?", [number])
    with database.read() as session:
        yield from session.rows(
            "SELECT i.id, p.since FROM identity i LEFT JOIN presence p ON p.identity = i.id AND p.mapping = ? "
            f"WHERE i.type = ? AND (p.wanted IS NULL OR p.wanted = 0){only} "
            "ORDER BY COALESCE(p.since, 0) DESC, i.id LIMIT ?",
            mapping.id,
            mapping.rules.identity,
            *given,
            limit,
        )


def _entry(project: Project, known: Evaluated, at: int, identity: int, mapping: CompiledMapping) -> dict[str, Any]:
    steps = Steps(known, identity)
    scope, match = steps.scope(mapping), steps.match(mapping)
    said = f"{scope.description}{_clauses(scope.details.get('scope'))}"
    system, kind = mapping.rules.system, mapping.rules.object
    name, anchor = steps.name, match.details["anchor"]
    skip = Step("EntrySynchronizationSkip", "skipped", said, {"SkipReason": _REASON, **scope.details})
    return {
        "id": str(uuid.uuid5(_NAMESPACE, f"{project.name}/{mapping.name}/{steps.uid}/{at}")),
        "activityDateTime": instant_text(moment(at)),
        "jobId": f"{project.name}.{system}",
        "cycleId": None,
        "changeId": None,
        "provisioningAction": "other",
        "provisioningStatusInfo": {"status": "skipped", "errorInformation": None},
        "provisioningSteps": [{**skip.document(), "provisioningStepType": "scoping"}],
        "sourceIdentity": {
            "id": steps.uid,
            "displayName": name,
            "identityType": steps.type,
            "details": {"identity": steps.uid},
        },
        "targetIdentity": {"id": anchor, "displayName": name, "identityType": kind, "details": {}},
        "sourceSystem": {"id": None, "displayName": None, "details": {}},
        "targetSystem": {
            "id": system,
            "displayName": system,
            "details": {"connector": project.systems[system].connector},
        },
        "modifiedProperties": [],
        "durationInMilliseconds": None,
        "initiatedBy": {"id": None, "displayName": "muster run", "initiatorType": "system"},
        "servicePrincipal": {"id": system, "displayName": system},
        "tenantId": project.name,
    }


def _clauses(scope: Mapping[str, Any] | None) -> str:
    """The clauses of filter groups that do not hold, with what they compared."""
    failing = [
        f"{one['attribute']} is {one['actual']!r}, asked: {one['operator']} {one.get('value') or ''}".rstrip()
        for group in (scope or {}).get("groups", ())
        for one in group["clauses"]
        if one["passes"] is not True
    ]
    return f": {'; '.join(failing)}" if failing else ""
