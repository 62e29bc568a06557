"""What became of a change that was not written as it is: taken, gone, otherwise than expected, refused, or in doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from muster.connectors.sql import side_tables, statements
from muster.connectors.sql.database import Database
from muster.connectors.sql.faults import Fault
from muster.connectors.sql.preparing import Item, Refused
from muster.connectors.sql.statements import Uneven
from muster.connectors.sql.tables import Table
from muster.connectors.sql.wire import anchor_text, from_driver, key_to_driver
from muster.model.changes import Action, Outcome, Result
from muster.model.values import WrongType, comparable_set, same, shown

_LATER: Final = 60.0


class Answer(Exception):
    """The outcome of one change that is known before its statements are through."""

    def __init__(self, result: Result, reason: str = "", anchor: str | None = None) -> None:
        super().__init__(reason)
        self.result = result
        self.reason = reason
        self.anchor = anchor


class Refusals:
    """Says it in words, with what the tables of one session show."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def expect(self, item: Item, row: Mapping[str, Any]) -> None:
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
            raise Answer(Result.CONFLICT, f"{name} is {shown(found)}, expected {shown(expected)}")

    def _shown(self, table: Table, name: str, row: Mapping[str, Any]) -> Any:
        if table.spec.enabled is not None and name not in table.columns:
            return table.spec.enabled.read(row.get(table.spec.enabled.column))
        return from_driver(row.get(name), table.attribute(name))

    def refused(self, item: Item, error: Exception) -> Outcome:
        """What became of a change by itself that raised the error. Raises an error that is none of a change."""
        change = item.change
        if isinstance(error, Answer):
            return Outcome(change.key, error.result, error.anchor or change.anchor, reason=error.reason)
        if isinstance(error, Refused | WrongType):
            return Outcome(change.key, Result.REJECTED, change.anchor, reason=str(error))
        if isinstance(error, Uneven):
            row = statements.row_of(self._database.connection, item)
            if row is None:
                reason = f"{item.table.spec.table} has no row {change.anchor!r}"
                return Outcome(change.key, Result.GONE, change.anchor, reason=reason)
            try:
                self.expect(item, row)
            except (Answer, WrongType) as answer:
                return Outcome(change.key, Result.CONFLICT, change.anchor, reason=str(answer))
            return Outcome(change.key, Result.CONFLICT, change.anchor, reason="the row changed meanwhile")
        if not isinstance(error, SQLAlchemyError):
            raise error
        if self._database.fault(error) is Fault.DUPLICATE and change.action is Action.CREATE and not item.restores:
            found = statements.holder(self._database.connection, item)
            anchor = None if found is None else anchor_text(found)
            reason = self._database.words(error) + self._of_deleted(item.table, [found] if anchor else [])
            return Outcome(change.key, Result.EXISTS, anchor or change.anchor, reason=reason)
        return self.failed(item, error, busy=False)

    def failed(self, item: Item, error: SQLAlchemyError, *, busy: bool) -> Outcome:
        """What the database said to it; `busy`: it may take it another time."""
        result = Result.RETRY if busy else Result.REJECTED
        words = self._database.words(error)
        return Outcome(item.change.key, result, item.change.anchor, reason=words, after=0.5 if busy else None)

    def broken(self, item: Item, error: SQLAlchemyError, *, committing: bool) -> Outcome:
        """What is known of a change of a transaction that ended with its connection."""
        state = (
            "while it was committed, so all of its transaction is written or nothing: the next read shows which"
            if committing
            else "before it was committed: it is not written"
        )
        reason = f"the connection broke {state} ({self._database.words(error)})"
        return Outcome(item.change.key, Result.RETRY, item.change.anchor, reason=reason)

    def not_now(self, item: Item, error: SQLAlchemyError) -> Outcome:
        """What to say of a change while the database takes no writes at all."""
        reason = self._database.unwritable(error)
        return Outcome(item.change.key, Result.RETRY, item.change.anchor, reason=reason, after=_LATER)

    def taken(self, items: Sequence[Item]) -> tuple[list[Outcome], list[Item]]:
        """EXISTS for the creates whose anchor is taken (by a row, or by an earlier one of them), and the others."""
        if items[0].change.action is not Action.CREATE or items[0].key is None:
            return [], list(items)
        there = statements.existing(self._database.connection, items[0].table, [item.key for item in items])
        said = f"{items[0].table.spec.anchor} is taken{self._of_deleted(items[0].table, [*there])}"
        taken: list[Outcome] = []
        free: list[Item] = []
        for item in items:
            if anchor_text(item.key) in there:
                taken.append(Outcome(item.change.key, Result.EXISTS, anchor_of(item), reason=said))
            else:
                free.append(item)
        return taken, free

    def _of_deleted(self, table: Table, keys: Sequence[Any]) -> str:
        """What to say when some of these rows, which have what a create asks for, are marked as deleted."""
        if table.removal is None or not keys:
            return ""
        usable = [one for one in (key_to_driver(anchor_text(key), table) for key in keys) if one is not None]
        found = sorted(statements.existing(self._database.connection, table, usable, deleted=True))
        if not found:
            return ""
        rows = f"row {found[0]!r} has" if len(found) == 1 else f"rows {', '.join(map(repr, found[:10]))} have"
        are = "is" if len(found) == 1 else "are"
        return f"; {rows} it and {are} marked as deleted. Clear it there, or see `returns_by`"


def anchor_of(item: Item) -> str | None:
    """The anchor of the object that a change is about."""
    return item.change.anchor if item.change.anchor is not None else anchor_text(item.key)
