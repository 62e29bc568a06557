"""Changes → batches in transactions: many rows a statement, and the bad row found without harm to the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from muster.connectors.sql import side_tables, statements
from muster.connectors.sql.database import Database
from muster.connectors.sql.faults import Fault
from muster.connectors.sql.preparing import Item, Preparing, Refused
from muster.connectors.sql.refusals import Answer, Refusals, anchor_of
from muster.connectors.sql.statements import Uneven
from muster.connectors.sql.tables import Table
from muster.connectors.sql.wire import anchor_text, from_driver
from muster.model.changes import Action, Change, Outcome, Result
from muster.model.values import WrongType

BATCH: Final = 1_000
_ENDS_BATCH: Final = (Fault.DEAD, Fault.BUSY, Fault.UNWRITABLE)
"""What is wrong with more than the row that met it: looking for a bad row would find every one."""


class Writing:
    """Writes to the tables of one session, `together` changes a transaction."""

    def __init__(self, database: Database, tables: Mapping[str, Table], together: int) -> None:
        self._database = database
        self._refusals = Refusals(database)
        self._together = together
        self._committing = False
        self._ready = {kind: Preparing(table) for kind, table in tables.items()}

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        """One outcome a change, after the transaction that wrote it. Raises what ends the session.

        Where the connection breaks, the changes of that transaction are RETRY before it raises: rolled back, or, broken
        in the middle of the commit, either all written or none.
        """
        batch: dict[Any, Change] = {}
        for change in changes:
            name = (change.type, change.anchor) if change.anchor is not None else (change.type, None, change.key)
            if name in batch or len(batch) == self._together:
                yield from self._batch(list(batch.values()))
                batch = {}
            batch[name] = change
        if batch:
            yield from self._batch(list(batch.values()))

    def _batch(self, changes: Sequence[Change]) -> Iterator[Outcome]:
        items: list[Item] = []
        for change in changes:
            try:
                items.append(self._ready[change.type].prepared(change))
            except Refused as error:
                yield Outcome(change.key, Result.REJECTED, change.anchor, reason=str(error))
        yield from self._transaction(items)

    def _transaction(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """The outcomes of one transaction; where its commit is refused (a deferred constraint), of one an item."""
        try:
            outcomes = self._committed(items)
        except SQLAlchemyError as error:
            self._back()
            fault = self._database.fault(error)
            if fault is Fault.DEAD:
                yield from (self._refusals.broken(item, error, committing=self._committing) for item in items)
                raise self._database.error(error) from None
            if fault is Fault.UNWRITABLE:
                outcomes = [self._refusals.not_now(item, error) for item in items]
            elif fault is Fault.BUSY or len(items) == 1 or any(item.change.edges is not None for item in items):
                busy = fault is Fault.BUSY or len(items) > 1
                outcomes = [self._refusals.failed(item, error, busy=busy) for item in items]
            else:
                for item in items:
                    yield from self._transaction([item])
                return
        yield from outcomes

    def _committed(self, items: Sequence[Item]) -> list[Outcome]:
        connection = self._database.connection
        self._back()
        self._committing = False
        groups: dict[Any, list[Item]] = {}
        for item in items:
            groups.setdefault(("alone", item.change.key) if item.alone else item.group, []).append(item)
        outcomes = [outcome for group in groups.values() for outcome in self._group(group)]
        again = [one.key for one in outcomes if one.result is Result.REJECTED]
        if again and len(again) < len(items):
            # A row may have been refused only because another one, written by a later statement, was not there yet.
            by_key = {item.change.key: item for item in items if item.change.edges is None}
            second = {key: self._group([by_key[key]])[0] for key in again if key in by_key}
            outcomes = [second.get(one.key, one) for one in outcomes]
        self._committing = True
        connection.commit()
        return outcomes

    def _group(self, items: Sequence[Item]) -> list[Outcome]:
        """Write items of one group inside a savepoint; when that fails, its halves, down to the single bad ones."""
        if items[0].change.action is Action.CREATE and not items[0].table.unique and not items[0].table.generated:
            taken, items = self._refusals.taken(items)
            return taken + (self._tried(items) if items else [])
        return self._tried(items)

    def _tried(self, items: Sequence[Item]) -> list[Outcome]:
        savepoint = self._database.connection.begin_nested()
        try:
            outcomes = self._written(items)
            savepoint.commit()
        except (SQLAlchemyError, Uneven, Answer, Refused, WrongType) as error:
            if isinstance(error, SQLAlchemyError) and self._database.fault(error) in _ENDS_BATCH:
                raise
            savepoint.rollback()
            if len(items) == 1:
                return [self._refusals.refused(items[0], error)]
            duplicate = isinstance(error, SQLAlchemyError) and self._database.fault(error) is Fault.DUPLICATE
        else:
            return outcomes
        if duplicate:
            taken, items = self._refusals.taken(items)
            if taken:
                return taken + (self._tried(items) if items else [])
        half = len(items) // 2
        return self._tried(items[:half]) + self._tried(items[half:])

    def _written(self, items: Sequence[Item]) -> list[Outcome]:
        connection, first = self._database.connection, items[0]
        table, action = first.table, first.change.action
        if first.alone:
            return [self._alone(first)]
        keys = [item.key for item in items]
        if action is Action.CREATE:
            keys = statements.create_rows(connection, items)
            if table.spec.where is not None:
                self._shows(table, keys)
        elif any(key is None for key in keys):
            raise Uneven
        elif action is Action.DELETE:
            self._remove(items)
            return [Outcome(item.change.key, Result.DONE, item.change.anchor) for item in items]
        elif first.columns:
            statements.update_rows(connection, items)
        else:
            statements.find_rows(connection, items)
        if table.lists:
            side_tables.write_lists(connection, table, list(zip(items, keys, strict=True)))
        return [self._done(item, key) for item, key in zip(items, keys, strict=True)]

    def _done(self, item: Item, key: Any) -> Outcome:
        change, table = item.change, item.table
        if change.action is Action.CREATE and table.generated and key is not None:
            values = {table.spec.anchor: from_driver(key, table.attribute(table.spec.anchor))}
            return Outcome(change.key, Result.DONE, anchor_text(key), values)
        return Outcome(change.key, Result.DONE, anchor_of(item))

    # --- one change by itself

    def _alone(self, item: Item) -> Outcome:
        connection, table, change = self._database.connection, item.table, item.change
        key = item.key
        if item.restores:
            side_tables.empty(connection, table, [key])
            if not statements.restore_row(connection, item):
                reason = f"the deleted row {change.restores!r} of {table.spec.table} is gone, or came back"
                raise Answer(Result.RETRY, reason)
            key = item.columns.get(table.spec.anchor, key)
        elif change.action is Action.CREATE:
            key = statements.insert_one(connection, item)
            if key is None:
                raise Answer(
                    Result.REJECTED,
                    f"`insert` answered no {table.spec.anchor}, so nothing tells which row it made. End it with "
                    f"RETURNING {table.spec.anchor}, or its procedure with a SELECT of it",
                )
            if table.spec.insert is not None or table.spec.where is not None:
                self._shows(table, [key])
        else:
            row = statements.row_of(connection, item)
            if row is None:
                raise Answer(Result.GONE, f"{table.spec.table} has no row {change.anchor!r}")
            self._refusals.expect(item, row)
            if change.action is Action.DELETE:
                self._delete(item, row)
                return Outcome(change.key, Result.DONE, change.anchor)
            if table.spec.update is not None and item.columns:
                statements.run_own(connection, table.spec.update, item, row)
            elif item.columns:
                statements.update_rows(connection, [item])
        side_tables.write_lists(connection, table, [(item, key)])
        for edge in change.edges or ():
            if edge.attribute not in table.lists:
                raise Refused(f"{edge.attribute} is not kept in a side table; add it to `lists`")
            side_tables.put_in(connection, table, edge.attribute, [(key, one) for one in edge.add])
            side_tables.take_out(connection, table, edge.attribute, [(key, one) for one in edge.remove])
        return self._done(item, key)

    def _shows(self, table: Table, keys: Sequence[Any]) -> None:
        """Raises REJECTED when a new row is not there, or would not be read: it would be made again and again."""
        if statements.count(self._database.connection, table, keys) == len(keys):
            return
        if table.spec.where is not None:
            reason = f"the new row does not fulfil `where` ({table.spec.where}). Write the columns that it asks for"
        else:
            reason = f"`insert` ran, and {table.spec.table} has no row {anchor_text(keys[0])!r}"
        raise Answer(Result.REJECTED, reason)

    def _delete(self, item: Item, row: Mapping[str, Any]) -> None:
        connection, table = self._database.connection, item.table
        if table.spec.delete is None:
            self._remove([item])
            return
        if table.removal is None:
            side_tables.empty(connection, table, [item.key])
        statements.run_own(connection, table.spec.delete, item, row)
        if statements.count(connection, table, [item.key]):
            raise Answer(
                Result.REJECTED,
                f"`delete` ran, and row {item.change.anchor!r} of {table.spec.table} is there as before. If it only "
                "marks the row, say how: with `deleted`, or `where`",
            )

    def _remove(self, items: Sequence[Item]) -> None:
        """Rows that are only marked as deleted keep what the side tables hold for them."""
        connection, table = self._database.connection, items[0].table
        if table.removal is not None:
            statements.mark_rows(connection, items, table.removal)
            return
        side_tables.empty(connection, table, [item.key for item in items])
        statements.delete_rows(connection, items)

    def _back(self) -> None:
        connection = self._database.connection
        if connection.in_transaction():
            connection.rollback()
