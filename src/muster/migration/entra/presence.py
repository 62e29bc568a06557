"""Who has an account, and what happens to it when its owner goes: `provision`, `deprovision` and their like.

https://learn.microsoft.com/entra/identity/app-provisioning/how-provisioning-works#deprovisioning
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from muster.migration.conditions import Untranslatable, entra_condition
from muster.migration.entra.flows import soft_deletes
from muster.migration.entra.job import Job
from muster.migration.entra.place import Place
from muster.migration.entra.schema import ObjectMapping
from muster.migration.entra.scopes import clauses_of, said_filters
from muster.migration.entra.vocabulary import Vocabulary
from muster.migration.expressions import both
from muster.migration.outcome import Draft, Imported

_SWITCHES: Final = {"Add": "create", "Update": "update", "Delete": "delete"}
_WITHOUT: Final = "until then the mapping makes no accounts: it only keeps those in step that are found"


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
    """`provision`, `scope`, `deprovision` and `actions`; none where the old job only updated, or where nobody can tell
    for whom it made accounts."""
    switches = [ours for theirs, ours in _SWITCHES.items() if theirs in mapping.switches]
    if switches in ([], ["update"]):
        return {}
    try:
        provision, scope = _who(mapping, vocabulary, label, assignment, job, imported)
    except Untranslatable as fault:
        imported.leave(f"{label}: scope", f"no expression says `{fault}`", f"write `provision:` by hand; {_WITHOUT}")
        return {}
    if provision is None:
        return {}
    made: dict[str, Any] = {"provision": provision}
    if scope is not None:
        made["scope"] = scope
    if "delete" in switches:
        made["deprovision"] = _deprovision(mapping, vocabulary, place, label, draft, imported)
        if scope is not None:
            made["out of scope"] = "leave"
    if len(switches) < len(_SWITCHES):
        made["actions"] = switches
    if place.target.connector == "active_directory" and vocabulary.identity == "person" and "create" in switches:
        made |= {"password": "generate"}  # the provisioning agent gave new accounts a random one, too
    return made


def _who(
    mapping: ObjectMapping,
    vocabulary: Vocabulary,
    label: str,
    assignment: Assignment,
    job: Job,
    imported: Imported,
) -> tuple[str | None, str | None]:
    """`provision`, and `scope` where the job left alone who went out of scope. Raises Untranslatable."""
    apart = job.skip_out_of_scope and "Delete" in mapping.switches
    if not vocabulary.cloud and not apart:
        return "true", None
    if vocabulary.cloud and not assignment.known:
        imported.leave(
            f"{label}: who gets an account",
            "nothing says that others than assigned users and groups took part, and no schema says who they are",
            f"import again with --everyone, or with --assigned EXPRESSION; {_WITHOUT}",
        )
        return None, None
    said_filters(mapping, label, imported)
    asked = [assignment.condition or ""] if vocabulary.cloud else []
    if written := clauses_of([*(mapping.scope.groups if mapping.scope else [])]):
        asked.append(entra_condition(written, vocabulary.term, vocabulary.known))
    here = ["[active]"] if vocabulary.cloud and vocabulary.identity == "person" else []
    if apart:
        return both(here), both(asked) if any(asked) else None
    return both([*here, *asked]), None


def _deprovision(
    mapping: ObjectMapping,
    vocabulary: Vocabulary,
    place: Place,
    label: str,
    draft: Draft,
    imported: Imported,
) -> str:
    """What the service did with an object whose owner was deleted, unassigned or out of scope."""
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
