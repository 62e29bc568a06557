"""References between identities, an edge at a time.

An edge belongs to an owner identity and an attribute; its origin is the object that shows it. It names its target by
a key and says how that key is looked up: by a join attribute, by the anchor of one object type, or by any name in one
system. While nothing answers to the key the target is NULL, and the edge waits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from muster.model import dn
from muster.model.values import key_text
from muster.store.codec import decode
from muster.store.database import CHUNK, Session
from muster.sync.clearing import wake_cleared
from muster.sync.paths import wake_members, wake_readers
from muster.sync.rules import HELD, NO_LOOKUP, CompiledInbound, CompiledMapping, Rules

_EDGE: Final = ("owner", "attribute", "origin", "how", "key", "target", "account")
_EDGE_KEY: Final = ("owner", "attribute", "origin", "how", "key")
_DIRTY: Final = ("owner", "attribute", "target", "text")
NOBODY: Final = 0
"""As the target of a dirty edge: the text that a system shows is to be looked at, whoever it names; without a text,
every edge of that attribute."""

Found = tuple[int, int]
"""The identity that a key names, and the account (a name's id) of the object it was found by."""


def edge_key(rules: Rules, how: int, text: str) -> str:
    """The key of an edge: the text in the form that the look-up compares."""
    if how == NO_LOOKUP:
        return text
    kind, argument = rules.hows[how]
    if kind == "identity":
        return key_text((text,)) or ""
    if kind == "system" and rules.naming.get(argument):
        return dn.normal(text)
    return text


def look_up(session: Session, rules: Rules, pairs: Iterable[tuple[int, str]]) -> dict[tuple[int, str], Found]:
    """What the keys name. A key that nothing answers to, or more than one identity, is left out."""
    by_how: dict[int, set[str]] = {}
    for how, key in pairs:
        by_how.setdefault(how, set()).add(key)
    found: dict[tuple[int, str], Found] = {}
    by_how.pop(NO_LOOKUP, None)
    for how, keys in sorted(by_how.items()):
        kind, argument = rules.hows[how]
        texts = sorted(keys)
        for start in range(0, len(texts), CHUNK):
            part = texts[start : start + CHUNK]
            if kind == "identity":
                matches: dict[str, list[int]] = {}
                for key, identity in session.rows(
                    "SELECT key, identity FROM identity_key WHERE sig = ? AND key IN ?t", how, part
                ):
                    matches.setdefault(key, []).append(identity)
                found.update({(how, key): (hits[0], rules.main) for key, hits in matches.items() if len(hits) == 1})
                continue
            spaces = [int(argument)] if kind == "space" else rules.spaces_of(argument)
            for key, identity, mapping in _objects(session, rules, kind, argument, spaces, part):
                found[(how, key)] = (identity, rules.account_of(mapping))
    return found


def _objects(
    session: Session, rules: Rules, kind: str, argument: str, spaces: list[int], keys: list[str]
) -> list[tuple[Any, ...]]:
    if kind == "system" and rules.naming.get(argument):
        return session.rows(
            "SELECT ref, identity, mapping FROM object "
            "WHERE ref IN ?t AND space IN ?i AND gone = 0 AND identity IS NOT NULL",
            keys,
            spaces,
        )
    found: list[tuple[Any, ...]] = []
    for space in spaces:
        found.extend(
            session.rows(
                "SELECT anchor, identity, mapping FROM object "
                "WHERE space = ? AND anchor IN ?t AND gone = 0 AND identity IS NOT NULL",
                space,
                keys,
            )
        )
    return found


# --- edges that come and go


def store_references(
    session: Session,
    rules: Rules,
    wanted: Mapping[int, Sequence[tuple[int, int, str, int]]],
    origins: Sequence[int],
    attributes: Sequence[int],
    stale: Collection[tuple[int, int]] = (),
) -> set[int]:
    """Make the edges of the given origins and attributes what `wanted` says; the owners whose edges changed.

    `wanted`: owner → (attribute, how, text, origin). Edges that stream are not touched: they are not in `attributes`.
    `stale`: (owner, attribute) of which no edge goes, because what is wanted cannot be told.
    """
    columns = "SELECT owner, attribute, origin, how, key, target FROM edge"
    rows = session.rows(f"{columns} WHERE origin = {HELD} AND +owner IN ?i", sorted(wanted))
    if origins and attributes:
        rows += session.rows(f"{columns} WHERE origin IN ?i AND attribute IN ?i", list(origins), list(attributes))
    had: dict[tuple[int, int, int, int, str], int | None] = {(r[0], r[1], r[2], r[3], r[4]): r[5] for r in rows}
    want = {
        (owner, attribute, origin, how, edge_key(rules, how, text))
        for owner, links in wanted.items()
        for attribute, how, text, origin in links
    }
    new = sorted(want - had.keys())
    old = sorted(key for key in had.keys() - want if (key[0], key[1]) not in stale)
    found = look_up(session, rules, ((key[3], key[4]) for key in new))
    rows = []
    for key in new:
        target, account = found.get((key[3], key[4]), (None, rules.main))
        rows.append((*key, target, account))
    session.delete("edge", _EDGE_KEY, old)
    session.upsert("edge", _EDGE, _EDGE_KEY, rows)
    dirty_edges(session, rules, [(row[0], row[1], row[5]) for row in rows])
    dirty_edges(session, rules, [(key[0], key[1], had[key]) for key in old])
    _mark_owners(session, rules, {(key[0], key[1]) for key in (*new, *old)} if rules.paths else ())
    held = {(key[0], key[1]) for key in (*new, *old) if key[2] == HELD and key[1] in rules.streamed}
    dirty_texts(session, rules, [(owner, attribute, "") for owner, attribute in held])
    return {key[0] for key in new} | {key[0] for key in old}


def dirty_edges(session: Session, rules: Rules, edges: Iterable[tuple[int, int, int | None]]) -> None:
    """Edges (owner, attribute, target) came or went: whoever reads them the other way round is worked out again.

    Those of large references are such that a system may have to be told about them.
    """
    edges = list(edges)
    wake_members(session, rules, edges)
    rows = sorted({(e[0], e[1], e[2], "") for e in edges if e[2] is not None and e[1] in rules.streamed})
    session.upsert("edge_dirty", _DIRTY, _DIRTY, rows)
    _mark_owners(session, rules, {(row[0], row[1]) for row in rows})


def dirty_texts(session: Session, rules: Rules, texts: Iterable[tuple[int, int, str]]) -> None:
    """What a system shows under these texts (owner, attribute, text) is to be held against the edges."""
    rows = sorted({(owner, attribute, NOBODY, text) for owner, attribute, text in texts})
    session.upsert("edge_dirty", _DIRTY, _DIRTY, rows)
    _mark_owners(session, rules, {(row[0], row[1]) for row in rows})


def dirty_names(session: Session, rules: Rules, system: str, names: Sequence[str]) -> None:
    """Whatever large references of ours show under these names is to be held against the edges: nobody bears them."""
    if not rules.streamed or not names:
        return
    texts: list[tuple[int, int, str]] = []
    for identity, mapping_id, attribute, text in session.rows(
        "SELECT o.identity, o.mapping, s.attribute, s.text FROM shown s JOIN object o ON o.id = s.object "
        "WHERE s.text IN ?t AND o.space IN ?i AND o.identity IS NOT NULL",
        sorted(names),
        rules.spaces_of(system),
    ):
        mapping = rules.mappings.get(mapping_id)
        flows = mapping.streams if mapping is not None else ()
        texts.extend((identity, flow.edge, text) for flow in flows if flow.attribute_id == attribute)
    dirty_texts(session, rules, texts)


def dirty_targets(session: Session, rules: Rules, identities: Sequence[int]) -> None:
    """The identities' objects came, went or changed their name: large references that hold them must follow."""
    if not rules.streamed or not identities:
        return
    rows = session.rows(
        "SELECT owner, attribute, target FROM edge WHERE target IN ?i AND attribute IN ?i",
        list(identities),
        sorted(rules.streamed),
    )
    dirty_edges(session, rules, [(row[0], row[1], row[2]) for row in rows])


def object_appeared(session: Session, rules: Rules, objects: Sequence[int], identities: Sequence[int]) -> None:
    """Identities got these objects, made by us or by another hand: what refers to them, and who waited, goes on."""
    resolve_by_object(session, rules, objects)
    dirty_targets(session, rules, identities)
    owners = [row[0] for row in session.rows("SELECT owner FROM waiting WHERE target IN ?i", list(identities))]
    if owners:
        session.run("DELETE FROM waiting WHERE target IN ?i", list(identities))
        session.run("UPDATE identity SET dirty = dirty | 2 WHERE id IN ?i", owners)


def _mark_owners(session: Session, rules: Rules, edges: Iterable[tuple[int, int]]) -> None:
    """Owners whose edges (owner, attribute) changed are worked out again, and so is who reads through those edges."""
    changed: dict[int, set[str]] = {}
    for owner, attribute in edges:
        changed.setdefault(owner, set()).add(rules.names.text(attribute))
    if changed:
        session.run("UPDATE identity SET dirty = dirty | 2 WHERE id IN ?i", sorted(changed))
        wake_readers(session, rules, changed)


def release_identities(session: Session, rules: Rules, identities: Sequence[int]) -> None:
    """The identities are no more: edges that led to them wait again."""
    rows = session.rows("SELECT owner, attribute, target FROM edge WHERE target IN ?i", list(identities))
    if rows:
        session.run("UPDATE edge SET target = NULL WHERE target IN ?i", list(identities))
        dirty_edges(session, rules, rows)
        _mark_owners(session, rules, {(row[0], row[1]) for row in rows})


def forget_origin(session: Session, rules: Rules, objects: Sequence[int]) -> None:
    """The objects are joined to nobody any more: the edges they showed go."""
    if not objects:
        return
    rows = session.rows("SELECT owner, attribute, target FROM edge WHERE origin IN ?i", list(objects))
    if rows:
        session.run("DELETE FROM edge WHERE origin IN ?i", list(objects))
        dirty_edges(session, rules, [(row[0], row[1], row[2]) for row in rows])
        _mark_owners(session, rules, {(row[0], row[1]) for row in rows})
        _contest(session, rules, {(row[0], row[1]) for row in rows})


def forget_attribute(session: Session, rules: Rules, mapping: int, attribute: int) -> None:
    """The edges of one attribute that objects of a mapping showed go; they are read anew, if at all."""
    origins = "origin IN (SELECT id FROM object WHERE mapping = ?) AND attribute = ?"
    rows = session.rows(f"SELECT owner, attribute, target FROM edge WHERE {origins}", mapping, attribute)
    if rows:
        session.run(f"DELETE FROM edge WHERE {origins}", mapping, attribute)
        dirty_edges(session, rules, [(row[0], row[1], row[2]) for row in rows])
        _mark_owners(session, rules, {(row[0], row[1]) for row in rows})
        _contest(session, rules, {(row[0], row[1]) for row in rows})


def release_targets(session: Session, rules: Rules, objects: Sequence[tuple[int, int, str, str | None]]) -> None:
    """Objects (id, space, anchor, name) are no longer what their anchor or name leads to: those edges wait again."""
    pairs = _names_of(rules, [(space, anchor, ref) for _, space, anchor, ref in objects])
    _settle(session, rules, pairs, {})


def resolve_by_object(session: Session, rules: Rules, objects: Sequence[int]) -> None:
    """Edges that waited for the anchor or name of these joined objects find their identity."""
    if not objects or not rules.object_hows:
        return
    rows = session.rows("SELECT space, anchor, ref FROM object WHERE id IN ?i", list(objects))
    pairs = _names_of(rules, [(row[0], row[1], row[2]) for row in rows])
    _settle(session, rules, pairs, look_up(session, rules, pairs))


def resolve_by_key(session: Session, rules: Rules, keys: Sequence[tuple[int, str]]) -> None:
    """Edges that name their target by one of these join keys are looked up again (a key came or went)."""
    pairs = [pair for pair in keys if pair[0] in rules.key_hows]
    _settle(session, rules, pairs, look_up(session, rules, pairs))


def _names_of(rules: Rules, objects: Sequence[tuple[int, str, str | None]]) -> list[tuple[int, str]]:
    pairs: list[tuple[int, str]] = []
    for space, anchor, ref in objects:
        for how in rules.object_hows.get(space, ()):
            kind, argument = rules.hows[how]
            named = kind == "system" and rules.naming.get(argument)
            text = ref if named else anchor
            if text is not None:
                pairs.append((how, text))
    return pairs


def _settle(
    session: Session, rules: Rules, pairs: Sequence[tuple[int, str]], found: Mapping[tuple[int, str], Found]
) -> None:
    """Give the edges with these keys the target found for them, or none."""
    by_how: dict[int, list[str]] = {}
    for how, key in pairs:
        by_how.setdefault(how, []).append(key)
    updates: list[tuple[Any, ...]] = []
    touched: list[tuple[int, int, int | None]] = []
    for how, keys in by_how.items():
        for owner, attribute, origin, key, target, had in session.rows(
            "SELECT owner, attribute, origin, key, target, account FROM edge WHERE how = ? AND key IN ?t",
            how,
            sorted(set(keys)),
        ):
            new, account = found.get((how, key), (None, rules.main))
            if (new, account) != (target, had):
                updates.append((new, account, owner, attribute, origin, how, key))
                touched.extend(((owner, attribute, target), (owner, attribute, new)))
    session.update("edge", ("target", "account"), _EDGE_KEY, updates)
    dirty_edges(session, rules, touched)
    _mark_owners(session, rules, {(row[2], row[3]) for row in updates})


# --- large references, straight from what an object shows


def stream_joined(session: Session, rules: Rules, objects: Sequence[tuple[int, CompiledMapping, int]]) -> None:
    """Objects (id, mapping, identity) were just joined: all that they show of large references becomes edges.

    Those that we write are held against the edges as a whole, once.
    """
    dirty_texts(session, rules, [(identity, flow.edge, "") for _, m, identity in objects for flow in m.streams])
    for number, mapping, identity in objects:
        for flow in mapping.inbound:
            if flow.streamed is None:
                continue
            shown_id = flow.streamed_id
            texts = [
                row[0]
                for row in session.rows(
                    "SELECT text FROM shown WHERE object = ? AND attribute = ? AND wrote = 0", number, shown_id
                )
            ]
            _add_streamed(session, rules, flow, number, identity, texts)


def _add_streamed(
    session: Session, rules: Rules, flow: CompiledInbound, number: int, identity: int, texts: Sequence[str]
) -> None:
    for start in range(0, len(texts), CHUNK):
        keys = [edge_key(rules, flow.how, text) for text in texts[start : start + CHUNK]]
        found = look_up(session, rules, ((flow.how, key) for key in keys))
        rows = []
        for key in keys:
            target, account = found.get((flow.how, key), (None, rules.main))
            rows.append((identity, flow.attribute_id, number, flow.how, key, target, account))
        session.upsert("edge", _EDGE, _EDGE_KEY, rows)
        dirty_edges(session, rules, [(identity, flow.attribute_id, row[5]) for row in rows])
    if texts:
        _mark_owners(session, rules, [(identity, flow.attribute_id)])
        _contest(session, rules, [(identity, flow.attribute_id)])


def _contest(session: Session, rules: Rules, edges: Iterable[tuple[int, int]]) -> None:
    """Where sources are ranked, and not merged, an edge of one may bring in or push out all those of another."""
    dirty_texts(session, rules, [(owner, attribute, "") for owner, attribute in edges if attribute in rules.contested])


def stream_changed(session: Session, rules: Rules) -> int:
    """Turn the shown values that an import changed into edges; at most one chunk. How many there were."""
    done = session.rows(
        "SELECT object, attribute, text FROM shown_dirty ORDER BY object, attribute, text LIMIT ?", CHUNK
    )
    last = done[-1] if done else (0, 0, "")
    rows = session.rows(
        "SELECT d.object, d.attribute, d.text, o.identity, o.mapping, o.gone, s.wrote FROM shown_dirty d "
        "JOIN object o ON o.id = d.object "
        "LEFT JOIN shown s ON s.object = d.object AND s.attribute = d.attribute AND s.text = d.text "
        "WHERE (d.object, d.attribute, d.text) <= (?, ?, ?)",
        *last,
    )
    if rules.clearing:
        wake_cleared(
            session,
            rules,
            session.rows(
                "SELECT o.space, d.text FROM shown_dirty d JOIN object o ON o.id = d.object "
                "WHERE (d.object, d.attribute, d.text) <= (?, ?, ?)",
                *last,
            ),
        )
    added: dict[tuple[int, int, int], tuple[CompiledInbound, list[str]]] = {}
    gone: dict[tuple[int, int, int], tuple[CompiledInbound, list[str]]] = {}
    drifted: list[tuple[int, int, str]] = []
    for number, attribute, text, identity, mapping_id, dead, wrote in rows:
        mapping = rules.mappings.get(mapping_id)
        if mapping is None or identity is None or dead:
            continue
        drifted.extend(
            (identity, flow.edge, text)
            for flow in mapping.streams
            if flow.attribute_id == attribute and flow.flow.enforce == "always"
        )
        for flow in mapping.inbound:
            if flow.streamed is None or flow.streamed_id != attribute:
                continue
            if wrote == 0:
                added.setdefault((number, identity, attribute), (flow, []))[1].append(text)
            elif wrote is None:
                gone.setdefault((number, identity, attribute), (flow, []))[1].append(text)
    for (number, identity, _), (flow, texts) in added.items():
        _add_streamed(session, rules, flow, number, identity, texts)
    for (number, identity, _), (flow, texts) in gone.items():
        _remove_streamed(session, rules, flow, number, identity, texts)
    dirty_texts(session, rules, drifted)
    session.delete("shown_dirty", ("object", "attribute", "text"), done)
    return len(done)


def _remove_streamed(
    session: Session, rules: Rules, flow: CompiledInbound, number: int, identity: int, texts: Sequence[str]
) -> None:
    keys = [edge_key(rules, flow.how, text) for text in texts]
    targets = session.rows(
        "SELECT target FROM edge WHERE owner = ? AND attribute = ? AND origin = ? AND how = ? AND key IN ?t",
        identity,
        flow.attribute_id,
        number,
        flow.how,
        keys,
    )
    session.delete("edge", _EDGE_KEY, [(identity, flow.attribute_id, number, flow.how, key) for key in keys])
    dirty_edges(session, rules, [(identity, flow.attribute_id, row[0]) for row in targets])
    _mark_owners(session, rules, [(identity, flow.attribute_id)])
    _contest(session, rules, [(identity, flow.attribute_id)])


# --- which edges count, and how a system spells names


def outranked(session: Session, rules: Rules, owner: int, attribute: int, mapping: CompiledMapping) -> list[int]:
    """The objects of the owner whose edges the mapping does not write.

    All of them where a hold says what there is. Those of an account that is neither the main one nor the mapping's own;
    and, unless the sources are merged, all but the objects of the best source that shows something (by precedence, then
    anchor).
    """
    reading = {
        m.id: (m, flow)
        for m in rules.mappings.values()
        for flow in m.inbound
        if flow.attribute_id == attribute and m.rules.identity == mapping.rules.identity
    }
    held = session.one(
        "SELECT key FROM edge WHERE owner = ? AND attribute = ? AND origin = ? LIMIT 1", owner, attribute, HELD
    )
    if held is not None:
        return [row[0] for row in session.rows("SELECT id FROM object WHERE identity = ?", owner)]
    if attribute not in rules.contested and all(m.rules.account == "main" for m, _ in reading.values()):
        return []
    ignored: list[int] = []
    ranked: list[tuple[int, str, int]] = []
    for number, mapping_id, anchor in session.rows(
        "SELECT id, mapping, anchor FROM object WHERE identity = ? AND mapping IN ?i AND gone = 0",
        owner,
        sorted(reading),
    ):
        source, flow = reading[mapping_id]
        if source.rules.account not in ("main", mapping.rules.account):
            ignored.append(number)
            continue
        ranked.append((flow.flow.precedence, anchor, number))
    for position, (_, _, number) in enumerate(sorted(ranked) if attribute in rules.contested else ()):
        if session.one(
            "SELECT origin FROM edge WHERE owner = ? AND attribute = ? AND origin = ? LIMIT 1", owner, attribute, number
        ):
            return ignored + [entry[2] for entry in sorted(ranked)[position + 1 :]]
    return ignored


def spelled(session: Session, rules: Rules, system: str, texts: Sequence[str]) -> dict[str, str]:
    """How the system itself writes these names, where names are compared in another form than they are written."""
    if not rules.naming.get(system):
        return {}
    found: dict[str, str] = {}
    for space, ref, data in session.rows(
        "SELECT space, ref, doc FROM object WHERE ref IN ?t AND space IN ?i AND gone = 0",
        list(texts),
        rules.spaces_of(system),
    ):
        schema = rules.schema_of(space)
        name = decode(data).get(schema.naming) if schema is not None and schema.naming else None
        if isinstance(name, str):
            found[ref] = name
    return found
