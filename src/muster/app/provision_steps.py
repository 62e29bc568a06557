"""The four steps of provisioning on demand as documents: import, scope, match, export, each with every value."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from muster.expressions import UNKNOWN, Context, Fault, compile_scope
from muster.model.changes import Action
from muster.model.objects import ConnectorObject
from muster.model.secrets import HIDDEN, secret_name
from muster.model.values import Document, Value, key_text
from muster.project.configuration import Outbound, Place
from muster.store.codec import decode
from muster.store.database import Database
from muster.sync.clock import moment
from muster.sync.identities.paths import load_paths
from muster.sync.provisioning.consequences import outbound_reads
from muster.sync.provisioning.holds import load_holds
from muster.sync.rules.ruleset import CompiledMapping, Rules
from muster.sync.run import Run

_HOW = {
    "read": "read now",
    "known": "as it was last read",
    "cannot": "as it was last read: its system cannot be asked for one object",
    "down": "as it was last read: its system cannot be reached",
    "damaged": "as it was last read: it cannot be read now (muster plan names the line)",
    "missing": "not there any more",
}

_LOST = frozenset({"down", "damaged", "missing"})


@dataclass(slots=True)
class Asked:
    """An object that its system was asked for, or was not."""

    system: str
    kind: str
    anchor: str
    number: int | None
    how: str
    found: ConnectorObject | None = None


@dataclass(slots=True)
class Step:
    """One step. `status`: success, failure or skipped; `description` says it in words, `details` has the values."""

    name: str
    status: str
    description: str
    details: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"name": self.name, "status": self.status, "description": self.description, "details": self.details}


def imported(run: Run, target: str, asked: Sequence[Asked]) -> Step:
    """What was read of the identity, in which systems."""
    objects = []
    for one in asked:
        if one.number is None and one.found is None:
            continue
        with run.database.read() as session:
            space = run.rules.names.space(one.system, one.kind)
            data = session.value("SELECT doc FROM object WHERE space = ? AND anchor = ?", space, one.anchor)
        objects.append(
            {
                "system": one.system,
                "object_type": one.kind,
                "anchor": one.anchor,
                "read": one.how == "read",
                "how": _HOW[one.how],
                "values": shown_values(decode(data)) if data is not None else {},
            }
        )
    lost = any(one.how in _LOST and one.system != target for one in asked if one.number is not None)
    said = "; ".join(f"{one['system']}/{one['object_type']} {one['anchor']}: {one['how']}" for one in objects)
    return Step("import", "failure" if lost else "success", said or "nothing is known of it yet", {"objects": objects})


def shown_values(document: Mapping[str, Value]) -> dict[str, Any]:
    """The values that people may see."""
    return {name: HIDDEN if secret_name(name) else value for name, value in sorted(document.items())}


class Known(Protocol):
    """What the steps are worked out from: a run, or what the last one left."""

    @property
    def rules(self) -> Rules: ...
    @property
    def database(self) -> Database: ...
    @property
    def now(self) -> int: ...


class Steps:
    """The steps of one identity, worked out from what stands in the store now."""

    def __init__(self, run: Known, number: int) -> None:
        self.known = run
        self.number = number
        self.context = Context(now=moment(run.now))
        with run.database.read() as session:
            self.uid, self.type, data, leaving = session.rows(
                "SELECT uid, type, doc, leaving FROM identity WHERE id = ?", number
            )[0]
            kind = run.rules.types[self.type]
            paths = set(kind.paths) | (kind.references.keys() & outbound_reads(kind))
            found = load_paths(session, run.rules, kind, [number], paths).get(number, {})
            self.holds = load_holds(session, [number], run.now).by_identity.get(number, ())
        self.document: Document = {**decode(data), **found}
        self.leaving = bool(leaving)
        name = self.document.get("displayName")
        self.name = name if isinstance(name, str) else None

    # --- scope

    def scope(self, mapping: CompiledMapping) -> Step:
        """Whether the identity should have the object, and which rule says so."""
        outbound = mapping.rules.outbound
        if outbound is None or outbound.provision is None:
            why = "the mapping only updates: without `provision` it makes nothing and takes nothing away"
            return Step("scope", "success", why, {"in_scope": None})
        with self.known.database.read() as session:
            wanted = session.value(
                "SELECT wanted FROM presence WHERE identity = ? AND mapping = ?", self.number, mapping.id
            )
        located = outbound.provision
        result = located.expression.evaluate(self.document, self.context)
        details: dict[str, Any] = {
            "in_scope": bool(wanted),
            "leaving": self.leaving,
            "provision": {
                "expression": located.expression.text,
                **_at(located.place),
                "value": _told(result),
                "reads": self._read(located.expression.reads),
            },
            "scope": self._filter(outbound),
            "holds": [
                {"kind": hold.kind, "by": hold.by, "why": hold.why}
                for hold in self.holds
                if hold.mapping in (None, mapping.name)
            ],
        }
        if self.leaving:
            said = "nobody vouches for it any more: it is leaving"
        elif wanted:
            said = "in scope"
        elif result in (False, None):
            said = f"not to be provisioned: {located.expression.text} is false"
        elif isinstance(result, Fault) or result is UNKNOWN:
            said = "it cannot be told whether it is to be provisioned"
        else:
            said = "out of scope"
        return Step("scope", "success" if wanted else "skipped", said, details)

    def _filter(self, outbound: Outbound) -> dict[str, Any] | None:
        """The scope of the mapping; of filter groups, what each clause compares and answers."""
        scope, rule, place = outbound.scope, outbound.scope_rule, outbound.scope_place
        if scope is None or place is None:
            return None
        found = {**_at(place), "passes": _told(scope.evaluate(self.document, self.context))}
        if isinstance(rule, str):
            return {**found, "rule": rule}
        kind, text = rule if isinstance(rule, list) else ("", "")
        if not isinstance(text, list):
            return {**found, "rule": text}
        groups = []
        for group in text:
            clauses = [
                {**clause, "actual": self._one(clause["attribute"]), "passes": self._passes(kind, [[clause]])}
                for clause in group
            ]
            groups.append({"passes": self._passes(kind, [group]), "clauses": clauses})
        return {**found, "groups": groups}

    def _passes(self, kind: str, groups: object) -> Any:
        return _told(compile_scope(kind, groups).evaluate(self.document, self.context))

    def _read(self, names: Collection[str]) -> dict[str, Any]:
        return {name: self._one(name) for name in sorted(names)}

    def _one(self, name: str) -> Any:
        return HIDDEN if secret_name(name) else self.document.get(name)

    # --- match

    def match(self, mapping: CompiledMapping) -> Step:
        """Which object of the system is the identity's, and what each join line says."""
        with self.known.database.read() as session:
            row = session.one(
                "SELECT anchor, doc, made FROM object WHERE identity = ? AND mapping = ? AND gone = 0 ORDER BY anchor",
                self.number,
                mapping.id,
            )
            cases = session.rows(
                "SELECT c.message FROM case_identity i JOIN cases c ON c.object = i.object "
                "WHERE i.identity = ? AND i.mapping = ?",
                self.number,
                mapping.id,
            )
        shown: Document | None = decode(row[1]) if row is not None else None
        lines = [self._line(join.line.pairs, shown) for join in mapping.joins]
        details = {"anchor": row[0] if row is not None else None, "lines": lines}
        if cases:
            return Step("match", "failure", f"waits for a decision (muster joins): {cases[0][0]}", details)
        if row is None:
            return Step("match", "success", "no object there is this one's" if lines else "no join line", details)
        first = next((n for n, line in enumerate(lines, 1) if line["matches"]), None)
        how = "joined before" if first is None else f"join line {first}"
        return Step("match", "success", f"{mapping.rules.object} {row[0]}: {how}", details)

    def _line(self, pairs: Mapping[str, Any], shown: Document | None) -> dict[str, Any]:
        found = []
        for name, located in pairs.items():
            theirs = None if shown is None else _told(located.expression.evaluate(shown, self.context))
            found.append(
                {
                    "attribute": name,
                    "value": self._one(name),
                    "object": located.expression.text,
                    "shown": theirs,
                    **_at(located.place),
                }
            )
        alike = [_key(one["value"]) == _key(one["shown"]) is not None for one in found]
        return {"pairs": found, "matches": shown is not None and bool(alike) and all(alike)}

    # --- export

    def export(
        self,
        mapping: CompiledMapping,
        changes: Sequence[Mapping[str, Any]],
        *,
        dry_run: bool,
        held: Collection[str],
        kept_back: str,
    ) -> Step:
        """What was written, or why nothing was."""
        if not changes:
            return Step("export", "skipped", self._nothing(mapping))
        modified = [
            {"attribute": name, **{key: HIDDEN if secret_name(name) else value for key, value in entry.items()}}
            for change in changes
            for name, entry in change["attributes"].items()
        ]
        details = {"action": changes[0]["action"], "anchor": changes[-1]["anchor"], "modified": modified}
        failed = [change for change in changes if change.get("outcome") == "failed"]
        if failed:
            return Step("export", "failure", str(failed[0].get("message") or "refused"), details)
        if all(change.get("outcome") == "done" for change in changes):
            return Step("export", "success", f"{changes[0]['action']}: done", details)
        if dry_run or kept_back:
            return Step("export", "skipped", f"{changes[0]['action']}: {kept_back}", details)
        limit = f"held by a safety limit of {mapping.rules.system}: muster run --allow-deletes"
        said = limit if mapping.rules.system in held else "left for the next run: it waits for another change"
        return Step("export", "failure" if mapping.rules.system in held else "skipped", said, details)

    def _nothing(self, mapping: CompiledMapping) -> str:
        with self.known.database.read() as session:
            there = session.one(
                "SELECT id FROM object WHERE identity = ? AND mapping = ? AND gone = 0", self.number, mapping.id
            )
            wanted = session.value(
                "SELECT wanted FROM presence WHERE identity = ? AND mapping = ?", self.number, mapping.id
            )
        if there is not None:
            return "everything is as it should be"
        outbound = mapping.rules.outbound
        if wanted and outbound is not None and not outbound.creates:
            return f"`actions` leaves {Action.CREATE.value} out"
        return "not made: see what is held or wrong" if wanted else "nothing is to be there"


def _at(place: Place) -> dict[str, Any]:
    return {"file": place.file, "line": place.line}


def _told(result: Any) -> Any:
    if isinstance(result, Fault):
        return {"error": result.message}
    return result if isinstance(result, str | int | float | bool | list) or result is None else str(result)


def _key(value: Any) -> str | None:
    plain = value if isinstance(value, str | int | float | bool) else None
    return key_text((plain,)) if plain is not None else None
