"""`muster explain`: where each value of an identity comes from, and what each system should hold and does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
import orjson

from muster.app.finding import find_identity
from muster.app.narrowing import narrowed
from muster.expressions import Candidates, Context, Fault, Signal
from muster.model.errors import NotFound
from muster.model.schema import SystemSchema
from muster.model.values import Document, Scalar, Value
from muster.project.configuration import Choice, MappingRules, Place, Project
from muster.store.audit import is_erased
from muster.store.codec import decode
from muster.store.database import Database, Session
from muster.store.names import Names
from muster.sync.clock import moment
from muster.sync.identities.paths import load_paths
from muster.sync.identities.values import CHANGED_SINCE, MADE, MADE_AGAIN, Joined, own_input
from muster.sync.plan_document import LATER, change_document
from muster.sync.provisioning.holds import load_holds
from muster.sync.provisioning.presence import steps_for
from muster.sync.references.naming import coming_objects, staying_objects
from muster.sync.rules.compiling import compile_rules
from muster.sync.rules.ruleset import HELD, NO_LOOKUP, CompiledMapping, CompiledOutbound, Rules
from muster.sync.safety.frozen import frozen_mappings

_ORIGIN: Final = {
    0: "joined",
    MADE: "made by Muster",
    CHANGED_SINCE: "made by Muster",
    MADE_AGAIN: "made again by another hand",
}


def explain(
    project: Project, database: Database, who: str, system: str | None, attribute: str | None, now: int
) -> dict[str, Any]:
    """One identity as a document. Reads the store alone."""
    if system is not None and system not in project.systems:
        known = ", ".join(sorted(project.systems))
        raise NotFound(
            f"There is no system {system!r}. Known: {known}. An attribute stands after its system: "
            "muster explain WHO SYSTEM ATTRIBUTE"
        )
    number = find_identity(database, who)
    rules = compile_rules(project, known_schemas(database), Names(database))
    with database.read() as session:
        return narrowed(_Explaining(rules, session, number, now).document(), system, attribute)


def known_schemas(database: Database) -> dict[str, SystemSchema]:
    """What each system said of itself when it was last open."""
    with database.read() as session:
        rows = session.rows("SELECT name, schema FROM system")
    return {name: msgspec.json.decode(bytes(data), type=SystemSchema) for name, data in rows}


class _Explaining:
    """Everything about one identity."""

    def __init__(self, rules: Rules, session: Session, number: int, now: int) -> None:
        self.rules = rules
        self.session = session
        self.number = number
        self.now = now
        self.context = Context(now=moment(now))
        self.uid, self.type, data, origin, kept, leaving = session.rows(
            "SELECT uid, type, doc, origin, kept, leaving FROM identity WHERE id = ?", number
        )[0]
        self.values: Document = decode(data)
        self.origin: dict[str, int] = decode(origin)
        self.kept: dict[str, Value] = decode(kept)
        self.leaving = bool(leaving)
        self.objects = session.rows(
            "SELECT id, space, anchor, doc, mapping, made, wrote, gone FROM object "
            "WHERE identity = ? ORDER BY space, anchor",
            number,
        )

    def document(self) -> dict[str, Any]:
        return {
            "identity": self.uid,
            "type": self.type,
            "name": self._name(),
            "leaving": self.leaving,
            "objects": [self._object(row) for row in self.objects],
            "attributes": self._attributes(),
            "systems": self._systems(),
            "holds": self._holds(),
            "decisions": self._decisions(),
            "history": self._history(),
        }

    def _name(self) -> str | None:
        name = self.values.get("displayName")
        return name if isinstance(name, str) else None

    def _object(self, row: tuple[Any, ...]) -> dict[str, Any]:
        _, space, anchor, _, mapping_id, made, _, gone = row
        system, kind = self.rules.spaces[space]
        mapping = self.rules.mappings.get(mapping_id)
        frozen = mapping_id in frozen_mappings(self.rules.names, self.rules.project).values()
        return {
            "system": system,
            "object_type": kind,
            "anchor": anchor,
            "mapping": self.rules.names.find(mapping_id),
            "account": mapping.rules.account if mapping else None,
            "state": "gone" if gone else "frozen" if frozen else _ORIGIN[made],
        }

    # --- the identity's own values

    def _attributes(self) -> list[dict[str, Any]]:
        flows: dict[str, list[dict[str, Any]]] = {}
        for row in self.objects:
            mapping = self.rules.mappings.get(row[4])
            if mapping is None or row[7]:
                continue
            for name, flow in self._inbound(mapping, row):
                flows.setdefault(name, []).append(flow)
        for computed in self.rules.types[self.type].computed:
            flows.setdefault(computed.attribute.name, []).append(
                {
                    "mapping": computed.place.file,
                    "file": computed.place.file,
                    "line": computed.place.line,
                    "expression": computed.value.expression.text,
                    "value": self.values.get(computed.attribute.name),
                    "precedence": None,
                    "wins": True,
                    "source": {"system": "muster", "attributes": self._named(computed.value.expression.reads)},
                }
            )
        references = self._references()
        found = []
        for name in sorted({*self.values, *flows, *references}):
            entry: dict[str, Any] = {"name": name, "value": self.values.get(name), "flows": flows.get(name, [])}
            if name in references:
                entry["references"] = references[name]
                texts = [one["identity"] or f"{one['text']} (not found)" for one in references[name]]
                entry["value"] = texts[0] if len(texts) == 1 else texts
            found.append(entry)
        return found

    def _inbound(self, mapping: CompiledMapping, row: tuple[Any, ...]) -> Iterable[tuple[str, dict[str, Any]]]:
        number, space, anchor, data, _, made, wrote, _ = row
        document = own_input(Joined(number, mapping, anchor, decode(data), made, decode(wrote)))
        system, kind = self.rules.spaces[space]
        for compiled in mapping.inbound:
            flow = compiled.flow
            choices = flow.choices or ((Choice(flow.reference.text),) if flow.reference else ())
            for choice in choices:
                expression = choice.value.expression
                value = _shown(expression.evaluate(document, self.context))
                winner = self.origin.get(flow.attribute.name, self.origin.get("*"))
                wins = flow.attribute.name in self.values and winner == number and value is not None
                yield (
                    flow.attribute.name,
                    {
                        "mapping": mapping.name,
                        "file": choice.value.place.file,
                        "line": choice.value.place.line,
                        "expression": expression.text,
                        "value": value,
                        "precedence": choice.precedence if choice.precedence is not None else flow.precedence,
                        "wins": wins if flow.reference is None else self._gives(compiled.attribute_id, number),
                        "source": {
                            "system": system,
                            "object": kind,
                            "anchor": anchor,
                            "attributes": {name: document.get(name) for name in sorted(expression.reads)},
                        },
                    },
                )

    def _gives(self, attribute: int, number: int) -> bool:
        """Whether what the identity refers to comes from this object, and not from a hold."""
        given = "SELECT key FROM edge WHERE owner = ? AND attribute = ? AND origin = ? LIMIT 1"
        held, own = (self.session.one(given, self.number, attribute, origin) for origin in (HELD, number))
        return own is not None and held is None

    def _references(self) -> dict[str, list[dict[str, Any]]]:
        """Whom the identity refers to, with the names that people know: at most a thousand altogether."""
        found: dict[str, list[dict[str, Any]]] = {}
        for attribute, key, uid, data in self.session.rows(
            "SELECT e.attribute, e.key, i.uid, i.doc FROM edge e LEFT JOIN identity i ON i.id = e.target "
            "WHERE e.owner = ? AND e.how <> ? ORDER BY e.attribute, e.key LIMIT 1000",
            self.number,
            NO_LOOKUP,
        ):
            name = decode(data).get("displayName") if data is not None else None
            entry = {"identity": uid, "name": name} if uid is not None else {"identity": None, "text": key}
            entries = found.setdefault(self.rules.names.text(attribute), [])
            if entry not in entries:
                entries.append(entry)
        return found

    def _texts(self, mapping: CompiledMapping, compiled: CompiledOutbound) -> tuple[Value, list[dict[str, Any]]]:
        """What an outbound reference writes: whatever names the targets' objects in the mapping's system; and the
        targets who have none there, and get none by what is planned.
        """
        where = "FROM edge WHERE owner = ? AND attribute = ?"
        held = self.session.one(f"SELECT key {where} AND origin = {HELD} LIMIT 1", self.number, compiled.edge)
        edges = self.session.rows(
            f"SELECT DISTINCT target, account {where} AND target IS NOT NULL AND (origin = {HELD} OR ? = 0) "
            "ORDER BY target LIMIT 1000",
            self.number,
            compiled.edge,
            int(held is not None),
        )
        targets = [target for target, _ in edges]
        named = staying_objects(self.session, self.rules, targets)
        coming = coming_objects(self.session, self.rules, targets)
        keys = [(target, mapping.rules.system, account) for target, account in edges]
        texts: list[Scalar] = [
            named[key][1] if key in named else LATER for key in keys if key in named or key in coming
        ]
        waits = [self._person(key[0]) for key in keys if key not in named and key not in coming]
        if compiled.attribute.many:
            return texts or None, waits
        return texts[0] if texts else None, waits

    def _person(self, number: int) -> dict[str, Any]:
        uid, data = self.session.rows("SELECT uid, doc FROM identity WHERE id = ?", number)[0]
        return {"identity": uid, "name": decode(data).get("displayName")}

    def _named(self, names: Iterable[str]) -> dict[str, Value]:
        return {name: self.values.get(name) for name in sorted(names)}

    # --- what each system should hold

    def _systems(self) -> list[dict[str, Any]]:
        kind = self.rules.types[self.type]
        paths = load_paths(self.session, self.rules, kind, [self.number], kind.paths).get(self.number, {})
        document = {**self.values, **paths}
        changes = {row[2]: change_document(self.rules, row[:8], {}, self._name()) for row in self._changes(0)}
        presence = {
            row[0]: row[1:]
            for row in self.session.rows("SELECT mapping, wanted, since FROM presence WHERE identity = ?", self.number)
        }
        found = []
        for mapping in kind.outbound:
            row = next((row for row in self.objects if row[4] == mapping.id and not row[7]), None)
            wanted, since = presence.get(mapping.id, (None, None))
            change = changes.get(mapping.id)
            if change is not None:
                del change["_identity"]
            found.append(
                {
                    "system": mapping.rules.system,
                    "object_type": mapping.rules.object,
                    "mapping": mapping.name,
                    "anchor": row[2] if row else None,
                    "wanted": None if wanted is None else bool(wanted),
                    "since": _text(since),
                    "deprovision": self._deprovision(mapping.rules, document, since) if row and wanted == 0 else [],
                    "provision": _provision(mapping.rules),
                    "scope": self._scope(mapping.rules, document),
                    "shown": decode(row[3]) if row else None,
                    "flows": list(self._outbound(mapping, document, decode(row[3]) if row else {})),
                    "pending": change,
                }
            )
        return found

    def _scope(self, rules: MappingRules, document: Document) -> dict[str, Any] | None:
        """The outbound scope, and whether the identity is in it; None where there is none."""
        outbound = rules.outbound
        if outbound is None or outbound.scope is None or outbound.scope_place is None:
            return None
        place, rule = outbound.scope_place, outbound.scope_rule
        return {
            "rule": rule if isinstance(rule, str) else rule[1] if isinstance(rule, list) else None,
            "file": place.file,
            "line": place.line,
            "passes": _shown(outbound.scope.evaluate(document, self.context)),
        }

    def _deprovision(self, rules: MappingRules, document: Document, since: int) -> list[dict[str, Any]]:
        """What becomes of an object that is no longer wanted, and when; `due`: that time has come."""
        outbound = rules.outbound
        steps = steps_for(outbound, document, self.leaving, self.context) if outbound is not None else ()
        instants = [(since + int(step.after.total_seconds() * 1_000_000), step) for step in steps]
        return [
            {"do": step.do, "at": _text(at), "due": at <= self.now, "file": step.place.file, "line": step.place.line}
            for at, step in instants
        ]

    def _holds(self) -> list[dict[str, Any]]:
        """What people and workflows ask of the identity."""
        return [
            {
                "kind": hold.kind,
                "mapping": hold.mapping,
                "attribute": hold.attribute,
                "value": hold.value,
                "by": hold.by,
                "why": hold.why,
                "until": _text(hold.until),
                "while": hold.condition,
            }
            for hold in load_holds(self.session, [self.number], self.now).by_identity.get(self.number, ())
        ]

    def _outbound(self, mapping: CompiledMapping, document: Document, shown: Document) -> Iterable[dict[str, Any]]:
        for compiled in mapping.outbound:
            flow = compiled.flow
            choices = flow.choices or ((Choice(flow.reference.text),) if flow.reference else ())
            for choice in choices:
                if choice.when is not None and choice.when.expression.evaluate(document, self.context) is not True:
                    continue
                expression = choice.value.expression
                waits: list[dict[str, Any]] = []
                if flow.reference is not None:
                    value, waits = self._texts(mapping, compiled)
                else:
                    value = _shown(expression.evaluate(document, self.context))
                yield {
                    "attribute": flow.attribute,
                    "mapping": mapping.name,
                    "file": choice.value.place.file,
                    "line": choice.value.place.line,
                    "expression": expression.text,
                    "value": value,
                    "shown": shown.get(flow.attribute),
                    "enforce": flow.enforce,
                    **({"default": flow.default.expression.text} if flow.default is not None else {}),
                    "reads": sorted(expression.reads),
                    "sources": self._sources(expression.reads, document),
                    **({"waits": waits} if waits else {}),
                }
                break

    def _sources(self, reads: Iterable[str], document: Mapping[str, Value]) -> list[dict[str, Any]]:
        """The source objects that the identity's attributes came from."""
        found = []
        for name in sorted(reads):
            number = self.origin.get(name, self.origin.get("*") if name in self.values else None)
            row = next((row for row in self.objects if row[0] == number), None)
            entry: dict[str, Any] = {"attribute": name, "value": document.get(name)}
            if row is not None:
                system, kind = self.rules.spaces[row[1]]
                entry |= {"system": system, "object": kind, "anchor": row[2]}
            found.append(entry)
        return found

    # --- what was done

    def _changes(self, state: int) -> list[tuple[Any, ...]]:
        return self.session.rows(
            "SELECT c.id, c.space, c.mapping, c.identity, c.action, c.anchor, p.doc, ?, c.state, c.at, "
            "c.reason FROM change c JOIN payload p ON p.change = c.id WHERE c.identity = ? AND c.state = ? "
            "ORDER BY c.id",
            self.uid,
            self.number,
            state,
        )

    def _decisions(self) -> list[dict[str, Any]]:
        """What people decided about joins of this identity, oldest first."""
        return [
            {
                "decision": kind,
                "by": by,
                "at": moment(at).isoformat().replace("+00:00", "Z"),
                **({} if is_erased(payload) else orjson.loads(payload)),
            }
            for kind, by, at, payload in self.session.rows(
                "SELECT kind, made_by, at, payload FROM decided WHERE identity = ? OR other = ? OR object IN ?i "
                "ORDER BY id",
                self.number,
                self.number,
                [row[0] for row in self.objects],
            )
        ]

    def _history(self) -> list[dict[str, Any]]:
        found = []
        for state in (2, 3):
            for row in self._changes(state):
                change = change_document(self.rules, row[:8], {}, self._name())
                del change["_identity"]
                change["at"] = _text(row[9])
                change["outcome"] = "done" if state == 2 else "failed"
                change["message"] = row[10]
                found.append(change)
        return sorted(found, key=lambda change: (change["at"] or "", change["id"]))[-100:]


def _text(number: int | None) -> str | None:
    return moment(number).isoformat().replace("+00:00", "Z") if number is not None else None


def _provision(rules: MappingRules) -> dict[str, Any] | None:
    located = rules.outbound.provision if rules.outbound else None
    if located is None:
        return None
    place: Place = located.place
    return {
        "expression": located.expression.text,
        "file": place.file,
        "line": place.line,
        "reads": sorted(located.expression.reads),
    }


def _shown(result: Any) -> Any:
    if isinstance(result, Fault):
        return {"error": result.message}
    if isinstance(result, Signal):
        return repr(result)
    if isinstance(result, Candidates):
        return {"candidates": [str(value) for value in result.values]}
    return result if isinstance(result, str | int | float | bool | list) or result is None else str(result)
