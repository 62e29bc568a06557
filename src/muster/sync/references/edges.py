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
from muster.store.database import CHUNK, Session
from muster.sync.references.edge_marks import dirty_edges, dirty_targets, dirty_texts, mark_owners
from muster.sync.references.key_owners import forget_shared, key_owners
from muster.sync.rules.ruleset import HELD, NO_LOOKUP, Rules

EDGE: Final = ("owner", "attribute", "origin", "how", "key", "target", "account")
EDGE_KEY: Final = ("owner", "attribute", "origin", "how", "key")
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
    """What the keys name. A key that nothing answers to is left out, and one that several identities had at once."""
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
                owners = key_owners(session, how, part)
                found.update({(how, key): (identity, rules.main) for key, identity in owners.items()})
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
    session.delete("edge", EDGE_KEY, old)
    session.upsert("edge", EDGE, EDGE_KEY, rows)
    dirty_edges(session, rules, [(row[0], row[1], row[5]) for row in rows])
    dirty_edges(session, rules, [(key[0], key[1], had[key]) for key in old])
    mark_owners(session, rules, {(key[0], key[1]) for key in (*new, *old)} if rules.paths else ())
    held = {(key[0], key[1]) for key in (*new, *old) if key[2] == HELD and key[1] in rules.streamed}
    dirty_texts(session, rules, [(owner, attribute, "") for owner, attribute in held])
    return {key[0] for key in new} | {key[0] for key in old}


def object_appeared(session: Session, rules: Rules, objects: Sequence[int], identities: Sequence[int]) -> None:
    """Identities got these objects, made by us or by another hand: what refers to them, and who waited, goes on."""
    resolve_by_object(session, rules, objects)
    dirty_targets(session, rules, identities)
    owners = [row[0] for row in session.rows("SELECT owner FROM waiting WHERE target IN ?i", list(identities))]
    if owners:
        session.run("DELETE FROM waiting WHERE target IN ?i", list(identities))
        session.run("UPDATE identity SET dirty = dirty | 2 WHERE id IN ?i", owners)


def release_identities(session: Session, rules: Rules, identities: Sequence[int]) -> None:
    """The identities are no more: edges that led to them wait again."""
    rows = session.rows("SELECT owner, attribute, target FROM edge WHERE target IN ?i", list(identities))
    if rows:
        session.run("UPDATE edge SET target = NULL WHERE target IN ?i", list(identities))
        dirty_edges(session, rules, rows)
        mark_owners(session, rules, {(row[0], row[1]) for row in rows})


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
    """Edges that name their target by one of these join keys are looked up again (a key came or went).

    Whoever had a key before keeps what refers to him when somebody else gets it, too.
    """
    pairs = [pair for pair in keys if pair[0] in rules.key_hows]
    forget_shared(session, pairs)
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
    session.update("edge", ("target", "account"), EDGE_KEY, updates)
    dirty_edges(session, rules, touched)
    mark_owners(session, rules, {(row[2], row[3]) for row in updates})
