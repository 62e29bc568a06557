"""Checking what a hold asks for, before anybody relies on it."""

from __future__ import annotations

from muster.expressions import ExpressionError
from muster.model.errors import ProjectError
from muster.model.values import Type
from muster.project.configuration import MappingRules, Project
from muster.project.diagnostics import nearest
from muster.sync.provisioning.holds import condition_of

KINDS = ("absent", "disabled", "value")


def check_hold(
    project: Project, kind: str, identity_type: str, mapping: str | None, attribute: str | None, condition: str | None
) -> None:
    """Raises `ProjectError` when a hold like this could never work."""
    if kind not in KINDS:
        raise ProjectError(f"A hold is absent, disabled or value, not {kind!r}")
    rules = project.mappings.get(mapping) if mapping is not None else None
    if mapping is not None and rules is None:
        raise ProjectError(f"There is no mapping {mapping!r}. Known: {', '.join(sorted(project.mappings))}")
    if kind != "value" and rules is not None and (rules.outbound is None or rules.outbound.provision is None):
        raise ProjectError(f"Mapping {mapping} has no `provision`: it never creates, disables or deletes")
    if kind == "value":
        _check_attribute(project, identity_type, rules, attribute)
    if condition is not None:
        try:
            condition_of(condition, tuple(sorted(project.parameters.items())))
        except ExpressionError as error:
            raise ProjectError(f"The condition of the hold, column {error.column}: {error.message}") from None


def _check_attribute(project: Project, identity_type: str, rules: MappingRules | None, attribute: str | None) -> None:
    if attribute is None:
        raise ProjectError("A hold of a value needs the attribute that has it")
    if rules is None:
        known = list(project.metaverse[identity_type].attributes)
        what = identity_type
    else:
        known = [flow.attribute for flow in rules.outbound.flows] if rules.outbound else []
        what = f"mapping {rules.name}"
    if rules is None and attribute in known:
        _check_reference(project, identity_type, attribute)
    if attribute not in known:
        close = nearest(attribute, known)
        hint = f". Did you mean {close!r}?" if close else ""
        raise ProjectError(f"{what} has no attribute {attribute!r}{hint}")


def _check_reference(project: Project, identity_type: str, attribute: str) -> None:
    """Whom the text of a reference names, only a mapping that reads the reference can say."""
    if project.metaverse[identity_type].attributes[attribute].type is not Type.REFERENCE:
        return
    reading = (m for m in project.mappings.values() if m.identity == identity_type and m.inbound is not None)
    if not any(f.attribute.name == attribute and f.reference for m in reading if m.inbound for f in m.inbound.flows):
        raise ProjectError(
            f"{attribute} refers to other identities, and no mapping reads it: nothing says whom a text would name. "
            f"Give a mapping the inbound flow `{attribute}: {{reference: …, to: …}}`"
        )
