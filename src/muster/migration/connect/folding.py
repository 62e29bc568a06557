"""Many synchronization rules for one object → one mapping.

What a rule's own scope says of the object is the mapping's `scope` where the rule ties objects to identities, and the
`when` of its flows. The rules' numbers are the flows' precedence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from muster.expressions import ExpressionError, compile_expression
from muster.migration.conditions import Untranslatable, connect_condition
from muster.migration.connect.grouping import grouped
from muster.migration.connect.rules import RuleFlow, SyncRule
from muster.migration.connect.vocabulary import Vocabulary, connected_name, connected_term, without_sids
from muster.migration.expressions import literal, quoted, rewritten
from muster.migration.outcome import Draft, Imported
from muster.migration.surroundings import ObjectShape, Surroundings, SystemShape

DIALECT: Final = "connect"


@dataclass(slots=True)
class Folding:
    """The rules of one object type of one system, lowest precedence first, and where they go."""

    system: SystemShape
    object: ObjectShape
    vocabulary: Vocabulary
    rules: list[SyncRule]
    around: Surroundings
    imported: Imported
    conditions: dict[str, str | None] = field(default_factory=dict)

    def draft(self) -> Draft:
        """The mapping of all the rules."""
        names = sorted({rule.connected_type for rule in self.rules})
        content: dict[str, Any] = {
            "system": self.system.name,
            "object": self.object.name,
            "identity": self.vocabulary.identity,
            "dialect": DIALECT,
        }
        inbound = [rule for rule in self.rules if rule.inbound]
        outbound = [rule for rule in self.rules if not rule.inbound]
        scope = _link_scope(inbound)
        if scope:
            content["scope"] = {"connect": [[self._renamed(one) for one in group] for group in scope]}
        if join := self._join():
            content["join"] = join
        if any(rule.link.lower() == "provision" for rule in inbound):
            content["project"] = True
            self._said_links(inbound, scope)
        if inbound and (flows := self._inbound(inbound, scope)):
            content["inbound"] = {"precedence": inbound[0].precedence, "flows": flows}
        if outbound:
            content["outbound"] = self._outbound(outbound)
        head = f"From Entra Connect: {len(self.rules)} rules for {', '.join(names)}."
        if len(self.rules) == 1:
            head = f"From Entra Connect: {self.rules[0].name}."
        return Draft(f"{self.system.name}-{self.object.name}", head, content)

    def _renamed(self, clause: dict[str, Any]) -> dict[str, Any]:
        return clause | {"attribute": connected_name(self.system.connector, str(clause["attribute"]))}

    def _join(self) -> list[dict[str, str]]:
        """The join groups of all rules in order, each once."""
        lines: list[dict[str, str]] = []
        for rule in self.rules:
            for group in rule.joins:
                line = {
                    self.vocabulary.attribute(one.metaverse): connected_term(self.system.connector, one.connected)
                    for one in group
                }
                if any(self.vocabulary.is_many(one.metaverse) for one in group):
                    self.imported.leave(
                        f"{rule.name}: join",
                        "it compares an attribute with many values",
                        "join by an attribute with one",
                    )
                elif line and line not in lines:
                    lines.append(line)
        return lines

    def _said_links(self, inbound: Sequence[SyncRule], scope: list[list[dict[str, Any]]]) -> None:
        narrower = [
            rule.name for rule in inbound if rule.link.lower() == "provision" and rule.scope and rule.scope != scope
        ]
        self.imported.leave_each(
            narrower,
            "it made metaverse objects in a narrower scope than others joined in; `project` makes one for all in scope",
            "narrow `scope:` of the mapping if that is too many",
        )

    def _when(self, rule: SyncRule, common: list[list[dict[str, Any]]]) -> str | None:
        """The rule's own scope as a condition; empty where there is none to say, None where none can be said."""
        groups = _beyond(rule.scope, common)
        if not groups:
            return ""
        key = f"{rule.direction} {rule.precedence} {rule.name}"
        if key not in self.conditions:
            self.conditions[key] = self._condition(rule, groups)
        return self.conditions[key]

    def _condition(self, rule: SyncRule, groups: list[list[dict[str, Any]]]) -> str | None:
        def object_term(name: str) -> str:
            return f"[{connected_name(self.system.connector, name)}]"

        try:
            return connect_condition(groups, object_term if rule.inbound else self.vocabulary.term)
        except Untranslatable as fault:
            self.imported.leave(
                f"{rule.name}: {len(rule.flows)} flows", f"no expression says its scope: {fault}", "write them by hand"
            )
            return None

    def _value(self, rule: SyncRule, flow: RuleFlow) -> str | None:
        """The value as an expression; None where it is not understood, which is said."""
        label = f"{rule.name}: {flow.destination}"

        def term(name: str) -> str:
            return connected_term(self.system.connector, name) if rule.inbound else self.vocabulary.term(name)

        kind = flow.kind.lower()
        if kind == "constant":
            word = "Boolean" if flow.source.lower() in {"true", "false"} else "Integer"
            value = literal(flow.source, word, DIALECT)
        elif kind == "direct":
            value = term(flow.source)
        else:
            own = flow.expression.replace("%Connector.ID%", quoted(rule.connector, DIALECT))
            value = without_sids(grouped(rewritten(own, DIALECT, term)))
        try:
            compile_expression(value, dialect=DIALECT, parameters=self.around.parameters)
        except ExpressionError as error:
            hint = (
                "set it under `parameters:` in muster.yaml and import again"
                if "%" in error.message
                else "write it by hand"
            )
            self.imported.leave(label, f"its expression is not understood: {error}", hint)
            return None
        return value

    def _inbound(self, rules: Sequence[SyncRule], scope: list[list[dict[str, Any]]]) -> dict[str, Any]:
        base = rules[0].precedence
        choices: dict[str, list[dict[str, Any]]] = {}
        merges: dict[str, str] = {}
        references: dict[str, dict[str, Any]] = {}
        for rule in rules:
            when = self._when(rule, scope)
            if when is None:
                continue
            for flow in rule.flows:
                if flow.once:
                    self.imported.leave(
                        f"{rule.name}: {flow.destination} (ExecuteOnce)",
                        "inbound flows always count",
                        "compute the value in metaverse.yaml with `enforce: once`",
                    )
                name = self.vocabulary.attribute(flow.destination)
                if self.vocabulary.is_reference(flow.destination):
                    self._reference(rule, flow, name, when, base, references)
                    continue
                value = self._value(rule, flow)
                if value is None:
                    continue
                choice = {"when": when, "value": value, "precedence": rule.precedence}
                _offer(choices.setdefault(name, []), {key: found for key, found in choice.items() if found != ""})
                self._merge(rule, flow, name, merges)
        made = {name: _inbound_flow(found, merges.get(name), base) for name, found in choices.items()}
        return dict(sorted({**made, **references}.items(), key=lambda pair: pair[0].lower()))

    def _merge(self, rule: SyncRule, flow: RuleFlow, name: str, merges: dict[str, str]) -> None:
        kind = flow.merge.lower()
        if kind in {"update", ""}:
            return
        if not kind.startswith("merge") or not self.vocabulary.is_many(flow.destination):
            self.imported.leave(
                f"{rule.name}: {flow.destination} ({flow.merge})",
                "only an attribute with many values takes those of several rules together",
                "nothing, unless it should have many: then declare it so in metaverse.yaml",
            )
            return
        merges[name] = "union"
        if kind == "mergecaseinsensitive":
            self.imported.leave(
                f"{rule.name}: {flow.destination} (MergeCaseInsensitive)",
                "`merge: union` keeps values that differ in capitals only",
                "lower the values with LCase where that matters",
            )

    def _reference(
        self,
        rule: SyncRule,
        flow: RuleFlow,
        name: str,
        when: str,
        base: int,
        references: dict[str, dict[str, Any]],
    ) -> None:
        value = self._value(rule, flow)
        if value is None:
            return
        label = f"{rule.name}: {flow.destination}"
        if name in references:
            self.imported.leave(
                label, "a reference has one source in a mapping: the first rule's", "nothing, if they agree"
            )
            return
        if when:
            self.imported.leave(
                label, "a reference takes no `when`: it counts for every object in scope", "nothing, if it may"
            )
        word = "references" if self.vocabulary.is_many(flow.destination) else "reference"
        references[name] = {word: value} | ({"precedence": rule.precedence} if rule.precedence != base else {})

    def _outbound(self, rules: Sequence[SyncRule]) -> dict[str, Any]:
        section: dict[str, Any] = {}
        makers = [rule for rule in rules if rule.link.lower() == "provision"]
        common: list[list[dict[str, Any]]] = []
        if makers:
            conditions = [self._condition(rule, rule.scope) if rule.scope else "" for rule in makers]
            common = makers[0].scope if len(makers) == 1 else []
            known = [one for one in conditions if one is not None]
            if len(known) == len(conditions):
                said = list(dict.fromkeys(known))
                section["provision"] = (
                    "true" if "" in said else said[0] if len(said) == 1 else " || ".join(f"({one})" for one in said)
                )
                section["deprovision"] = "delete"
            else:
                self.imported.leave(
                    ", ".join(rule.name for rule in makers),
                    "who gets an object cannot be said",
                    "write `provision:` by hand",
                )
        choices: dict[str, list[dict[str, Any]]] = {}
        once: set[str] = set()
        flows: dict[str, Any] = {}
        for rule in rules:
            when = self._when(rule, common)
            if when is None:
                continue
            for flow in rule.flows:
                name = connected_name(self.system.connector, flow.destination)
                if flow.kind.lower() == "direct" and self.vocabulary.is_reference(flow.source):
                    own = self.vocabulary.attribute(flow.source)
                    word = "references" if self.vocabulary.is_many(flow.source) else "reference"
                    flows[name] = {word: f"[{own}]"}
                    continue
                value = self._value(rule, flow)
                if value is not None:
                    _offer(choices.setdefault(name, []), {"when": when, "value": value} if when else {"value": value})
                    once |= {name} if flow.once else set()
        for name, found in choices.items():
            flows[name] = _outbound_flow(found, name in once)
        if flows:
            section["flows"] = dict(sorted(flows.items(), key=lambda pair: pair[0].lower()))
        return section


def _link_scope(inbound: Sequence[SyncRule]) -> list[list[dict[str, Any]]]:
    """The objects that take part: those in the scope of a rule that projects or joins; empty means all."""
    linking = [rule for rule in inbound if rule.joins or rule.link.lower() == "provision"]
    if not linking or any(not rule.scope for rule in linking):
        return []
    groups: list[list[dict[str, Any]]] = []
    for rule in linking:
        groups += [group for group in rule.scope if group not in groups]
    return groups


def _beyond(scope: list[list[dict[str, Any]]], common: list[list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    """The groups without the clauses that the common scope has already; none when one of them always holds."""
    if not scope or scope == common:
        return []
    known = common[0] if len(common) == 1 else []
    groups = [[one for one in group if not any(_same(one, other) for other in known)] for group in scope]
    return groups if all(groups) else []


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return {key: str(value).lower() for key, value in one.items()} == {
        key: str(value).lower() for key, value in other.items()
    }


def _offer(choices: list[dict[str, Any]], choice: dict[str, Any]) -> None:
    """Add an alternative, unless one before it gives the same whenever this one would."""
    if not any(one["value"] == choice["value"] and one.get("when") in (None, choice.get("when")) for one in choices):
        choices.append(choice)


def _inbound_flow(choices: list[dict[str, Any]], merge: str | None, base: int) -> Any:
    for choice in choices:
        if choice["precedence"] == base:
            del choice["precedence"]
    if len(choices) == 1:
        flow = choices[0] | ({"merge": merge} if merge else {})
        return flow["value"] if list(flow) == ["value"] else flow
    return {"merge": merge, "value": choices} if merge else choices


def _outbound_flow(choices: list[dict[str, Any]], once: bool) -> Any:
    if len(choices) == 1:
        flow = choices[0] | ({"enforce": "once"} if once else {})
        return flow["value"] if list(flow) == ["value"] else flow
    return {"enforce": "once", "value": choices} if once else choices
