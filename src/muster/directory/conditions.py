"""Conditions → SQL. Values are always parameters; names come from the schema and never from a client.

Each part of the SQL is either true or false, never NULL, so that `NOT` is the opposite: what an object lacks equals
nothing and differs from everything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from muster.directory.errors import Unsupported
from muster.directory.filters import (
    Among,
    Both,
    Compare,
    Condition,
    Counted,
    Either,
    Literal,
    Match,
    Not,
    Path,
    Quantified,
    Words,
)
from muster.directory.keys import comparable, fold, runs, words
from muster.directory.schema.kinds import WORDS_OF_DESCRIPTION, WORDS_OF_NAME, Schema
from muster.directory.schema.property import Property, Type
from muster.directory.work import micros
from muster.model.values import instant_text, parse_instant

_SQL: Final = {"eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_ESCAPED: Final = re.compile(r"[!%_]")
_END: Final = "\U0010ffff"
_MOST: Final = 400
"""Parts that one condition may have: databases and readers have their limits."""


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL over the object `o`, and its values."""

    text: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Start:
    """A part of an index `k` in which every object sought stands: where a query can begin.

    `ordered`: each stands there once, in the order of their numbers. `ranged`: they can be read in the order of their
    keys, those left out for which `counts` is false: entries of an object that had one before.
    """

    where: Sql
    ordered: bool = False
    ranged: bool = False
    counts: Callable[[Mapping[str, Any], str], bool] | None = None


class Conditions:
    """Makes SQL for one kind of object on one database. Deleted objects are in no index (`indexed` False)."""

    def __init__(
        self, schema: Schema, extensions: Mapping[str, Property], *, postgres: bool, indexed: bool = True
    ) -> None:
        self.schema = schema
        self.extensions = extensions
        self.postgres = postgres
        self.indexed = indexed
        self._parts = 0

    def start(self, condition: Condition) -> Start | None:
        """The part of an index that a condition is the same as; None when there is none."""
        match condition:
            case Words(path, text):
                return self._searched(path, text)
            case Compare((_,) as path, "eq", value) if value is not None:
                return self._entries(path, condition)
            case Among((_,) as path) | Match((_,) as path, "startsWith"):
                return self._entries(path, condition)
            case Quantified((_,) as path, False, Compare((), "eq") | Among(()) | Match((), "startsWith") as inner):
                return self._entries(path, inner)
        return None

    def _entries(self, path: Path, condition: Compare | Among | Match) -> Start | None:
        one = self._property(path)
        if not self._has_index(one):
            return None
        code = self.schema.code(one.index)
        if isinstance(condition, Compare):
            return Start(Sql("k.code = ? AND k.key = ?", (code, _key(condition.value, one.type))), ordered=True)
        if isinstance(condition, Among):
            return Start(
                Sql("k.code = ? AND k.key IN ?t", (code, [_key(value, one.type) for value in condition.values]))
            )
        return Start(_beginning(code, fold(condition.text)), ranged=not one.many)

    def _searched(self, path: Path, text: str) -> Start | None:
        """Where what is searched for stands; None for what no name can have."""
        if path[0] not in ("displayName", "description"):
            return Start(_beginning(self.schema.code(self._property(path).index), fold(text)), ranged=True)
        found = runs(text)
        if len(found) != 1:
            return None
        code, beginning = (
            self.schema.code(WORDS_OF_NAME if path[0] == "displayName" else WORDS_OF_DESCRIPTION),
            found[0],
        )

        def first(doc: Mapping[str, Any], key: str) -> bool:
            return key == min(word for word in words(doc[path[0]]) if word.startswith(beginning))

        return Start(_beginning(code, beginning), ranged=True, counts=first)

    def all(self, held: Sql, conditions: Sequence[Condition]) -> Sql:
        """What holds anyway, and the conditions. Raises `Unsupported` when there is too much of it."""
        found = [held, *(self.sql(one) for one in conditions)]
        return Sql(" AND ".join(one.text for one in found), tuple(value for one in found for value in one.values))

    def sql(self, condition: Condition) -> Sql:
        """The SQL of a condition. Raises `Unsupported` when there is too much of it."""
        self._parts += 1
        if self._parts > _MOST:
            raise Unsupported(f"The filter has more than {_MOST} clauses.")
        match condition:
            case Both(conditions):
                return _joined(" AND ", [self.sql(each) for each in conditions])
            case Either(conditions):
                return _joined(" OR ", [self.sql(each) for each in conditions])
            case Not(inner):
                found = self.sql(inner)
                return Sql(f"NOT ({found.text})", found.values)
            case Words(path, text):
                return self._words(path, text)
            case Counted(path, operator, number):
                count = self._count(self._property(path), path)
                return Sql(f"{count.text} {_SQL[operator]} ?", (*count.values, number))
            case Quantified(path, every, inner):
                return self._quantified(path, every, inner)
            case Compare(path) | Among(path) | Match(path):
                return self._scalar(self._property(path), path, condition)

    def _property(self, path: Path) -> Property:
        found = self.schema.properties.get(path[0]) or self.extensions[path[0]]
        for name in path[1:]:
            found = found.part[name]
        return found

    def _has_index(self, one: Property) -> bool:
        return self.indexed and one.index > 0

    # --- values that stand alone

    def _scalar(self, one: Property, path: Path, condition: Compare | Among | Match) -> Sql:
        if path == ("id",):
            return _test("o.guid", condition, one.type)
        if path == ("deletedDateTime",):
            return _instant_test("o.deleted", condition)
        if len(path) == 1 and self._has_index(one):
            return self._indexed(one, condition)
        return _test(self._inside(path), condition, one.type)

    def _indexed(self, one: Property, condition: Compare | Among | Match) -> Sql:
        code = self.schema.code(one.index)
        match condition:
            case Compare(_, operator, None):
                if one.required:
                    return Sql("FALSE" if operator == "eq" else "TRUE")
                found = self._inside_document(one.name)
                return Sql(f"({found} IS NULL)" if operator == "eq" else f"({found} IS NOT NULL)")
            case Compare(_, "eq", value):
                return Sql(_POINT, (code, _key(value, one.type)))
            case Compare(_, "ne", value):
                return Sql(f"NOT {_POINT}", (code, _key(value, one.type)))
            case _:
                test = _test("k.key", condition, one.type)
                return Sql(
                    f"o.id IN (SELECT k.object FROM dir_key k WHERE k.code = ? AND {test.text})", (code, *test.values)
                )

    def _inside_document(self, name: str) -> str:
        """A value of the document itself; where filters look there is nothing of what has an index."""
        return f"(o.doc::jsonb -> '{name}')" if self.postgres else f"json_extract(o.doc, '$.\"{name}\"')"

    def _inside(self, path: Path) -> str:
        """A value that filters look at, as a text; NULL where there is none."""
        if self.postgres:
            return f"((o.sought #>> '{{{','.join(path)}}}') COLLATE \"C\")"
        return "json_extract(o.sought, '$." + ".".join(f'"{name}"' for name in path) + "')"

    # --- lists

    def _each(self, path: Path, alias: str) -> str:
        """The values of a list that has no index, as rows."""
        if self.postgres:
            return f"jsonb_array_elements(COALESCE(o.sought #> '{{{','.join(path)}}}', '[]'::jsonb)) {alias}(value)"
        return "json_each(o.sought, '$." + ".".join(f'"{name}"' for name in path) + f"') {alias}"

    def _quantified(self, path: Path, every: bool, inner: Condition | None) -> Sql:
        one = self._property(path)
        if every and inner is not None:
            found = self._quantified(path, False, Not(inner))
            return Sql(f"NOT ({found.text})", found.values)
        if self._has_index(one) and len(path) == 1:
            code = self.schema.code(one.index)
            if inner is None:
                return Sql(f"{self._count(one, path).text} > 0")
            if isinstance(inner, Compare) and inner.operator == "eq":
                return Sql(_POINT, (code, _key(inner.value, one.type)))
            test = self._item(inner, one, "k.key")
            return Sql(
                f"o.id IN (SELECT k.object FROM dir_key k WHERE k.code = ? AND {test.text})", (code, *test.values)
            )
        test = self._item(inner, one, "((e.value #>> '{}') COLLATE \"C\")" if self.postgres else "e.value")
        return Sql(f"EXISTS (SELECT 1 FROM {self._each(path, 'e')} WHERE {test.text})", test.values)

    def _item(self, inner: Condition | None, one: Property, value: str) -> Sql:
        """A condition on one value of a list."""
        match inner:
            case None:
                return Sql("TRUE")
            case Both(conditions):
                return _joined(" AND ", [self._item(each, one, value) for each in conditions])
            case Either(conditions):
                return _joined(" OR ", [self._item(each, one, value) for each in conditions])
            case Not(condition):
                found = self._item(condition, one, value)
                return Sql(f"NOT ({found.text})", found.values)
            case Compare(path) | Among(path) | Match(path):
                if not path:
                    return _test(value, inner, one.type)
                part = one.part[path[0]]
                inside = f"json_extract(e.value, '$.\"{path[0]}\"')"
                if self.postgres:
                    inside = f"((e.value ->> '{path[0]}') COLLATE \"C\")"
                return _test(inside, inner, part.type)
            case _:
                raise Unsupported("A condition on the values of a list compares them, and nothing else.")

    def _count(self, one: Property, path: Path) -> Sql:
        if self._has_index(one):
            inside = self._inside_document(one.name)
            if self.postgres:
                return Sql(f"COALESCE(jsonb_array_length({inside}), 0)")
            return Sql(f"COALESCE(json_array_length(o.doc, '$.\"{one.name}\"'), 0)")
        return Sql(f"(SELECT COUNT(*) FROM {self._each(path, 'e')})")

    # --- words

    def _words(self, path: Path, text: str) -> Sql:
        if not self.indexed:
            raise Unsupported("Deleted objects cannot be searched; filter them instead.")
        found = self._searched(path, text)
        if found is None:
            several = runs(text)
            return _joined(" AND ", [self._words(path, word) for word in several]) if several else Sql("FALSE")
        return Sql(f"o.id IN (SELECT k.object FROM dir_key k WHERE {found.where.text})", found.where.values)


_POINT: Final = "EXISTS (SELECT 1 FROM dir_key k WHERE k.code = ? AND k.key = ? AND k.object = o.id)"


def _beginning(code: int, text: str) -> Sql:
    return Sql("k.code = ? AND k.key >= ? AND k.key < ?", (code, text, text + _END))


def _test(value: str, condition: Compare | Among | Match, kind: Type) -> Sql:
    """A condition on one SQL value; false where that is NULL, as `ne` is true."""
    match condition:
        case Compare(_, "eq", None):
            return Sql(f"({value} IS NULL)")
        case Compare(_, _, None):
            return Sql(f"({value} IS NOT NULL)")
        case Compare(_, "ne", literal):
            return Sql(f"COALESCE({value} <> ?, TRUE)", (_key(literal, kind),))
        case Compare(_, operator, literal):
            return Sql(f"COALESCE({value} {_SQL[operator]} ?, FALSE)", (_key(literal, kind),))
        case Among(_, values):
            return Sql(f"COALESCE({value} IN ?t, FALSE)", ([_key(each, kind) for each in values],))
        case Match(_, "startsWith", text):
            start = fold(text)
            return Sql(f"COALESCE({value} >= ? AND {value} < ?, FALSE)", (start, start + _END))
        case Match(_, _, text):
            return Sql(f"COALESCE({value} LIKE ? ESCAPE '!', FALSE)", ("%" + _ESCAPED.sub(r"!\g<0>", fold(text)),))


def _instant_test(column: str, condition: Compare | Among | Match) -> Sql:
    match condition:
        case Compare(_, operator, str() as text):
            return Sql(f"COALESCE({column} {_SQL[operator]} ?, FALSE)", (micros(instant_text(parse_instant(text))),))
        case _:
            raise Unsupported("An instant is compared with an instant.")


def _key(value: Literal, kind: Type) -> str:
    if kind is Type.INSTANT and isinstance(value, str):
        value = instant_text(parse_instant(value))
    return comparable(value, kind)


def _joined(word: str, parts: list[Sql]) -> Sql:
    return Sql(
        "(" + word.join(f"({part.text})" for part in parts) + ")", tuple(v for part in parts for v in part.values)
    )
