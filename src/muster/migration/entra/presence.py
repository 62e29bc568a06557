"""Who has an account, and what happens to it when its owner goes: `provision` and `deprovision`.

https://learn.microsoft.com/entra/identity/app-provisioning/how-provisioning-works#deprovisioning
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from muster.migration.conditions import Untranslatable, entra_condition
from muster.migration.entra.flows import soft_deletes
from muster.migration.entra.job import Job
from muster.migration.entra.place import Place
from muster.migration.entra.schema import ObjectMapping
from muster.migration.entra.scopes import clauses_of, said_filters
from muster.migration.entra.vocabulary import Vocabulary
from muster.migration.expressions import both
from muster.migration.outcome import Draft, Imported


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who takes part besides the scope: everybody, those of a condition, or nobody knows (None and False)."""

    everyone: bool = False
    condition: str | None = None

    @property
    def known(self) -> bool:
        """Whether it may be said who gets an account."""
        return self.everyone or self.condition is not None


def presence(
    mapping: ObjectMapping,
    vocabulary: Vocabulary,
    label: str,
    place: Place,
    assignment: Assignment,
    job: Job,
    draft: Draft,
    imported: Imported,
) -> dict[str, Any]:
    """`provision` and `deprovision`; neither where the old job made nothing, or where nobody can tell for whom."""
    if "Add" not in mapping.switches:
        if "Delete" in mapping.switches:
            imported.leave(
                f"{label}: Delete without Add",
                "a mapping that makes no objects deletes none",
                "say `provision:` for those who have one, if theirs must go",
            )
        return {}
    provision = _provision(mapping, vocabulary, label, assignment, imported)
    if provision is None:
        return {}
    steps = _deprovision(mapping, vocabulary, place, job, label, draft, imported)
    made = {"provision": provision, "deprovision": steps}
    if place.target.connector == "active_directory" and vocabulary.identity == "person":
        return made | {"password": "generate"}  # the provisioning agent gave new accounts a random one, too
    return made


def _provision(
    mapping: ObjectMapping, vocabulary: Vocabulary, label: str, assignment: Assignment, imported: Imported
) -> str | None:
    if not vocabulary.cloud:
        return "true"
    without = "until then the mapping makes no accounts: it only keeps those in step that are found"
    if not assignment.known:
        imported.leave(
            f"{label}: who gets an account",
            "nothing says that others than assigned users and groups took part, and no schema says who they are",
            f"import again with --everyone, or with --assigned EXPRESSION; {without}",
        )
        return None
    parts = ["[active]"] if vocabulary.identity == "person" else []
    parts.append(assignment.condition or "")
    groups = [*(mapping.scope.groups if mapping.scope else [])]
    said_filters(mapping, label, imported)
    try:
        if written := clauses_of(groups):
            parts.append(entra_condition(written, vocabulary.term, vocabulary.known))
    except Untranslatable as fault:
        imported.leave(f"{label}: scope", f"no expression says `{fault}`", f"write `provision:` by hand; {without}")
        return None
    return both(parts)


def _deprovision(
    mapping: ObjectMapping,
    vocabulary: Vocabulary,
    place: Place,
    job: Job,
    label: str,
    draft: Draft,
    imported: Imported,
) -> str:
    """What the service did with an object whose owner was deleted, unassigned or out of scope."""
    if "Delete" not in mapping.switches:
        return "leave"
    if job.skip_out_of_scope:
        imported.leave(
            f"{label}: SkipOutOfScopeDeletions",
            "`deprovision` does not tell who left the scope from who left: `leave` keeps both accounts as they are",
            "say `deprovision: disable` if leavers must lose theirs",
        )
        return "leave"
    soft = [one for one in mapping.attributes if soft_deletes(one)]
    foreign = not vocabulary.cloud or place.target.connector in {"active_directory", "graph"}
    if not soft and not (foreign and vocabulary.identity == "person"):
        draft.notes["outbound/deprovision"] = "no attribute followed IsSoftDeleted, so a DELETE was sent"
        return "delete"
    for one in soft:
        draft.notes["outbound/deprovision"] = f"what {one.target} by IsSoftDeleted did"
    if place.object.can_enable is False:
        imported.leave(
            f"{label}: {soft[0].target if soft else 'disable'}",
            f"{place.target.name} has no switch that Muster knows of, so accounts are left as they are",
            f"name it in systems/{place.target.name}.yaml (`enabled:`), then say `deprovision: disable`",
        )
        return "leave"
    return "disable"
