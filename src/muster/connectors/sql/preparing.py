"""A change → the columns and side tables it touches, in the driver's own values. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Never

from muster.connectors.sql.tables import Table
from muster.connectors.sql.wire import writer
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
    def restores(self) -> bool:
        """Whether it brings a deleted row back."""
        return self.change.restores is not None

    @property
    def alone(self) -> bool:
        """Whether it cannot share a statement: one of its own, values that must be there still, a stream of edges."""
        change, spec = self.change, self.table.spec
        if change.edges is not None or self.restores:
            return True
        if change.action is Action.CREATE:
            return spec.insert is not None
        if change.action is Action.DELETE:
            return spec.delete is not None or bool(change.expected)
        if spec.update is not None or (self.expected and not self.columns):
            return True
        return any(name in self.table.lists for name in change.expected)

    @property
    def group(self) -> tuple[Any, ...]:
        """Changes of the same group are written by the same statement."""
        action = Action.UPDATE if self.change.action is Action.DISABLE else self.change.action
        nulls = tuple((name, value is None) for name, value in sorted(self.expected.items())) if self.expected else ()
        return self.table.kind, action, tuple(self.columns), nulls


class Preparing:
    """Makes the changes of one table ready."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._writers: dict[str, tuple[str, Callable[[Value], Any]]] = {
            name: (name, writer(column, table.dialect))
            for name, column in table.columns.items()
            if column.attribute.writable != "never"
        }
        switch = table.spec.enabled
        if switch is not None and switch.column in self._writers:
            write = self._writers[switch.column][1]
            self._writers[ENABLED] = switch.column, lambda on: write(None if on is None else switch.write(on))

        self._removal = table.removal
        if self._removal is not None:
            self._writers.pop(self._removal.column, None)
        self._write_key = writer(table.columns[table.spec.anchor], table.dialect)

    def prepared(self, change: Change) -> Item:
        """The change made ready. Raises `Refused`."""
        table, own = self._table, self._table.spec.anchor
        creates = change.action is Action.CREATE and change.restores is None
        made = creates and table.generated
        anchor = change.restores or change.anchor
        if creates and anchor is None and not made:
            given = change.values.get(own)
            anchor = None if given is None or isinstance(given, list) else str(given)
            if anchor is None:
                raise Refused(f"{own} is required")
        key = None if anchor is None or made else self._key(anchor)
        if creates and key is None and not made:
            raise Refused(f"{own} cannot be {anchor!r}")
        item = Item(change, table, key)
        if creates and key is not None:
            item.columns[own] = key
        writers, name = self._writers, ""
        try:
            for name, value in change.values.items():
                if name == own and item.restores and not table.generated:
                    item.columns |= self._new_key(own, value, anchor)
                elif name == own:
                    if not creates and value is not None and str(value) != anchor:
                        raise Refused(f"the anchor {name} cannot be changed")
                elif name in table.lists:
                    item.lists[name] = items(value)
                else:
                    column, write = writers.get(name) or self._lacking(name)
                    written = write(value)
                    if written is not None or not creates:
                        item.columns[column] = written
            for name, value in change.expected.items():
                if name not in table.lists:
                    column, write = writers.get(name) or self._lacking(name)
                    item.expected[column] = write(value)
        except WrongType as error:
            raise Refused(f"{name}: {error}") from None
        for name in (*change.add, *change.remove):
            if name not in table.lists:
                raise Refused(f"{name} does not hold several values")
        removal = self._removal
        if removal is not None and (item.restores or (creates and removal.alive is not None)):
            item.columns.setdefault(removal.column, removal.alive)
        return item

    def _new_key(self, own: str, value: Value, old: str | None) -> dict[str, Any]:
        """The column to write when a row comes back under another key than it had."""
        if value is None or isinstance(value, list) or str(value) == old:
            return {}
        key = self._key(str(value))
        if key is None:
            raise Refused(f"{own} cannot be {value!r}")
        return {own: key}

    def _key(self, anchor: str) -> Any:
        """None when no row can have it."""
        try:
            return self._write_key(anchor)
        except WrongType:
            return None

    def _lacking(self, name: str) -> Never:
        switch, columns = self._table.spec.enabled, self._table.columns
        column = switch.column if name == ENABLED and switch is not None else name
        if self._removal is not None and column == self._removal.column:
            raise Refused(f"{column} marks deleted rows: it is written by a delete alone")
        if column in columns:
            raise Refused(f"{column} is made by the database and cannot be written")
        raise Refused(f"{self._table.spec.table} has no column {column!r}.{_nearest(column, columns)}")


def _nearest(name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f" Did you mean {near[0]!r}?" if near else ""
