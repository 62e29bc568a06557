"""The rules of an export → mappings for the project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from muster.migration.connect.folding import Folding
from muster.migration.connect.powershell import read_script
from muster.migration.connect.rules import CLOUD, SyncRule, identifier
from muster.migration.connect.vocabulary import Vocabulary
from muster.migration.connect.xml import read_connectors, read_rules, read_types
from muster.migration.encoding import decoded
from muster.migration.entra.vocabulary import identity_of
from muster.migration.outcome import Imported
from muster.migration.surroundings import Surroundings, SystemShape
from muster.model.errors import ProjectError

_FORMS: Final = (
    "the script that the Synchronization Rules Editor exports (.ps1), or the folder of Get-ADSyncServerConfiguration"
)


class Export:
    """The rules of all files, and the names of the connectors that stand beside them."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """`files` by name. ProjectError names the file that cannot be read, or that there are no rules in any."""
        self.rules: list[SyncRule] = []
        self.connectors: dict[str, str] = {CLOUD: "the cloud directory"}
        self.types: dict[str, Any] = {}
        for name, data in sorted(files.items()):
            text = decoded(data, name)
            if name.lower().endswith(".xml"):
                self.rules += read_rules(text, name)
                self.connectors |= read_connectors(text, name)
                self.types |= read_types(text, name)
            else:
                self.rules += read_script(text, name)
        if not self.rules:
            raise ProjectError(
                f"There are no synchronization rules in {', '.join(sorted(files)) or 'it'}: expected {_FORMS}."
            )

    def named(self, connector: str) -> str:
        """The connector for people."""
        found = self.connectors.get(connector)
        return f"{found} ({connector})" if found else connector or "a connector without a name"


def import_rules(export: Export, systems: Sequence[str], around: Surroundings) -> Imported:
    """Everything that the rules say. `systems` are `NAME` where one connector is meant, else `CONNECTOR=NAME`."""
    imported = Imported()
    _set_apart(export, imported)
    chosen = _systems(export, systems, around)
    groups: dict[tuple[str, str, str], list[SyncRule]] = {}
    _make_room(export, chosen, around, imported)
    for rule in sorted(export.rules, key=lambda one: one.precedence):
        if rule.disabled:
            continue
        system = chosen.get(rule.connector)
        identity = identity_of("person" if rule.metaverse_type == "*" else rule.metaverse_type)
        if system is None:
            imported.leave(
                f"rules of {export.named(rule.connector)}",
                "no system of the project was named for it",
                f"say --system {rule.connector}=NAME to have them",
            )
            continue
        shape = system.object_of(rule.connected_type)
        if identity is None or shape is None:
            why = (
                f"there is no identity type for {rule.metaverse_type}"
                if identity is None
                else f"systems/{system.name}.yaml has no object for {rule.connected_type}"
            )
            imported.leave(rule.name, why, "add one and import again, if its objects take part")
            continue
        groups.setdefault((system.name, shape.name, identity), []).append(rule)
    for (system_name, object_name, identity), rules in groups.items():
        system = around.systems[system_name]
        merged = frozenset(
            flow.destination.lower()
            for rule in rules
            if rule.inbound
            for flow in rule.flows
            if flow.merge.startswith("Merge")
        )
        vocabulary = Vocabulary(
            identity, around.attributes[identity], imported.attributes.setdefault(identity, {}), merged, export.types
        )
        folding = Folding(system, system.objects[object_name], vocabulary, rules, around, imported)
        imported.drafts.append(folding.draft())
    if not imported.drafts:
        why = "; ".join(f"{one.what}: {one.why}" for one in imported.left)
        raise ProjectError(f"There is nothing to import: {why}.")
    return imported


def _make_room(export: Export, chosen: Mapping[str, SystemShape], around: Surroundings, imported: Imported) -> None:
    """Precedences that other mappings use: all rules go behind them, in their order."""
    own = {f"{system.name}-{shape}" for system in chosen.values() for shape in system.objects}
    taken = around.taken(*own)
    if not taken & {rule.precedence for rule in export.rules if rule.inbound and rule.connector in chosen}:
        return
    behind = (max(taken) // 1000 + 1) * 1000
    for rule in export.rules:
        rule.precedence += behind
    imported.leave(
        "the rules' own precedences",
        f"other mappings of the project use some of them, so {behind} was added to each",
        "give the project's own mappings higher numbers, if the rules should win",
    )


def _set_apart(export: Export, imported: Imported) -> None:
    """What is true of a rule as a whole."""
    imported.leave_each(
        (rule.name for rule in export.rules if rule.disabled),
        "the rule is disabled",
        "nothing; enable it and export again",
    )
    imported.leave_each(
        (rule.name for rule in export.rules if rule.password_sync and not rule.disabled),
        "it also synchronises passwords, which no mapping does",
        "set up password synchronisation apart from the mappings",
    )
    imported.leave_each(
        (rule.name for rule in export.rules if rule.link.lower() == "stickyjoin" and not rule.disabled),
        "StickyJoin kept a metaverse object alive; here an identity lives while an object that may project it does",
        "say `project: true` where its objects must keep identities",
    )


def _systems(export: Export, systems: Sequence[str], around: Surroundings) -> dict[str, SystemShape]:
    """Connector → system."""
    rules: dict[str, int] = {}
    for rule in export.rules:
        rules[rule.connector] = rules.get(rule.connector, 0) + 1
    there = ", ".join(f"{export.named(one)}, {count} rules" for one, count in rules.items())
    chosen: dict[str, SystemShape] = {}
    for text in systems:
        connector, equals, name = text.rpartition("=")
        if not equals:
            own = [one for one in rules if one != CLOUD] or list(rules)
            if len(own) != 1 or len(systems) != 1:
                raise ProjectError(f"--system {text}: of which connector? Say CONNECTOR={text}. There are: {there}.")
            chosen[own[0]] = around.system(name, export.named(own[0]), "--system")
            continue
        found = identifier(connector)
        by_name = {label.lower(): one for one, label in export.connectors.items()}
        found = found if found in rules else by_name.get(connector.lower(), found)
        if found not in rules:
            raise ProjectError(f"--system {text}: there are no rules of {connector}. There are: {there}.")
        chosen[found] = around.system(name, export.named(found), "--system")
    if not chosen:
        raise ProjectError(
            f"Which system of the project is which connector? Say --system CONNECTOR=NAME. There are: {there}."
        )
    return chosen
