"""The statements that write side tables: the values of many-valued attributes, for many owners at once.

What they cost follows the values that come and go, whatever else the side table holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, bindparam, cast, column, delete, exists, insert, select

from muster.connectors.sql import own_statements
from muster.connectors.sql.declared import ROWS, Declared, among, rows_as_table, rows_as_text
from muster.connectors.sql.preparing import Item
from muster.connectors.sql.statements import insert_rows, parts
from muster.connectors.sql.tables import Side, Table
from muster.connectors.sql.wire import from_driver, to_driver
from muster.model.changes import Action
from muster.model.values import Scalar, difference

Pair = tuple[Any, Any]
"""An owner's key and a value, as the driver has them."""


def write_lists(connection: Connection, table: Table, items: Sequence[tuple[Item, Any]]) -> None:
    """What the items, each with its row's key, say of their lists; edges apart. Raises `WrongType`."""
    for name in {name for item, _ in items for name in (*item.lists, *item.change.add, *item.change.remove)}:
        attribute = table.attribute(name)
        old = [key for item, key in items if name in item.lists and item.change.action is not Action.CREATE]
        have = listed(connection, table, name, old) if old else {}
        add: list[tuple[Any, Scalar]] = []
        remove: list[tuple[Any, Scalar]] = []
        for item, key in items:
            more, less = item.change.add.get(name, []), item.change.remove.get(name, [])
            if name in item.lists:
                held = have.get(key)
                missing, left = difference(from_driver(held, attribute) if held else None, item.lists[name], attribute)
                more, less = [*missing, *more], [*left, *less]
            add += [(key, one) for one in more]
            remove += [(key, one) for one in less]
        take_out(connection, table, name, remove)
        put_in(connection, table, name, add)


def listed(connection: Connection, table: Table, name: str, keys: Sequence[Any]) -> dict[Any, list[Any]]:
    """The values of some owners, as the driver gives them."""
    side = table.lists[name]
    mine = select(side.value).where(*side.own)
    if connection.dialect.name != "postgresql":
        return {key: list(connection.scalars(mine.where(side.owner == key))) for key in keys}
    found: dict[Any, list[Any]] = {key: [] for key in keys}
    rows = rows_as_table({"k_": side.owner, "n_": column("n_", Declared("integer"))})
    numbered = rows_as_text([{"k_": key, "n_": at} for at, key in enumerate(keys)])
    statement = select(rows["n_"], side.value).where(side.owner == rows["k_"], *side.own)
    for at, one in connection.execute(statement, {ROWS: numbered}):
        found[keys[at]].append(one)
    return found


def put_in(connection: Connection, table: Table, name: str, add: Iterable[tuple[Any, Scalar]]) -> None:
    """Add values to owners' lists, but for those that are there already. Raises `WrongType`."""
    side = table.lists[name]
    for part in parts(list(dict.fromkeys(_pairs(table, side, add)))):
        if side.spec.insert is not None:
            there = _there(connection, side, part)
            _run(connection, side, side.spec.insert, [one for one in part if _known(side, one) not in there])
        elif connection.dialect.name == "postgresql":
            _insert_lacking(connection, side, part)
        else:
            there = _there(connection, side, part)
            lacking = [one for one in part if _known(side, one) not in there]
            if lacking:
                insert_rows(connection, side.clause, [{**_named(side, one), **side.fixed} for one in lacking])


def take_out(connection: Connection, table: Table, name: str, remove: Iterable[tuple[Any, Scalar]]) -> None:
    """Remove values from owners' lists; what is not there is passed. Raises `WrongType`."""
    side = table.lists[name]
    for part in parts(list(dict.fromkeys(_pairs(table, side, remove)))):
        if side.spec.delete is not None:
            there = _there(connection, side, part)
            _run(connection, side, side.spec.delete, [one for one in part if _known(side, one) in there])
        elif connection.dialect.name == "postgresql":
            rows = rows_as_table({one.name: one for one in (side.owner, side.value)})
            these = [side.owner == rows[side.spec.owner], side.value == rows[side.spec.value], *side.own]
            connection.execute(delete(side.clause).where(*these), {ROWS: _rows(side, part)})
        else:
            for key, values in _by_owner(part):
                connection.execute(delete(side.clause).where(side.owner == key, side.value.in_(values), *side.own))


def empty(connection: Connection, table: Table, keys: Sequence[Any]) -> None:
    """Remove everything that the side tables hold for some owners."""
    for side in table.lists.values():
        if side.spec.delete is not None:
            for key in keys:
                held = connection.scalars(select(side.value).where(side.owner == key, *side.own)).all()
                _run(connection, side, side.spec.delete, [(key, one) for one in held])
            continue
        condition, parameters = among(connection, side.owner, keys)
        connection.execute(delete(side.clause).where(condition, *side.own), parameters)


def _insert_lacking(connection: Connection, side: Side, pairs: Sequence[Pair]) -> None:
    """All pairs that are not there, in one statement of PostgreSQL."""
    rows = rows_as_table({one.name: one for one in (side.owner, side.value)})
    owner, value = rows[side.spec.owner], rows[side.spec.value]
    held = exists().where(side.owner == owner, side.value == value, *side.own)
    fixed = [cast(bindparam(None, given), side.clause.c[name].type) for name, given in side.fixed.items()]
    names = [side.spec.owner, side.spec.value, *side.fixed]
    new = select(owner, value, *fixed).where(~held)
    connection.execute(insert(side.clause).from_select(names, new), {ROWS: _rows(side, pairs)})


def _there(connection: Connection, side: Side, pairs: Sequence[Pair]) -> set[Pair]:
    """The pairs that are in the side table, as `_known` has them."""
    found: set[Pair] = set()
    for key, values in _by_owner(pairs):
        held = select(side.value).where(side.owner == key, side.value.in_(values), *side.own)
        found.update(_known(side, (key, one)) for one in connection.scalars(held))
    return found


def _known(side: Side, pair: Pair) -> Pair:
    """The pair, the same for all values that the database takes for one."""
    key, value = pair
    return (key, value.casefold()) if isinstance(value, str) and not side.single.attribute.exact else pair


def _run(connection: Connection, side: Side, sql: str, pairs: Sequence[Pair]) -> None:
    """The settings' own statement, once for each pair."""
    for one in pairs:
        own_statements.run(connection, sql, {**_named(side, one), **side.fixed})


def _by_owner(pairs: Sequence[Pair]) -> Iterator[tuple[Any, list[Any]]]:
    for key, found in groupby(pairs, itemgetter(0)):
        yield key, [value for _, value in found]


def _pairs(table: Table, side: Side, values: Iterable[tuple[Any, Scalar]]) -> list[Pair]:
    single = side.single
    return [(key, to_driver(one, single, table.dialect)) for key, one in values]


def _named(side: Side, pair: Pair) -> dict[str, Any]:
    return {side.spec.owner: pair[0], side.spec.value: pair[1]}


def _rows(side: Side, pairs: Sequence[Pair]) -> str:
    return rows_as_text([_named(side, one) for one in pairs])
