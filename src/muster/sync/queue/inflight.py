"""What an interrupted run had sent to a system, as the next import must know it: none of it is another hand's doing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from muster.model import dn
from muster.model.aside import stands_aside
from muster.model.changes import Action
from muster.model.schema import ObjectSchema
from muster.model.values import Document, Scalar, Value, same
from muster.store.codec import decode
from muster.store.database import Session
from muster.sync.queue.changes import SENT, written_values
from muster.sync.rules.ruleset import Rules
from muster.sync.showing import reference_text


@dataclass(slots=True)
class InFlight:
    """`values`: what objects hold if our changes were made, by their id; `names`: old names to the new ones that we
    gave; `deleting`: the objects that we asked to delete; `making`: those that were gone, and that we asked to make
    again."""

    values: dict[int, Document] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    deleting: set[int] = field(default_factory=set)
    making: set[int] = field(default_factory=set)

    def by_another_hand(self, number: int, anchor: str, shown: Document, wrote: Document, schema: ObjectSchema) -> bool:
        """Whether the object shows something that we neither wrote nor may have written."""
        sent = self.values.get(number, {})
        for name, value in wrote.items():
            attribute = schema.attribute(name)
            if same(shown.get(name), value, attribute):
                continue
            if stands_aside(shown.get(name), anchor):
                continue
            if name in sent and same(shown.get(name), self._renamed(sent[name]), attribute):
                continue
            if self.names and same(shown.get(name), self._renamed(value), attribute):
                continue
            return True
        return False

    def _renamed(self, value: Value) -> Value:
        """A reference as the server keeps it after the renames that we sent."""
        if isinstance(value, list):
            return [self._one(item) for item in value]
        return self._one(value) if value is not None else None

    def _one(self, value: Scalar) -> Scalar:
        if not isinstance(value, str) or not self.names:
            return value
        return self.names.get(dn.normal(value), value)


def in_flight(session: Session, rules: Rules, system: str) -> InFlight:
    """The changes of the system that were sent and have no outcome; there are none after a run that ended."""
    found = InFlight()
    for number, space, action, payload, data in session.rows(
        "SELECT o.id, o.space, c.action, p.doc, o.doc FROM change c JOIN object o ON o.id = c.object "
        f"JOIN payload p ON p.change = c.id WHERE c.state = {SENT} AND c.space IN ?i",
        rules.spaces_of(system),
    ):
        schema = rules.schema_of(space)
        if action == Action.DELETE:
            found.deleting.add(number)
        elif action == Action.CREATE:
            found.making.add(number)
        elif schema is not None:
            before: Document = decode(data)
            after = {**before, **written_values(schema, before, orjson.loads(payload))}
            found.values[number] = after
            _note_name(found.names, schema, before, after)
    return found


def _note_name(names: dict[str, str], schema: ObjectSchema, before: Document, after: Mapping[str, Value]) -> None:
    old, new = reference_text(schema, before), after.get(schema.naming or "")
    if schema.name_is_dn and old is not None and isinstance(new, str) and dn.normal(new) != old:
        names[old] = new
