"""The connector space: what was read of a system last. Writes go through to the system, and are seen here at once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import structlog

from muster.app.explaining import known_schemas
from muster.connectors.kit.contract import Capabilities
from muster.model import dn
from muster.model.changes import Action, Change, EdgeChange, Outcome, Result
from muster.model.errors import StoreError
from muster.model.objects import ConnectorObject, EdgePage
from muster.model.schema import ObjectSchema
from muster.model.secrets import Secret
from muster.model.values import Attribute, Value, comparable, comparable_set, items, same
from muster.project.configuration import Project, System
from muster.server.scim.building import built
from muster.server.scim.errors import ScimError
from muster.server.scim.live import Live
from muster.server.scim.resource_type import ResourceType
from muster.store.codec import decode
from muster.store.database import Database
from muster.store.names import Names
from muster.sync.imports.singles import take_in
from muster.sync.rules.compiling import compile_rules
from muster.sync.rules.indexes import Indexed
from muster.sync.rules.ruleset import Rules

_SECONDS: Final = 60.0
"""After so long it is looked whether a run has found another schema."""
_PAGE: Final = 5_000
_TOGETHER: Final = 500
log = structlog.get_logger(__name__)


class Buffered:
    """The objects of one system, from the store. `live` writes them."""

    def __init__(self, system: System, project: Project, store: Database, live: Live, can: Capabilities) -> None:
        assert system.gateway is not None
        self.system = system.name
        self._gateway = system.gateway
        self._project = project
        self._store = store
        self._live = live
        self._can = can
        self._rules: Rules | None = None
        self._types: Mapping[str, ResourceType] = {}
        self._filled: frozenset[str] = frozenset()
        self._read_at = -_SECONDS

    def types(self) -> Mapping[str, ResourceType]:
        """The resource types, over the schema that the last run found. Raises `ScimError` before there was one."""
        if time.monotonic() - self._read_at > _SECONDS:
            schemas = known_schemas(self._store)
            if self.system not in schemas:
                raise ScimError(503, "Nothing has been read of this system yet: muster run", after=_SECONDS)
            self._rules = compile_rules(self._project, schemas, Names(self._store))
            self._types = built(self._gateway, schemas[self.system], sets_passwords=self._can.sets_passwords)
            with self._store.read() as session:
                # An index that a new system file asks for is filled by the next run.
                rows = session.rows("SELECT part FROM rule WHERE mapping = ?", "values")
            self._filled = frozenset(str(part) for (part,) in rows)
            self._read_at = time.monotonic()
        return self._types

    # --- reading

    def get(self, kind: ResourceType, anchor: str) -> ConnectorObject | None:
        """One object as it was read last."""
        return next(iter(self._chosen(kind, "anchor = ?", anchor)), None)

    def find(self, kind: ResourceType, equal: Mapping[str, Value]) -> list[ConnectorObject]:
        """The objects that have all these values: by an index where one has one of them."""
        name, value = next(iter(equal.items()))
        for each, one in equal.items():
            if each == kind.of_system.anchor or self._sig(kind, each) is not None or self._is_large(kind, each):
                name, value = each, one
                break
        found = self.find_any(kind, name, [value])
        rest = {each: one for each, one in equal.items() if each != name}
        return [one for one in found if all(self._has(kind, one, each, want) for each, want in rest.items())]

    def find_any(self, kind: ResourceType, attribute: str, values: Sequence[Value]) -> list[ConnectorObject]:
        """The objects that have one of these values."""
        schema = kind.of_system
        texts = [str(one) for one in values if one is not None]
        if attribute == schema.anchor:
            return self._among(kind, "anchor IN ?t", texts)
        if attribute == schema.naming:
            return self._among(kind, "ref IN ?t", [_name(schema, one) for one in texts])
        if self._is_large(kind, attribute):
            those = "id IN (SELECT object FROM shown WHERE attribute = ? AND text IN ?t)"
            member = self._names.id("attribute", attribute)
            names = [_name(schema, one) for one in texts]
            return self._chosen(kind, those, member, names)
        wanted = [one for one in values if one is not None]
        sig = self._sig(kind, attribute)
        if sig is None:
            return [
                one
                for one in self.everything(kind, [])
                if any(_equals(one.values.get(attribute), value, schema.attribute(attribute)) for value in wanted)
            ]
        keys = [key for one in wanted for each in items(one) if (key := sig.key(each)) is not None]
        shows = f"id IN (SELECT object FROM object_key WHERE sig = {sig.sig} AND key IN ?t)"  # noqa: S608
        found = self._among(kind, shows, keys)
        described = schema.attribute(attribute)
        return [one for one in found if any(_equals(one.values.get(attribute), value, described) for value in wanted)]

    def everything(self, kind: ResourceType, names: Sequence[str]) -> Iterator[ConnectorObject]:
        """All objects."""
        del names
        space, after = self._space(kind), -1
        while True:
            with self._store.read() as session:
                rows = session.rows(
                    "SELECT id, anchor, doc FROM object WHERE space = ? AND gone = 0 AND id > ? ORDER BY id LIMIT ?",
                    space,
                    after,
                    _PAGE,
                )
            if not rows:
                return
            after = rows[-1][0]
            yield from (ConnectorObject(kind.object, anchor, decode(doc)) for _, anchor, doc in rows)

    def references(self, kind: ResourceType, anchor: str, attribute: str) -> Iterator[Sequence[str]]:
        """Every value of a large reference of one object."""
        member, text = self._names.id("attribute", attribute), ""
        while True:
            with self._store.read() as session:
                rows = session.rows(
                    "SELECT text FROM shown WHERE object = (SELECT id FROM object WHERE space = ? AND anchor = ?) "
                    "AND attribute = ? AND text > ? ORDER BY text LIMIT ?",
                    *(self._space(kind), anchor, member, text, _PAGE),
                )
            if not rows:
                return
            text = rows[-1][0]
            yield [row[0] for row in rows]

    # --- writing

    def write(self, change: Change) -> Outcome:
        """Make the change in the system, then take in what the system shows of the object now."""
        passed: list[EdgeChange] = []
        if change.edges is not None:
            change = replace(change, edges=_noted(change.edges, passed))
        outcome = self._live.write(change)
        if outcome.result in (Result.DONE, Result.GONE, Result.CONFLICT):
            self._seen(change, outcome, passed)
        return outcome

    def set_password(self, kind: ResourceType, anchor: str, password: Secret) -> Outcome:
        """Set a password in the system."""
        return self._live.set_password(kind, anchor, password)

    def _seen(self, change: Change, outcome: Outcome, passed: Sequence[EdgeChange]) -> None:
        kind = next(one for one in self._types.values() if one.object == change.type)
        anchor = outcome.anchor or change.anchor or ""
        deleted = outcome.result is Result.GONE or change.action is Action.DELETE
        found = None if deleted and outcome.result is not Result.CONFLICT else self._live.get(kind, anchor)
        done = outcome.result is Result.DONE
        edges = [EdgePage(kind.object, anchor, one.attribute, one.add, one.remove) for one in passed] if done else []
        if change.action is Action.CREATE and kind.members is not None and kind.members.attribute.large:
            # All that it has: another object with this anchor may have been here before.
            added = [one for each in passed for one in each.add]
            edges = [EdgePage(kind.object, anchor, kind.members.name, added, whole=True)]
        assert self._rules is not None
        try:
            take_in(
                self._rules,
                self._store,
                self.system,
                [found] if found is not None else [],
                edges if found is not None else [],
                [(kind.object, anchor)] if found is None else [],
            )
        except StoreError as error:
            # It is written: the next run shows it.
            log.error("scim: what was written is not shown yet", system=self.system, error=error.message)

    # --- how

    @property
    def _names(self) -> Names:
        assert self._rules is not None
        return self._rules.names

    def _space(self, kind: ResourceType) -> int:
        return self._names.space(self.system, kind.object)

    def _sig(self, kind: ResourceType, attribute: str) -> Indexed | None:
        assert self._rules is not None
        found = self._rules.indexed.get(self._space(kind), ())
        mine = (one for one in found if one.attribute == attribute and not one.reference)
        return next((one for one in mine if str(one.sig) in self._filled), None)

    def _is_large(self, kind: ResourceType, attribute: str) -> bool:
        return kind.of_system.attribute(attribute).large

    def _among(self, kind: ResourceType, condition: str, texts: Sequence[str]) -> list[ConnectorObject]:
        found: dict[str, ConnectorObject] = {}
        for start in range(0, len(texts), _TOGETHER):
            for one in self._chosen(kind, condition, list(texts[start : start + _TOGETHER])):
                found[one.anchor] = one
        return list(found.values())

    def _chosen(self, kind: ResourceType, condition: str, *values: Any) -> list[ConnectorObject]:
        with self._store.read() as session:
            rows = session.rows(
                f"SELECT anchor, doc FROM object WHERE space = ? AND gone = 0 AND {condition}",  # noqa: S608
                self._space(kind),
                *values,
            )
        return [ConnectorObject(kind.object, anchor, decode(doc)) for anchor, doc in rows]

    def _has(self, kind: ResourceType, found: ConnectorObject, name: str, value: Value) -> bool:
        if name == kind.of_system.anchor:
            return found.anchor == str(value)
        if self._is_large(kind, name):
            return any(found.anchor == one.anchor for one in self.find_any(kind, name, [value]))
        return _equals(found.values.get(name), value, kind.of_system.attribute(name))


def _name(schema: ObjectSchema, text: str) -> str:
    """A name as the connector space has it."""
    return dn.normal(text) if schema.name_is_dn else text


def _equals(have: Value, value: Value, attribute: Attribute) -> bool:
    if attribute.many and value is not None:
        return {comparable(one, attribute) for one in items(value)} <= comparable_set(have, attribute)
    return same(have, value, attribute)


def _noted(edges: Iterator[EdgeChange], passed: list[EdgeChange]) -> Iterator[EdgeChange]:
    for one in edges:
        yield one
        passed.append(one)
