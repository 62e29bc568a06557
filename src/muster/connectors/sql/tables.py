"""What is known of an object type's table: its columns, its keys, the side tables of its lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import TextClause, false, not_, or_, text
from sqlalchemy.sql import ColumnElement, TableClause

from muster.connectors.sql.lacking import no_column
from muster.connectors.sql.settings import ChangeTable, ListChanges, ListTable, SqlObject
from muster.model.schema import ENABLED, ObjectSchema
from muster.model.values import Attribute, Type


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what its attribute is, and what the database itself holds in it."""

    attribute: Attribute
    zoned: bool = False


@dataclass(frozen=True, slots=True)
class Log:
    """A table that tells changes."""

    spec: ChangeTable
    clause: TableClause

    @property
    def sequence(self) -> ColumnElement[Any]:
        """The column that grows with every change."""
        return self.clause.c[self.spec.sequence]

    @property
    def key(self) -> ColumnElement[Any]:
        """The column that holds the anchor of the object that changed."""
        return self.clause.c[self.spec.key]

    @property
    def value(self) -> ColumnElement[Any] | None:
        """The column that holds the value that came or went; None where none is told."""
        name = self.spec.value if isinstance(self.spec, ListChanges) else None
        return None if name is None else self.clause.c[name]


@dataclass(frozen=True, slots=True)
class Side:
    """The side table of one many-valued attribute. `single`: the column of one value; `fixed`: what marks the rows as
    this attribute's, as the driver takes it."""

    spec: ListTable
    clause: TableClause
    attribute: Attribute
    single: Column
    fixed: Mapping[str, Any]
    log: Log | None = None

    @property
    def owner(self) -> ColumnElement[Any]:
        """The column that holds the anchor of the object."""
        return self.clause.c[self.spec.owner]

    @property
    def value(self) -> ColumnElement[Any]:
        """The column that holds the value."""
        return self.clause.c[self.spec.value]

    @property
    def own(self) -> list[ColumnElement[bool]]:
        """The conditions that a row is one of this attribute."""
        return [self.clause.c[name] == value for name, value in self.fixed.items()]


@dataclass(frozen=True, slots=True)
class Removal:
    """How a row is marked as deleted. `marks`: the values that mean it, as the driver takes them; None: any time does.
    `alive`: what other rows hold. `returns_by`: by which column a deleted row is known; None when none comes back."""

    column: str
    marks: Sequence[Any] | None
    alive: Any
    returns_by: str | None


@dataclass(slots=True)
class Table:
    """One object type's table. `unique` True: the database itself keeps the anchor unique."""

    system: str
    kind: str
    spec: SqlObject
    clause: TableClause
    columns: dict[str, Column]
    lists: dict[str, Side]
    unique: bool
    generated: bool
    uniques: Sequence[Sequence[str]]
    dialect: str
    removal: Removal | None = None
    log: Log | None = None

    @property
    def anchor(self) -> ColumnElement[Any]:
        """The column that holds the anchor."""
        return self.clause.c[self.spec.anchor]

    @property
    def conditions(self) -> list[ColumnElement[bool] | TextClause]:
        """The conditions that a row is an object of this type."""
        return [*self._where, *([] if self.removal is None else [self._alive(self.removal)])]

    @property
    def conditions_of_deleted(self) -> list[ColumnElement[bool] | TextClause]:
        """The conditions that a row was an object of this type and is marked as deleted."""
        return [*self._where, *([false()] if self.removal is None else [not_(self._alive(self.removal))])]

    @property
    def _where(self) -> list[ColumnElement[bool] | TextClause]:
        return [] if self.spec.where is None else [text(f"({self.spec.where})")]

    def _alive(self, removal: Removal) -> ColumnElement[bool]:
        column = self.clause.c[removal.column]
        return column.is_(None) if removal.marks is None else or_(column.is_(None), column.not_in(removal.marks))

    def attribute(self, name: str) -> Attribute:
        """The attribute of that name. Raises `IncompleteRead` naming the nearest when there is none."""
        if name == ENABLED and self.spec.enabled is not None:
            return Attribute(ENABLED, Type.BOOLEAN)
        if name in self.lists:
            return self.lists[name].attribute
        if name not in self.columns:
            raise no_column(self.system, self.spec.table, name, self.columns)
        return self.columns[name].attribute

    def schema(self) -> ObjectSchema:
        """The object type as the table declares it."""
        attributes = {name: one.attribute for name, one in self.columns.items()}
        attributes |= {name: one.attribute for name, one in self.lists.items()}
        if self.spec.enabled is not None:
            attributes.pop(ENABLED, None)
        if self.removal is not None:
            name = self.removal.column
            attributes[name] = replace(attributes[name], writable="never", required=False)
        return ObjectSchema(
            name=self.kind,
            anchor=self.spec.anchor,
            attributes=attributes,
            assigned=self.generated,
            can_enable=self.spec.enabled is not None,
            restored_by=None if self.removal is None else self.removal.returns_by,
            called=f"table {self.spec.table}",
            word="column",
            advice="correct the name, or have the column added there",
        )
