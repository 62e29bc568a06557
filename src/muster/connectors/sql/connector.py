"""The SQL connector: a session with one database."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from sqlalchemy import and_, or_, select, true
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql import ColumnElement

from muster.connectors.kit.contract import Capabilities, ConnectorSpec, Health, Settings
from muster.connectors.sql.database import Database
from muster.connectors.sql.deltas import Deltas
from muster.connectors.sql.faults import Fault
from muster.connectors.sql.reading import TableReading
from muster.connectors.sql.reflecting import reflected, without_transactions
from muster.connectors.sql.settings import SqlObject, SqlSettings
from muster.connectors.sql.tables import Table
from muster.connectors.sql.wire import key_to_driver, to_driver
from muster.connectors.sql.writing import BATCH, Writing
from muster.model.changes import Change, Outcome
from muster.model.errors import MusterError, ProjectError, WatermarkExpired
from muster.model.objects import ConnectorObject, EdgePage, Page
from muster.model.schema import ENABLED, SystemSchema
from muster.model.values import Value, WrongType, items, key_text

_TOGETHER: Final = 200
"""So many values are looked for by one query."""


class SqlConnector:
    """Reads and writes tables, views and procedures of SQLite, PostgreSQL, MariaDB, or any database with a driver.

    A delta needs a column that grows with each change (`watermark`) or a table of changes (`changes`); a type with
    neither raises `WatermarkExpired`.
    """

    spec: ClassVar[ConnectorSpec] = ConnectorSpec(
        name="sql",
        settings=SqlSettings,
        object_settings=SqlObject,
        capabilities=Capabilities(reads_changes=True, finds=True, concurrent=True),
        summary="Tables, views and procedures of a SQL database.",
    )

    def __init__(self, system: str, settings: Settings, objects: Mapping[str, Settings], folder: Path) -> None:
        if not isinstance(settings, SqlSettings):
            raise ProjectError(f"{system}: expected sql settings, found {type(settings).__name__}.")
        self.system = system
        self._objects = {kind: one for kind, one in objects.items() if isinstance(one, SqlObject)}
        self._database = Database(system, settings, folder)
        self._together = 1 if settings.transaction == "object" else BATCH
        self._known: dict[str, Table] = {}

    def __enter__(self) -> Self:
        self._known = {}
        self._database.open()
        return self

    def __exit__(self, *exc: object) -> None:
        self._database.close()

    def check(self) -> Health:
        """Whether each table is there with its columns, may be read, and can undo what it is half through with."""
        missing: list[str] = []
        for kind in self._objects:
            try:
                table = self._table(kind)
                with self._database.looking() as connection:
                    connection.execute(select(*table.clause.c).limit(1)).all()
                    missing += without_transactions(connection, table)
            except MusterError as error:
                missing.append(error.message.removeprefix(f"{self.system}: "))
        return Health(not missing, f"{self._database.dialect} at {self._database.shown}", missing)

    def schema(self) -> SystemSchema:
        """The tables as the database declares them."""
        return SystemSchema({kind: self._table(kind).schema() for kind in self._objects})

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        """Everything, or what changed, as of one instant: nothing that others write meanwhile is seen."""
        tables = {kind: self._table(kind) for kind in wanted}
        known = None if since is None else self._positions(since)
        with self._database.reading() as connection:
            readings = {kind: TableReading(connection, tables[kind], wanted[kind]) for kind in wanted}
            deltas = {kind: Deltas(connection, tables[kind], known, time.time()) for kind in wanted}
            positions = {name: one for kind in wanted for name, one in deltas[kind].positions().items()}
            for kind, reading in readings.items():
                yield from reading.everything() if known is None else reading.changed(deltas[kind])
        complete = frozenset((kind, "") for kind, one in readings.items() if one.complete and known is None)
        blind = known is not None and any(one.log is None and one.spec.deleted is None for one in tables.values())
        yield Page(watermark=json.dumps(positions, sort_keys=True), complete_for=complete, last=True, blind=blind)

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        """In transactions of a batch, or of each change; a bad row does not harm the others."""
        writing = Writing(self._database, {kind: self._table(kind) for kind in self._objects}, self._together)
        yield from writing.write(changes)

    def get(self, object_type: str, anchor: str) -> ConnectorObject | None:
        """The row with that anchor, large references left out."""
        table = self._table(object_type)
        key = key_to_driver(anchor, table)
        if key is None:
            return None
        return next(iter(self._some(table, [table.anchor == key])), None)

    def find(self, object_type: str, equal: Mapping[str, Value]) -> Iterator[ConnectorObject]:
        """The rows that have all these values, under the database's own collation."""
        table = self._table(object_type)
        try:
            conditions = [one for name, value in equal.items() for one in _conditions(table, name, value)]
        except WrongType:
            return
        yield from self._some(table, conditions)

    def find_any(self, object_type: str, attribute: str, values: Sequence[Value]) -> Iterator[ConnectorObject]:
        """The rows that have one of these values, some hundred values a query."""
        table = self._table(object_type)
        conditions: list[ColumnElement[bool]] = []
        for value in values:
            try:
                conditions.append(and_(true(), *_conditions(table, attribute, value)))
            except WrongType:
                continue
        seen: set[str] = set()
        for start in range(0, len(conditions), _TOGETHER):
            part = conditions[start : start + _TOGETHER]
            found = self._looked(table, [or_(*part)])
            if found is None:
                each = [one for condition in part for one in self._some(table, [condition])]
                found = list({one.anchor: one for one in each}.values())
            yield from (one for one in found if one.anchor not in seen)
            seen.update(one.anchor for one in found)

    def find_deleted(self, object_type: str, values: Sequence[Value]) -> Iterator[ConnectorObject]:
        """The rows marked as deleted that come back for one of these values of the column that `returns_by` names."""
        table = self._table(object_type)
        removal = table.removal
        if removal is None or removal.returns_by is None:
            return
        found: dict[str, ConnectorObject] = {}
        for start in range(0, len(values), _TOGETHER):
            conditions: list[ColumnElement[bool]] = []
            for value in values[start : start + _TOGETHER]:
                with suppress(WrongType):
                    conditions += _conditions(table, removal.returns_by, value)
            for one in self._looked(table, [or_(*conditions)], of_deleted=True) or [] if conditions else []:
                name = key_text((one.values.get(removal.returns_by),)) or ""
                other = found.get(name)
                if other is None or _deleted_at(one, removal.column) >= _deleted_at(other, removal.column):
                    found[name] = one
        yield from found.values()

    def references(self, object_type: str, anchor: str, attribute: str) -> Iterator[EdgePage]:
        """The values of one row in a side table, as of one instant."""
        table = self._table(object_type)
        key = key_to_driver(anchor, table)
        if key is None:
            return
        with self._database.looking() as connection:
            yield from TableReading(connection, table, [attribute]).references(attribute, key)

    def _some(self, table: Table, conditions: Sequence[ColumnElement[bool]]) -> list[ConnectorObject]:
        return self._looked(table, conditions) or []

    def _looked(
        self, table: Table, conditions: Sequence[ColumnElement[bool]], *, of_deleted: bool = False
    ) -> list[ConnectorObject] | None:
        """What fulfils the conditions; None when no row can hold what they ask for: no uuid, or no date."""
        schema = table.schema()
        names = [name for name, one in schema.attributes.items() if not one.large]
        if schema.can_enable:
            names.append(ENABLED)
        with self._database.looking() as connection:
            try:
                return list(TableReading(connection, table, names, of_deleted=of_deleted).some(conditions))
            except SQLAlchemyError as error:
                if self._database.fault(error) is Fault.UNFIT:
                    return None
                raise

    def _table(self, kind: str) -> Table:
        found = self._known.get(kind)
        if found is None:
            with self._database.looking() as connection:
                found = self._known[kind] = reflected(connection, self.system, kind, self._objects[kind])
        return found

    def _positions(self, since: str) -> dict[str, Any]:
        try:
            found = json.loads(since)
        except json.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            raise WatermarkExpired(f"{self.system}: the watermark is not one of this connector. Read everything.")
        return found


def _deleted_at(item: ConnectorObject, column: str) -> str:
    """For telling the row that was deleted last; the same for all where the column does not say when."""
    return str(item.values.get(column))


def _conditions(table: Table, name: str, value: Value) -> Iterator[ColumnElement[bool]]:
    if name in table.lists:
        side = table.lists[name]
        for one in items(value):
            held = select(side.owner).where(side.value == to_driver(one, side.single, table.dialect), *side.own)
            yield table.anchor.in_(held)
        return
    if name == ENABLED and table.spec.enabled is not None:
        name, value = table.spec.enabled.column, None if value is None else table.spec.enabled.write(value)
    table.attribute(name)
    column_value = to_driver(value, table.columns[name], table.dialect)
    yield table.clause.c[name].is_(None) if column_value is None else table.clause.c[name] == column_value
