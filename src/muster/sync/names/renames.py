"""An object's name changed: what lies below it, and whoever refers to it by that name, follows.

A renamed container is one change: the names of all that it holds change with it in the store, as they did in the
system, without being read or written one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from muster.model import dn
from muster.model.schema import ObjectSchema
from muster.model.values import Document, Scalar, Type, Value
from muster.store.codec import decode, digest, encode
from muster.store.database import Session, chunks
from muster.sync.identities.values import CHANGED_SINCE, MADE
from muster.sync.queue.changes import PLANNED
from muster.sync.queue.queued import rewrite_changes
from muster.sync.references.edge_marks import dirty_names, dirty_targets
from muster.sync.references.edge_plan import return_edges
from muster.sync.references.edges import release_targets, resolve_by_object
from muster.sync.rules.indexes import reindex
from muster.sync.rules.ruleset import Rules
from muster.sync.showing import count_shown, names_of

Renamed = tuple[int, str, str | None, str | None]
"""An object: id, anchor, old name, new name."""

Fresh = Callable[[int], bool]
_Renaming = Callable[[Mapping[str, Any], Sequence[str]], Document]

_SHOWN: Final = ("object", "attribute", "text")
_PENDING: Final = ("change", "attribute", "text", "target")
_PARTS: Final = ("values", "was", "add", "remove")
_EDGE: Final = ("owner", "attribute", "origin", "how", "key")


def _nobody(_number: int) -> bool:
    return False


def follow_renames(
    session: Session, rules: Rules, space: int, renamed: Sequence[Renamed], *, ours: bool, fresh: Fresh = _nobody
) -> None:
    """Objects of one space were renamed, by us (`ours`) or by another hand; the store has their new names already.

    Where the server itself mends the references, what other objects of the system show is renamed with it, and no
    edge moves. `fresh` tells which objects were read already since then, and show the new names themselves.
    Otherwise the references that we write are mended by us, and what else held the old name waits for somebody to
    bear it.
    """
    moved = [entry for entry in renamed if entry[2] != entry[3] and entry[2] is not None and entry[3] is not None]
    schema = rules.schema_of(space)
    if not moved or schema is None:
        return
    system = rules.system_of(space)
    if schema.name_is_dn:
        moved += _below(session, rules, system, {old: new for _, _, old, new in moved if old and new}, ours)
    for batch in chunks(moved):
        if schema.keeps_references:
            _rename_references(session, rules, system, batch, fresh)
        else:
            _mend_references(session, rules, space, batch)


# --- what lies below a renamed container


def _below(session: Session, rules: Rules, system: str, names: Mapping[str, str], ours: bool) -> list[Renamed]:
    """Everything below the renamed containers bears its new name now; what was renamed so."""
    spaces = rules.spaces_of(system)
    found: list[Renamed] = []
    level = dict(names)
    while level:
        below: list[tuple[int, str, str, str]] = []
        for batch in chunks(sorted(level)):
            below += session.rows(
                "SELECT id, anchor, ref, parent FROM object WHERE parent IN ?t AND space IN ?i AND gone = 0",
                batch,
                spaces,
            )
        level = {ref: f"{_own(ref)},{level[parent]}" for _, _, ref, parent in below}
        found.extend((number, anchor, ref, level[ref]) for number, anchor, ref, _ in below)
    shown = _as_shown(session, rules, spaces, sorted(set(names.values())))
    for batch in chunks(found):
        _rename_objects(session, rules, {number: new for number, _, _, new in batch if new}, shown, ours)
    return found


def _own(name: str) -> str:
    return dn.split(name)[0]


def _as_shown(session: Session, rules: Rules, spaces: Sequence[int], names: Sequence[str]) -> dict[str, str]:
    """How the system writes the new names of the containers."""
    found: dict[str, str] = {}
    for batch in chunks(names):
        for space, ref, data in session.rows(
            "SELECT space, ref, doc FROM object WHERE ref IN ?t AND space IN ?i AND gone = 0", batch, list(spaces)
        ):
            schema = rules.schema_of(space)
            name = decode(data).get(schema.naming) if schema is not None and schema.naming else None
            if isinstance(name, str):
                found[ref] = name
    return found


def _rename_objects(
    session: Session, rules: Rules, names: Mapping[int, str], shown: Mapping[str, str], ours: bool
) -> None:
    """What was written is what is shown only when the new name is our doing."""
    rows: list[tuple[Any, ...]] = []
    for number, space, data, wrote, wanted, made in session.rows(
        "SELECT id, space, doc, wrote, wanted, made FROM object WHERE id IN ?i", sorted(names)
    ):
        schema = rules.schema_of(space)
        naming = schema.naming if schema is not None else None
        if schema is None or naming is None:
            continue
        document = _placed(decode(data), naming, names[number], shown)
        encoded = encode(document)
        kept: list[bytes | None] = [wrote, wanted]
        if ours:
            kept = [encode(_placed(decode(one), naming, names[number], shown)) if one else None for one in kept]
        made = CHANGED_SINCE if made == MADE and not ours else made
        rows.append((encoded, digest(encoded), *names_of(schema, document), *kept, made, 1, number))
    columns = ("doc", "digest", "ref", "parent", "wrote", "wanted", "made", "dirty")
    session.update("object", columns, ("id",), rows)


def _placed(document: Document, naming: str, new: str, shown: Mapping[str, str]) -> Document:
    """The document under its new name: its own part as it was written, its containers' as the system writes them."""
    name = document.get(naming)
    if not isinstance(name, str):
        return document
    own, above = dn.split(name), dn.split(new)
    while len(above) > 1:
        above.pop(0)
        container = shown.get(",".join(above))
        if container is not None:
            return {**document, naming: ",".join([*own[: len(dn.split(new)) - len(above)], container])}
    return {**document, naming: new}


# --- references that the server keeps


def _rename_references(session: Session, rules: Rules, system: str, moved: Sequence[Renamed], fresh: Fresh) -> None:
    """What other objects of the system show of these names is renamed, and so is the key of every edge."""
    names = {old: new for _, _, old, new in moved if old is not None and new is not None}
    spaces = rules.spaces_of(system)
    _rename_shown(session, spaces, names)
    how = rules.names.id("how", f"system:{system}")
    rows = session.rows(
        "SELECT owner, attribute, origin, how, key, target, account FROM edge WHERE how = ? AND key IN ?t",
        how,
        sorted(names),
    )
    origins = {row[2] for row in rows}
    session.delete("edge", _EDGE, [row[:5] for row in rows])
    session.upsert("edge", (*_EDGE, "target", "account"), _EDGE, [(*r[:4], names[r[4]], *r[5:]) for r in rows])
    objects = [entry[0] for entry in moved]
    holding = _referring(rules, system)
    spelled = _as_shown(session, rules, spaces, sorted(set(names.values())))

    def renamed(document: Mapping[str, Any], attributes: Sequence[str]) -> Document:
        return {n: _renamed(v, names, spelled) if n in attributes else v for n, v in document.items()}

    if holding:
        _rename_in_documents(session, rules, holding, objects, origins, fresh, renamed)
        _rename_in_changes(session, holding, objects, renamed)
    _rename_in_groups(session, spaces, names)


def _rename_shown(session: Session, spaces: Sequence[int], names: Mapping[str, str]) -> None:
    rows = session.rows(
        "SELECT s.object, s.attribute, s.text, s.wrote FROM shown s JOIN object o ON o.id = s.object "
        "WHERE s.text IN ?t AND o.space IN ?i",
        sorted(names),
        list(spaces),
    )
    if not rows:
        return
    there = set(
        session.rows(
            "SELECT object, attribute, text FROM shown WHERE text IN ?t AND object IN ?i",
            sorted({names[row[2]] for row in rows}),
            sorted({row[0] for row in rows}),
        )
    )
    leaving = {row[:3] for row in rows}
    changes: dict[tuple[int, int], tuple[set[str], set[str]]] = {}
    new: list[tuple[Any, ...]] = []
    for number, attribute, text, wrote in rows:
        added, removed = changes.setdefault((number, attribute), (set(), set()))
        removed.add(text)
        place = (number, attribute, names[text])
        if place not in there or place in leaving:
            added.add(names[text])
            new.append((*place, wrote))
    session.delete("shown", _SHOWN, [row[:3] for row in rows])
    session.upsert("shown", (*_SHOWN, "wrote"), _SHOWN, new)
    for (number, attribute), (added, removed) in changes.items():
        count_shown(session, number, attribute, added, removed)


def _rename_in_documents(
    session: Session,
    rules: Rules,
    holding: Mapping[int, Sequence[str]],
    objects: Sequence[int],
    origins: set[int],
    fresh: Fresh,
    renamed: _Renaming,
) -> None:
    """References that stand in the objects themselves: in those that showed an edge, and those we wrote one to."""
    wanted = {
        row[0]
        for row in session.rows(
            "SELECT o.id FROM edge e JOIN object t ON t.identity = e.target JOIN object o ON o.identity = e.owner "
            "WHERE t.id IN ?i AND o.space IN ?i AND o.gone = 0",
            list(objects),
            sorted(holding),
        )
    }
    for batch in chunks(sorted(number for number in wanted | origins if not fresh(number))):
        rows: list[tuple[Any, ...]] = []
        changed: dict[int, list[tuple[int, Document, Document]]] = {}
        for number, space, data, wrote, kept in session.rows(
            "SELECT id, space, doc, wrote, wanted FROM object WHERE id IN ?i", batch
        ):
            attributes = holding.get(space, ())
            before: Document = decode(data)
            document = renamed(before, attributes)
            if document != before:
                encoded = encode(document)
                others = [encode(renamed(decode(one), attributes)) if one else None for one in (wrote, kept)]
                rows.append((encoded, digest(encoded), *others, number))
                changed.setdefault(space, []).append((number, before, document))
        session.update("object", ("doc", "digest", "wrote", "wanted"), ("id",), rows)
        for space, documents in changed.items():
            reindex(session, rules.indexed.get(space, ()), documents)


def _rename_in_changes(
    session: Session, holding: Mapping[int, Sequence[str]], objects: Sequence[int], renamed: _Renaming
) -> None:
    """References that are still to be written name their targets as they are called by then."""
    rows: list[tuple[Any, ...]] = []
    for number, space, data in session.rows(
        "SELECT c.id, c.space, p.doc FROM change c JOIN payload p ON p.change = c.id "
        f"WHERE c.state = {PLANNED} AND c.space IN ?i AND c.identity IN "
        "(SELECT e.owner FROM edge e JOIN object t ON t.identity = e.target WHERE t.id IN ?i)",
        sorted(holding),
        list(objects),
    ):
        payload = orjson.loads(data)
        parts = {part: renamed(payload[part], holding[space]) for part in _PARTS if part in payload}
        if any(payload[part] != new for part, new in parts.items()):
            rows.append((orjson.dumps({**payload, **parts}), number))
    rewrite_changes(session, rows)


def _rename_in_groups(session: Session, spaces: Sequence[int], names: Mapping[str, str]) -> None:
    """The same for large references."""
    rows = session.rows(
        "SELECT e.change, e.attribute, e.text, e.target, e.remove FROM edge_change e JOIN change c ON c.id = e.change "
        f"WHERE c.state = {PLANNED} AND c.space IN ?i AND e.text IN ?t",
        list(spaces),
        sorted(names),
    )
    session.delete("edge_change", _PENDING, [row[:4] for row in rows])
    session.upsert("edge_change", (*_PENDING, "remove"), _PENDING, [(*r[:2], names[r[2]], *r[3:]) for r in rows])


def _referring(rules: Rules, system: str) -> dict[int, tuple[str, ...]]:
    """The spaces of the system whose objects hold references in themselves, and the attributes that do."""
    found: dict[int, tuple[str, ...]] = {}
    for space in rules.spaces_of(system):
        schema: ObjectSchema | None = rules.schema_of(space)
        names = [n for n, a in schema.attributes.items() if a.type is Type.REFERENCE and not a.large] if schema else []
        if names:
            found[space] = tuple(names)
    return found


def _renamed(value: Value, names: Mapping[str, str], spelled: Mapping[str, str]) -> Value:
    def one(text: Scalar) -> Scalar:
        new = names.get(dn.normal(text)) or names.get(text) if isinstance(text, str) else None
        return text if new is None else spelled.get(new, new)

    if isinstance(value, list):
        return [one(item) for item in value]
    return one(value) if value is not None else None


# --- references that nobody keeps but us


def _mend_references(session: Session, rules: Rules, space: int, moved: Sequence[Renamed]) -> None:
    """Groups that we write show a name that is nobody's: it goes out and the new one comes in."""
    system = rules.system_of(space)
    names = {old: new for _, _, old, new in moved if old is not None and new is not None}
    ours = {m.id: {f.edge for f in m.streams} for m in rules.mappings.values() if m.rules.system == system}
    how = rules.names.id("how", f"system:{system}")
    rows = [
        row[:7]
        for row in session.rows(
            "SELECT e.owner, e.attribute, e.origin, e.how, e.key, e.target, e.account, o.mapping FROM edge e "
            "JOIN object o ON o.id = e.origin WHERE e.how = ? AND e.key IN ?t",
            how,
            sorted(names),
        )
        if row[1] in ours.get(row[7], ())
    ]
    session.delete("edge", _EDGE, [row[:5] for row in rows])
    session.upsert("edge", (*_EDGE, "target", "account"), _EDGE, [(*r[:4], names[r[4]], *r[5:]) for r in rows])
    release_targets(session, rules, [(number, space, anchor, old) for number, anchor, old, _ in moved])
    resolve_by_object(session, rules, [entry[0] for entry in moved])
    dirty_names(session, rules, system, sorted(names))
    pending = session.rows(
        "SELECT DISTINCT c.id, c.identity FROM edge_change e JOIN change c ON c.id = e.change "
        f"WHERE c.state = {PLANNED} AND c.space IN ?i AND e.text IN ?t",
        rules.spaces_of(system),
        sorted({*names, *names.values()}),
    )
    return_edges(session, rules, [row[0] for row in pending])
    session.run("UPDATE identity SET dirty = dirty | 2 WHERE id IN ?i", sorted({row[1] for row in pending}))
    identities = [
        row[0]
        for row in session.rows(
            "SELECT identity FROM object WHERE id IN ?i AND identity IS NOT NULL", [entry[0] for entry in moved]
        )
    ]
    dirty_targets(session, rules, identities)
    session.run(
        "UPDATE identity SET dirty = dirty | 2 WHERE id IN (SELECT owner FROM edge WHERE target IN ?i)", identities
    )
