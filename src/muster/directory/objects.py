"""Objects of the directory: found, made, changed, deleted, restored, forgotten."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, Final

import orjson

from muster.directory.errors import no_such
from muster.directory.keys import Key, comparable, index_keys, is_extension, sought_values
from muster.directory.schema.kinds import SCHEMAS, Kind, Schema
from muster.directory.unique import refuse_taken
from muster.directory.values import is_guid
from muster.directory.work import Work, document
from muster.store.database import Row


class State(IntEnum):
    """LIVE, or DELETED and restorable, or GONE: only its id is left, for those who ask what has changed.

    GOING: gone, but for references that are still to be cleared away.
    """

    LIVE = 0
    DELETED = 1
    GONE = 2
    GOING = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """One object.

    `born` is the number of the change by which it came to be there, or came back; `seq` that of its last change; `own`
    that of the last change of its own properties.
    """

    id: int
    guid: str
    kind: Kind
    state: State
    born: int
    seq: int
    own: int
    deleted: int | None
    doc: Mapping[str, Any]

    @property
    def schema(self) -> Schema:
        """What its kind may hold."""
        return SCHEMAS[self.kind]


COLUMNS: Final = "o.id, o.guid, o.kind, o.state, o.born, o.seq, o.own, o.deleted, o.doc"
_KEY: Final = ("code", "key", "object")
_ROW: Final = ("id", "guid", "kind", "state", "born", "seq", "own", "deleted", "doc", "sought")


def entry(row: Row) -> Entry:
    """The object of a row of `COLUMNS`."""
    number, guid, kind, state, born, seq, own, deleted, doc = row[:9]
    return Entry(number, guid, Kind(kind), State(state), born, seq, own, deleted, document(doc))


# --- finding


def find(work: Work, guid: str, kinds: Sequence[Kind] = (), *, state: State = State.LIVE) -> Entry:
    """The object with this id, of one of the kinds. Raises `NotFound`."""
    row = work.session.one(f"SELECT {COLUMNS} FROM dir_object o WHERE o.guid = ?", guid.lower())
    if row is None or row[3] != state or (kinds and row[2] not in kinds):
        raise no_such(guid)
    return entry(row)


def find_named(work: Work, schema: Schema, name: str) -> Entry:
    """The object with this id, or of a user with this userPrincipalName. Raises `NotFound`."""
    if is_guid(name) or schema.kind is not Kind.USER:
        return find(work, name, (schema.kind,))
    return find_by(work, schema, "userPrincipalName", name)


def find_by(work: Work, schema: Schema, name: str, value: str) -> Entry:
    """The object that alone has this value. Raises `NotFound`."""
    found = having(work, schema, name, value)
    if found is None:
        raise no_such(value)
    return found


def having(work: Work, schema: Schema, name: str, value: str) -> Entry | None:
    """The first object that has this value of an indexed property."""
    one = schema.properties[name]
    row = work.session.one(
        f"SELECT {COLUMNS} FROM dir_key k JOIN dir_object o ON o.id = k.object WHERE k.code = ? AND k.key = ? LIMIT 1",
        schema.code(one.index),
        comparable(value, one.type),
    )
    return None if row is None else entry(row)


def find_present(work: Work, guids: Sequence[str]) -> list[Entry]:
    """Those of these ids that objects have, in this order, each once."""
    wanted = [guid.lower() for guid in guids]
    rows = work.session.rows(f"SELECT {COLUMNS} FROM dir_object o WHERE o.guid IN ?t AND o.state = 0", wanted)
    known = {row[1]: row for row in rows}
    return [entry(known[guid]) for guid in dict.fromkeys(wanted) if guid in known]


def find_all(work: Work, guids: Sequence[str], kinds: Sequence[Kind] = ()) -> list[Entry]:
    """The objects with these ids, in this order. Raises `NotFound` that names the first that is not there."""
    known = {one.guid: one for one in find_present(work, guids) if not kinds or one.kind in kinds}
    for guid in guids:
        if guid.lower() not in known:
            raise no_such(guid)
    return [known[guid.lower()] for guid in guids]


# --- writing


def create(work: Work, kind: Kind, doc: dict[str, Any]) -> Entry:
    """A new object with this document, which its rules have seen. Raises `Taken`."""
    return create_all(work, kind, [doc])[0]


def create_all(work: Work, kind: Kind, docs: Sequence[dict[str, Any]]) -> list[Entry]:
    """New objects with these documents, all or none. Raises `Taken`."""
    made, tables = new_rows(work, kind, docs)
    refuse_taken(work, SCHEMAS[kind], [(one.id, one.doc) for one in made])
    for table, (columns, rows) in tables.items():
        work.session.insert(table, columns, rows)
    return made


def new_rows(
    work: Work, kind: Kind, docs: Sequence[dict[str, Any]]
) -> tuple[list[Entry], dict[str, tuple[Sequence[str], list[Row]]]]:
    """The objects that these documents make, and the rows by which they are kept, table by table."""
    schema = SCHEMAS[kind]
    made: list[Entry] = []
    rows: list[Row] = []
    keys: list[Row] = []
    now = work.instant
    for doc, guid in zip(docs, _guids(len(docs)), strict=True):
        doc["createdDateTime"] = now
        number = work.next()
        made.append(Entry(number, guid, kind, State.LIVE, number, number, number, None, doc))
        text, sought = _text(doc), _sought(work, schema, doc)
        rows.append((number, guid, int(kind), 0, number, number, number, None, text, sought))
        keys += [(*key, number) for key in index_keys(schema, doc)]
    # In the order of the index, so that what lies side by side is written at once.
    return made, {"dir_object": (_ROW, rows), "dir_key": (_KEY, sorted(keys))}


def change(work: Work, old: Entry, doc: dict[str, Any]) -> Entry:
    """The object with another document. One that is as it was is not written. Raises `Taken`."""
    if doc == old.doc:
        return old
    schema = old.schema
    before, after = index_keys(schema, old.doc), index_keys(schema, doc)
    refuse_taken(work, schema, [(old.id, doc)])
    number = work.next()
    work.session.run(
        "UPDATE dir_object SET doc = ?, sought = ?, seq = ?, own = ? WHERE id = ?",
        *(_text(doc), _sought(work, schema, doc), number, number, old.id),
    )
    _remove_keys(work, old.id, before - after)
    _add_keys(work, old.id, after - before)
    return replace(old, seq=number, own=number, doc=doc)


def touch(work: Work, numbers: Sequence[int]) -> None:
    """Something that these objects refer to has changed: who asks for changes hears of them."""
    for number in numbers:
        work.session.run("UPDATE dir_object SET seq = ? WHERE id = ?", work.next(), number)


def bury(work: Work, old: Entry, state: State) -> None:
    """The object is no longer live: deleted, with its document kept, or gone, with nothing kept but its id."""
    number = work.next()
    gone = state in (State.GONE, State.GOING)
    if old.state is State.LIVE:
        _remove_keys(work, old.id, index_keys(old.schema, old.doc))
    work.session.run(
        "UPDATE dir_object SET state = ?, deleted = ?, seq = ?, own = ?, doc = ?, sought = ? WHERE id = ?",
        *(int(state), work.now, number, number),
        *("{}" if gone else _text(old.doc), "{}" if gone else _sought(work, old.schema, old.doc, indexed=False)),
        old.id,
    )


def unbury(work: Work, old: Entry, doc: dict[str, Any]) -> Entry:
    """A deleted object is live again, with this document. Raises `Taken`."""
    refuse_taken(work, old.schema, [(old.id, doc)])
    number = work.next()
    work.session.run(
        "UPDATE dir_object SET state = 0, deleted = NULL, born = ?, seq = ?, own = ?, doc = ?, sought = ? WHERE id = ?",
        *(number, number, number, _text(doc), _sought(work, old.schema, doc), old.id),
    )
    _add_keys(work, old.id, index_keys(old.schema, doc))
    return replace(old, state=State.LIVE, born=number, seq=number, own=number, deleted=None, doc=doc)


def _add_keys(work: Work, number: int, keys: set[Key]) -> None:
    work.session.insert("dir_key", _KEY, [(*key, number) for key in sorted(keys)])


def _remove_keys(work: Work, number: int, keys: set[Key]) -> None:
    work.session.many(
        "DELETE FROM dir_key WHERE code = ? AND key = ? AND object = ?", [(*key, number) for key in sorted(keys)]
    )


def _guids(count: int) -> list[str]:
    """New ids (RFC 9562 section 5.4), with one call for all their chance."""
    chance = os.urandom(16 * count)
    return [str(uuid.UUID(bytes=chance[at : at + 16], version=4)) for at in range(0, len(chance), 16)]


def _text(doc: Mapping[str, Any]) -> str:
    return orjson.dumps(doc).decode()


def _sought(work: Work, schema: Schema, doc: Mapping[str, Any], *, indexed: bool = True) -> str:
    names = [name for name in doc if name not in schema.properties and is_extension(name)]
    known = work.extensions(schema.kind) if names else {}
    return _text(sought_values(schema, doc, [known[name] for name in names if name in known], indexed=indexed))
