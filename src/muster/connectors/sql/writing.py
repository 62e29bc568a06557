"""Changes → batches in transactions: many rows a statement, and the bad row found without harm to the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from muster.connectors.sql import side_tables, statements
from muster.connectors.sql.database import Database
from muster.connectors.sql.faults import Fault
from muster.connectors.sql.preparing import Item, Preparing, Refused
from muster.connectors.sql.statements import Uneven
from muster.connectors.sql.tables import Table
from muster.connectors.sql.wire import anchor_text, from_driver
from muster.model.changes import Action, Change, Outcome, Result
from muster.model.values import WrongType, comparable_set, same, shown

BATCH: Final = 1_000
_ENDS_BATCH: Final = (Fault.DEAD, Fault.BUSY, Fault.UNWRITABLE)
"""What is wrong with more than the row that met it: looking for a bad row would find every one."""
_LATER: Final = 60.0


class _Answer(Exception):
    def __init__(self, result: Result, reason: str = "", anchor: str | None = None) -> None:
        super().__init__(reason)
        self.result = result
        self.reason = reason
        self.anchor = anchor


class Writing:
    """Writes to the tables of one session, `together` changes a transaction."""

    def __init__(self, database: Database, tables: Mapping[str, Table], together: int) -> None:
        self._database = database
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
                yield from (self._broken(item, error) for item in items)
                raise self._database.error(error) from None
            if fault is Fault.UNWRITABLE:
                outcomes = [self._not_now(item, error) for item in items]
            elif fault is Fault.BUSY or len(items) == 1 or any(item.change.edges is not None for item in items):
                busy = fault is Fault.BUSY or len(items) > 1
                outcomes = [self._failed(item, error, busy=busy) for item in items]
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
            taken, items = self._taken(items)
            return taken + (self._tried(items) if items else [])
        return self._tried(items)

    def _tried(self, items: Sequence[Item]) -> list[Outcome]:
        savepoint = self._database.connection.begin_nested()
        try:
            outcomes = self._written(items)
            savepoint.commit()
        except (SQLAlchemyError, Uneven, _Answer, Refused, WrongType) as error:
            if isinstance(error, SQLAlchemyError) and self._database.fault(error) in _ENDS_BATCH:
                raise
            savepoint.rollback()
            if len(items) == 1:
                return [self._refused(items[0], error)]
            duplicate = isinstance(error, SQLAlchemyError) and self._database.fault(error) is Fault.DUPLICATE
        else:
            return outcomes
        if duplicate:
            taken, items = self._taken(items)
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
        return Outcome(change.key, Result.DONE, self._anchor(item))

    # --- one change by itself

    def _alone(self, item: Item) -> Outcome:
        connection, table, change = self._database.connection, item.table, item.change
        key = item.key
        if item.restores:
            if not statements.restore_row(connection, item):
                reason = f"the deleted row {change.restores!r} of {table.spec.table} is gone, or came back"
                raise _Answer(Result.RETRY, reason)
            side_tables.empty(connection, table, [key])
        elif change.action is Action.CREATE:
            key = statements.insert_one(connection, item)
            if key is None:
                raise _Answer(
                    Result.REJECTED,
                    f"`insert` answered no {table.spec.anchor}, so nothing tells which row it made. End it with "
                    f"RETURNING {table.spec.anchor}, or its procedure with a SELECT of it",
                )
            if table.spec.insert is not None or table.spec.where is not None:
                self._shows(table, [key])
        else:
            row = statements.row_of(connection, item)
            if row is None:
                raise _Answer(Result.GONE, f"{table.spec.table} has no row {change.anchor!r}")
            self._expect(item, row)
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
        raise _Answer(Result.REJECTED, reason)

    def _delete(self, item: Item, row: Mapping[str, Any]) -> None:
        connection, table = self._database.connection, item.table
        if table.spec.delete is None:
            self._remove([item])
            return
        if table.removal is None:
            side_tables.empty(connection, table, [item.key])
        statements.run_own(connection, table.spec.delete, item, row)
        if statements.count(connection, table, [item.key]):
            raise _Answer(
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

    def _expect(self, item: Item, row: Mapping[str, Any]) -> None:
        """Raises CONFLICT naming the first value that is not as expected."""
        table, connection = item.table, self._database.connection
        for name, expected in item.change.expected.items():
            attribute = table.attribute(name)
            if name in table.lists:
                have = side_tables.listed(connection, table, name, [item.key])[item.key]
                found = from_driver(have, attribute) if have else None
                if comparable_set(found, attribute) == comparable_set(expected, attribute):
                    continue
            else:
                found = self._shown(table, name, row)
                if same(found, expected, attribute):
                    continue
            raise _Answer(Result.CONFLICT, f"{name} is {shown(found)}, expected {shown(expected)}")

    def _shown(self, table: Table, name: str, row: Mapping[str, Any]) -> Any:
        if table.spec.enabled is not None and name not in table.columns:
            return table.spec.enabled.read(row.get(table.spec.enabled.column))
        return from_driver(row.get(name), table.attribute(name))

    # --- what went wrong, in words

    def _refused(self, item: Item, error: Exception) -> Outcome:
        change = item.change
        if isinstance(error, _Answer):
            return Outcome(change.key, error.result, error.anchor or change.anchor, reason=error.reason)
        if isinstance(error, Refused | WrongType):
            return Outcome(change.key, Result.REJECTED, change.anchor, reason=str(error))
        if isinstance(error, Uneven):
            row = statements.row_of(self._database.connection, item)
            if row is None:
                reason = f"{item.table.spec.table} has no row {change.anchor!r}"
                return Outcome(change.key, Result.GONE, change.anchor, reason=reason)
            try:
                self._expect(item, row)
            except (_Answer, WrongType) as answer:
                return Outcome(change.key, Result.CONFLICT, change.anchor, reason=str(answer))
            return Outcome(change.key, Result.CONFLICT, change.anchor, reason="the row changed meanwhile")
        if not isinstance(error, SQLAlchemyError):
            raise error
        if self._database.fault(error) is Fault.DUPLICATE and change.action is Action.CREATE and not item.restores:
            found = statements.holder(self._database.connection, item)
            anchor = None if found is None else anchor_text(found)
            reason = self._database.words(error)
            if found is not None and statements.is_deleted(self._database.connection, item.table, found):
                reason += f"; row {anchor!r} has it and is marked as deleted. Clear it there, or see `returns_by`"
            return Outcome(change.key, Result.EXISTS, anchor or change.anchor, reason=reason)
        return self._failed(item, error, busy=False)

    def _failed(self, item: Item, error: SQLAlchemyError, *, busy: bool) -> Outcome:
        result = Result.RETRY if busy else Result.REJECTED
        words = self._database.words(error)
        return Outcome(item.change.key, result, item.change.anchor, reason=words, after=0.5 if busy else None)

    def _broken(self, item: Item, error: SQLAlchemyError) -> Outcome:
        state = (
            "while it was committed, so all of its transaction is written or nothing: the next read shows which"
            if self._committing
            else "before it was committed: it is not written"
        )
        reason = f"the connection broke {state} ({self._database.words(error)})"
        return Outcome(item.change.key, Result.RETRY, item.change.anchor, reason=reason)

    def _not_now(self, item: Item, error: SQLAlchemyError) -> Outcome:
        reason = self._database.unwritable(error)
        return Outcome(item.change.key, Result.RETRY, item.change.anchor, reason=reason, after=_LATER)

    def _taken(self, items: Sequence[Item]) -> tuple[list[Outcome], list[Item]]:
        """EXISTS for the creates whose anchor is taken (by a row, or by an earlier one of them), and the others."""
        if items[0].change.action is not Action.CREATE or items[0].key is None:
            return [], list(items)
        there = statements.existing(self._database.connection, items[0].table, [item.key for item in items])
        taken: list[Outcome] = []
        free: list[Item] = []
        for item in items:
            if anchor_text(item.key) in there:
                reason = f"{item.table.spec.anchor} is taken"
                taken.append(Outcome(item.change.key, Result.EXISTS, self._anchor(item), reason=reason))
            else:
                free.append(item)
        return taken, free

    def _anchor(self, item: Item) -> str | None:
        return item.change.anchor if item.change.anchor is not None else anchor_text(item.key)

    def _back(self) -> None:
        connection = self._database.connection
        if connection.in_transaction():
            connection.rollback()
