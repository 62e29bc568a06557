"""A change → the columns and side tables it touches, in the driver's own values. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from muster.connectors.sql.tables import Table
from muster.connectors.sql.wire import key_to_driver, to_driver
from muster.model.changes import Action, Change
from muster.model.schema import ENABLED
from muster.model.values import Scalar, Value, WrongType, items


class Refused(ValueError):
    """A change that cannot be written as it is; the message says why."""


@dataclass(slots=True)
class Item:
    """One change made ready. `key` is None for a create whose anchor the database makes."""

    change: Change
    table: Table
    key: Any
    columns: dict[str, Any] = field(default_factory=dict)
    expected: dict[str, Any] = field(default_factory=dict)
    lists: dict[str, list[Scalar]] = field(default_factory=dict)

    @property
    def alone(self) -> bool:
        """Whether it takes more than one statement, or one of its own."""
        spec, action = self.table.spec, self.change.action
        custom = spec.insert if action is Action.CREATE else spec.delete if action is Action.DELETE else spec.update
        if custom is not None or any(name in self.table.lists for name in self.change.expected):
            return True
        if action is Action.DELETE:
            return bool(self.table.lists) or bool(self.expected)
        if action is Action.CREATE and self.table.generated:
            return True
        side = bool(self.lists or self.change.add or self.change.remove or self.change.edges is not None)
        return side or not self.columns

    @property
    def group(self) -> tuple[Any, ...]:
        """Changes of the same group are written by the same statement."""
        update = self.change.action in (Action.UPDATE, Action.DISABLE)
        nulls = tuple(sorted((name, value is None) for name, value in self.expected.items()))
        action = Action.UPDATE if update else self.change.action
        return self.table.kind, action, tuple(sorted(self.columns)), nulls


def prepared(change: Change, table: Table) -> Item:
    """The change made ready. Raises `Refused`."""
    creates = change.action is Action.CREATE
    anchor = change.anchor
    if creates and anchor is None and not table.generated:
        given = change.values.get(table.spec.anchor)
        anchor = None if given is None or isinstance(given, list) else str(given)
        if anchor is None:
            raise Refused(f"{table.spec.anchor} is required")
    key = None if anchor is None or (creates and table.generated) else key_to_driver(anchor, table)
    item = Item(change, table, key)
    if creates and not table.generated and key is None:
        raise Refused(f"{table.spec.anchor} cannot be {anchor!r}")
    for name, value in change.values.items():
        if name == table.spec.anchor:
            if not creates and value is not None and str(value) != anchor:
                raise Refused(f"the anchor {name} cannot be changed")
            continue
        if name in table.lists:
            item.lists[name] = items(value)
            continue
        column, written = _column(table, name, value)
        if written is not None or not creates:
            item.columns[column] = written
    if creates and key is not None:
        item.columns[table.spec.anchor] = key
    for name, value in change.expected.items():
        if name not in table.lists:
            column, written = _column(table, name, value)
            item.expected[column] = written
    for name in (*change.add, *change.remove):
        if name not in table.lists:
            raise Refused(f"{name} does not hold several values")
    return item


def _column(table: Table, name: str, value: Value) -> tuple[str, Any]:
    switch = table.spec.enabled
    try:
        if name == ENABLED and switch is not None:
            name, value = switch.column, None if value is None else switch.write(value)
        found = table.columns.get(name)
        if found is None:
            raise Refused(f"{table.spec.table} has no column {name!r}.{_nearest(name, table.columns)}")
        if found.attribute.writable == "never":
            raise Refused(f"{name} is made by the database and cannot be written")
        return name, to_driver(value, found, table.dialect)
    except WrongType as error:
        raise Refused(f"{name}: {error}") from None


def _nearest(name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f" Did you mean {near[0]!r}?" if near else ""
