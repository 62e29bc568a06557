"""No reference outlives what it names: what shows the name of an object that is to be deleted loses it first.

References that are kept in step lose it as any other value (naming.py: who is to be deleted bears no name any more).
Here are the others: objects that are not kept in step just now, because they are being deprovisioned; values that a
flow's `enforce` leaves as they are; and objects that are deleted together, which go in the order that leaves none
behind, and in a circle lose the reference that closes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from muster.model import dn
from muster.model.changes import Action
from muster.model.values import Document, Scalar, Type, items
from muster.store.codec import decode
from muster.store.database import Session
from muster.sync.provisioning.presence import Touchable
from muster.sync.queue.changes import PLANNED, RANK_DANGLING
from muster.sync.queue.queued import Change, add_changes, drop_changes
from muster.sync.references.ordering import levels, set_levels
from muster.sync.rules.indexes import showing
from muster.sync.rules.ruleset import CompiledOutbound, Rules

DANGLES: Final = "delete of what it refers to"
"""The rule that these changes give as their reason."""


@dataclass(slots=True)
class _Object:
    """An object that is to be deleted (`delete`: by that change, of that rank), or one that refers to such a one."""

    id: int
    space: int
    anchor: str
    mapping: int | None
    identity: int
    document: Document
    delete: int = 0
    rank: int = 0


@dataclass(slots=True)
class _Reference:
    """What an object shows of another that is to be deleted. `large`: the attribute's id, when the reference is."""

    holder: _Object
    attribute: str
    value: Scalar
    to: _Object
    large: int = 0


@dataclass(slots=True)
class _Loss:
    """What one object loses before others go."""

    holder: _Object
    flow: CompiledOutbound
    cause: _Object
    values: dict[str, None] = field(default_factory=dict)
    was: dict[str, Scalar] = field(default_factory=dict)
    remove: dict[str, list[Scalar]] = field(default_factory=dict)
    edges: list[tuple[int, str]] = field(default_factory=list)


def take_out_dangling(session: Session, rules: Rules, run: int, touchable: Touchable) -> None:
    """Put the pending deletes in order, and plan what else must be written before them; anew for each plan."""
    for system in sorted(rules.project.systems):
        spaces = rules.spaces_of(system)
        _drop(session, spaces)
        plan = _Deletes(session, rules, system, spaces, touchable)
        if plan.going:
            plan.order()
            _write(session, rules, plan.losses(), run)


def _drop(session: Session, spaces: Sequence[int]) -> None:
    old = session.rows(
        f"SELECT id FROM change WHERE state = {PLANNED} AND space IN ?i AND rank = {RANK_DANGLING}", list(spaces)
    )
    numbers = [row[0] for row in old]
    session.run("DELETE FROM edge_change WHERE change IN ?i", numbers)
    drop_changes(session, numbers)


class _Deletes:
    """The pending deletes of one system, and who refers to what they delete."""

    def __init__(
        self,
        session: Session,
        rules: Rules,
        system: str,
        spaces: Sequence[int],
        touchable: Touchable,
    ) -> None:
        self.session = session
        self.rules = rules
        self.spaces = list(spaces)
        self.touchable = touchable
        self.normal = dn.normal if rules.naming.get(system) else str
        self.going: dict[str, _Object] = {}
        for change, rank, ref, *columns in session.rows(
            "SELECT c.id, c.rank, o.ref, o.id, o.space, o.anchor, o.mapping, c.identity, o.doc FROM change c "
            f"JOIN object o ON o.id = c.object WHERE c.state = {PLANNED} AND c.space IN ?i AND c.rank > "
            f"{RANK_DANGLING} AND c.action = 'delete' ORDER BY c.id",
            self.spaces,
        ):
            item = _object(columns)
            item.delete, item.rank = change, rank
            self.going[ref if ref is not None else item.anchor] = item
        self.references = [*self._small(), *self._large()] if self.going else []

    # --- who refers to what goes

    def _small(self) -> Iterable[_Reference]:
        """References that stand in objects themselves: in those that go, and in all others."""
        for item in self.going.values():
            yield from self._shown(item, self._reference_names(item))
        gone = {item.id for item in self.going.values()}
        found: dict[int, tuple[_Object, set[str]]] = {}
        for space in self.spaces:
            for one in self.rules.indexed.get(space, ()):
                keys = sorted({key for name in self.going if (key := one.key(name)) is not None})
                for row in showing(self.session, one, keys) if one.reference else ():
                    if row[0] not in gone:
                        found.setdefault(row[0], (_object(row), set()))[1].add(one.attribute)
        for item, names in found.values():
            yield from self._shown(item, names)

    def _reference_names(self, item: _Object) -> set[str]:
        """The attributes in which an object refers to others: by its schema, or because a flow writes them so."""
        schema = self.rules.schema_of(item.space)
        mapping = self.rules.mappings.get(item.mapping) if item.mapping is not None else None
        found = {flow.flow.attribute for flow in mapping.references} if mapping is not None else set()
        if schema is not None:
            found |= {name for name, attribute in schema.attributes.items() if attribute.type is Type.REFERENCE}
        return found

    def _shown(self, item: _Object, names: Iterable[str]) -> Iterable[_Reference]:
        for name in sorted(names):
            for value in items(item.document.get(name)):
                to = self.going.get(self.normal(str(value)))
                if to is not None and to.id != item.id:
                    yield _Reference(item, name, value, to)

    def _large(self) -> Iterable[_Reference]:
        going = {item.id: item for item in self.going.values()}
        for attribute, text, *columns in self.session.rows(
            "SELECT s.attribute, s.text, o.id, o.space, o.anchor, o.mapping, o.identity, o.doc FROM shown s "
            "JOIN object o ON o.id = s.object WHERE s.text IN ?t AND o.space IN ?i AND o.gone = 0 "
            "ORDER BY o.id, s.attribute, s.text",
            sorted(self.going),
            self.spaces,
        ):
            holder, to = going.get(columns[0]) or _object(columns), self.going[text]
            if holder.id != to.id:
                yield _Reference(holder, self.rules.names.text(attribute), text, to, attribute)

    # --- what goes together

    def order(self) -> None:
        """Whoever refers to another goes before it."""
        after: dict[int, list[int]] = {item.delete: [] for item in self.going.values()}
        for one in self.references:
            if one.holder.delete:
                after[one.to.delete].append(one.holder.delete)
        placed = levels(after)
        changed: list[tuple[int, int]] = []
        for item in self.going.values():
            rank = item.rank // 1000 * 1000 + min(placed[item.delete], 999)
            if rank != item.rank:
                changed.append((item.delete, placed[item.delete]))
                item.rank = rank
        set_levels(self.session, changed)

    # --- what is to be written before

    def losses(self) -> list[_Loss]:
        """What objects lose that no pending change of theirs, and no order, takes from them."""
        pending = self._pending({one.holder.identity for one in self.references if not one.holder.delete})
        found: dict[int, _Loss] = {}
        for one in self.references:
            holder = one.holder
            if holder.delete and holder.rank < one.to.rank:
                continue
            if (holder.id, one.attribute, None) in pending or (holder.id, one.attribute, one.value) in pending:
                continue
            flow = self._flow(one)
            if flow is None:
                continue
            loss = found.setdefault(holder.id, _Loss(holder, flow, one.to))
            if one.large:
                loss.edges.append((one.large, str(one.value)))
            elif flow.attribute.many:
                loss.remove.setdefault(one.attribute, []).append(one.value)
            else:
                loss.values[one.attribute] = None
                loss.was[one.attribute] = one.value
        return [found[number] for number in sorted(found)]

    def _flow(self, one: _Reference) -> CompiledOutbound | None:
        """The flow that writes the reference; None when it is not ours to write."""
        holder = one.holder
        mapping = self.rules.mappings.get(holder.mapping) if holder.mapping is not None else None
        if mapping is None or not (holder.identity or holder.delete):
            return None
        if not holder.delete and not self.touchable(self.session, mapping, holder.identity, holder.id, holder.document):
            return None
        flows = (flow for flow in mapping.outbound if flow.edge and flow.flow.attribute == one.attribute)
        return next((flow for flow in flows if flow.attribute.writable == "always"), None)

    def _pending(self, owners: set[int]) -> set[tuple[int, str, Scalar | None]]:
        """(object, attribute, value) that pending changes take away; value None: whatever the attribute shows."""
        found: set[tuple[int, str, Scalar | None]] = set()
        for number, data in self.session.rows(
            "SELECT c.object, p.doc FROM change c JOIN payload p ON p.change = c.id "
            f"WHERE c.state = {PLANNED} AND c.identity IN ?i AND c.object IS NOT NULL",
            sorted(owners),
        ):
            payload = orjson.loads(data)
            found.update((number, name, None) for name in payload["values"])
            found.update((number, name, one) for name, some in payload.get("remove", {}).items() for one in some)
        for number, attribute, text in self.session.rows(
            "SELECT c.object, e.attribute, e.text FROM change c JOIN edge_change e ON e.change = c.id "
            f"WHERE c.state = {PLANNED} AND c.identity IN ?i AND c.object IS NOT NULL AND e.remove = 1 "
            "AND e.text IN ?t",
            sorted(owners),
            sorted(self.going),
        ):
            found.add((number, self.rules.names.text(attribute), text))
        return found


def _object(columns: Sequence[Any]) -> _Object:
    number, space, anchor, mapping, identity, data = columns
    return _Object(number, space, anchor, mapping, identity or 0, decode(data))


def _write(session: Session, rules: Rules, losses: Sequence[_Loss], run: int) -> None:
    if not losses:
        return
    rows: list[Change] = []
    for loss in losses:
        holder = loss.holder
        rows.append(
            (run, holder.space, holder.mapping, holder.identity, holder.id, Action.UPDATE.value, holder.anchor)
            + (RANK_DANGLING, 0, orjson.dumps(_payload(rules, loss)), PLANNED)
        )
    edges = [
        (number, attribute, 0, text, 1)
        for number, loss in enumerate(losses, add_changes(session, rows))
        for attribute, text in loss.edges
    ]
    session.insert("edge_change", ("change", "attribute", "target", "text", "remove"), edges)


def _payload(rules: Rules, loss: _Loss) -> dict[str, Any]:
    system, kind = rules.spaces[loss.cause.space]
    place = loss.flow.flow.place
    payload: dict[str, Any] = {
        "values": loss.values,
        "was": loss.was,
        "clears": True,
        "reason": {
            "mapping": place.file,
            "line": place.line,
            "rule": DANGLES,
            "source": {"system": system, "object": kind, "anchor": loss.cause.anchor},
        },
    }
    if loss.remove:
        payload["remove"] = loss.remove
    return payload
