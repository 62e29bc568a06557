"""Objects that a read did not show: looked for in their system before one is made, taken in as an import takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from muster.model.objects import ConnectorObject
from muster.model.values import Document, Value
from muster.store.codec import decode, digest, encode
from muster.store.database import Database, Session, chunks
from muster.sync.imports.documents import clean
from muster.sync.names.reserving import release_taken
from muster.sync.narrow import Narrow
from muster.sync.queue.changes import PLANNED
from muster.sync.rules.indexes import value_keys
from muster.sync.rules.ruleset import CompiledMapping, Rules
from muster.sync.showing import names_of

Find = Callable[[str, Mapping[str, Value]], Sequence[ConnectorObject]]
_KEY: Final = ("sig", "key", "object")
_COLUMNS: Final = ("id", "space", "anchor", "part", "doc", "digest", "ref", "parent", "made", "gone", "dirty", "unread")


@dataclass(frozen=True, slots=True)
class Found:
    """An object that its system showed when it was asked; `identity`: for whom it was asked."""

    space: int
    object: ConnectorObject
    identity: int | None = None


def look_before_making(
    rules: Rules,
    database: Database,
    spaces: Sequence[int],
    find: Find,
    looked: set[tuple[int, int]],
    narrow: Narrow | None = None,
) -> bool:
    """Ask a system by the join rules for what is about to be made in these spaces; whether it has any of it.

    Each place (identity, mapping) is looked at once: `looked` remembers. Raises what `find` raises.
    """
    chosen = "" if narrow is None else "AND c.identity IN ?i "
    given = () if narrow is None else (sorted(narrow.identities),)
    with database.read() as session:
        rows = session.rows(
            "SELECT c.identity, c.mapping, i.doc FROM change c JOIN identity i ON i.id = c.identity "
            f"WHERE c.state = {PLANNED} AND c.action = 'create' AND c.space IN ?i {chosen}ORDER BY c.id",
            list(spaces),
            *given,
        )
    any_found = False
    for batch in chunks([row for row in rows if (row[0], row[1]) not in looked]):
        found = [
            Found(mapping.space, item, identity)
            for identity, mapping_id, data in batch
            if (mapping := rules.mappings.get(mapping_id)) is not None
            for item in _matches(mapping, decode(data), find)
        ]
        looked.update((row[0], row[1]) for row in batch)
        if found:
            any_found = True
            with database.write() as session:
                numbers = take_in(session, rules, found)
            if narrow is not None:
                narrow.objects.update(numbers)
    return any_found


def _matches(mapping: CompiledMapping, document: Document, find: Find) -> Sequence[ConnectorObject]:
    """What the first join line that a system can be asked for finds there; the join rules decide about it."""
    for join in mapping.joins:
        equal = {}
        for name, located in join.line.pairs.items():
            value = document.get(name)
            if len(located.expression.reads) != 1 or value is None or isinstance(value, list):
                break
            equal[min(located.expression.reads)] = value
        else:
            found = find(mapping.rules.object, equal)
            if found:
                return found
    return ()


def take_in(session: Session, rules: Rules, found: Sequence[Found]) -> list[int]:
    """Objects that a look-up found enter the connector space as any imported object does; their numbers."""
    numbers: list[int] = []
    for one in found:
        item, schema = one.object, rules.schema_of(one.space)
        if schema is None:
            continue
        document = clean(item.values, schema, item.anchor)
        data = encode(document)
        row = session.one("SELECT id, doc FROM object WHERE space = ? AND anchor = ?", one.space, item.anchor)
        number = row[0] if row else session.reserve("object", 1)
        values = (number, one.space, item.anchor, item.partition, data, digest(data))
        session.upsert("object", _COLUMNS, ("id",), [(*values, *names_of(schema, document), 0, 0, 1, None)], ("made",))
        indexed = rules.indexed.get(one.space, ())
        if row is not None:
            session.delete("object_key", _KEY, list(value_keys(indexed, decode(row[1]), number)))
        keys = list(value_keys(indexed, document, number))
        session.upsert("object_key", _KEY, _KEY, keys)
        release_taken(session, rules, keys)
        if one.identity is not None:
            session.run("UPDATE identity SET dirty = (dirty & 7) | 3 WHERE id = ?", one.identity)
        numbers.append(number)
    return numbers
