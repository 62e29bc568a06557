"""What a changed rule asks to be worked out again (docs/reference/rule-changes.md has the table)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from muster.store.codec import decode
from muster.store.database import CHUNK, Database, Session, chunks
from muster.store.decided import Decided, seal
from muster.sync.problems import Report
from muster.sync.queue.queued import drop_changes
from muster.sync.references.edge_marks import NOBODY, dirty_texts
from muster.sync.references.edge_plan import return_edges
from muster.sync.references.edge_streams import forget_attribute, forget_origin
from muster.sync.references.edges import release_targets, resolve_by_object
from muster.sync.references.key_owners import add_keys
from muster.sync.references.naming import wake_referrers
from muster.sync.rules.indexes import value_keys
from muster.sync.rules.ruleset import HELD, CompiledMapping, Rules, identity_keys
from muster.sync.safety.frozen import frozen_mappings, frozen_problems
from muster.sync.showing import EVERYTHING

_OBJECTS = frozenset({"mapping", "scope", "join", "project"})
"""Parts that decide which objects take part, and whose they are."""
_READS = frozenset({"inbound"})


def apply_rule_changes(rules: Rules, database: Database, report: Report) -> int:
    """Mark what the rules that changed since the last run touch; how many parts of rules changed."""
    _follow_names(rules, database)
    with database.read() as session:
        known: dict[str, dict[str, str]] = {}
        for mapping, part, mark in session.rows("SELECT mapping, part, digest FROM rule"):
            known.setdefault(mapping, {})[part] = mark
    wanted = _digests(rules)
    changed = {
        name: {part for part in parts.keys() | had.keys() if parts.get(part) != had.get(part)}
        for name, parts in wanted.items()
        if parts != (had := known.get(name, {}))
    }
    gone = [name for name in known if name not in wanted]
    _set_apart(rules, database, [name for name, parts in changed.items() if name in known and "mapping" in parts])
    with database.write() as session:
        for name, different in changed.items():
            _touch(session, rules, name, different, fresh=name not in known)
        _backfill_keys(session, rules, known.get("keys", {}).keys(), wanted["keys"].keys())
        _backfill_values(session, rules, known.get("values", {}).keys())
        session.run("DELETE FROM rule WHERE mapping IN ?t", sorted({*changed, *gone}))
        rows = [(name, part, mark) for name in changed for part, mark in wanted[name].items()]
        session.insert("rule", ("mapping", "part", "digest"), rows)
    _freeze(rules, database, report)
    return sum(len(different) for different in changed.values())


def _follow_names(rules: Rules, database: Database) -> None:
    """`was: OLD`: whatever the store keeps under the old name of a mapping stands under its new one."""
    for mapping in rules.mappings.values():
        old, new = mapping.rules.was, mapping.name
        if old is None:
            continue
        number = rules.names.known("mapping").get(old)
        with database.write() as session:
            session.run("UPDATE hold SET mapping = ? WHERE mapping = ?", new, old)
            if session.one("SELECT part FROM rule WHERE mapping = ?", new) is None:
                session.run("UPDATE rule SET mapping = ? WHERE mapping = ?", new, old)
            else:
                session.run("DELETE FROM rule WHERE mapping = ?", old)
            if number is not None and number != mapping.id:
                session.run("DELETE FROM rule WHERE mapping = ?", new)
                _hand_over(session, number, mapping.id)
        if number is not None and number != mapping.id:
            rules.names.forget("mapping", old)


def _set_apart(rules: Rules, database: Database, changed: Sequence[str]) -> None:
    """A mapping that turned to another system, object type or identity type lets go of what it held before.

    Those objects are frozen under a name of their own, as those of a removed mapping are.
    """
    for mapping in [m for m in rules.mappings.values() if m.name in changed]:
        with database.read() as session:
            rows = session.rows(
                "SELECT o.id, o.identity, o.space, i.type FROM object o LEFT JOIN identity i ON i.id = o.identity "
                "WHERE o.mapping = ? AND (o.space <> ? OR i.type <> ?) ORDER BY o.id",
                mapping.id,
                mapping.space,
                mapping.rules.identity,
            )
        if not rows:
            continue
        system, kind = rules.spaces[rows[0][2]]
        alias = f"{mapping.name} ({system}/{kind}, {rows[0][3] or mapping.rules.identity})"
        number = rules.names.id("mapping", alias)
        with database.write() as session:
            drop_pending(session, rules, mapping.id)
            session.update("object", ("mapping",), ("id",), [(number, row[0]) for row in rows])
            session.run(
                "UPDATE presence SET mapping = ? WHERE mapping = ? AND identity IN ?i",
                number,
                mapping.id,
                sorted({row[1] for row in rows if row[1] is not None}),
            )


def _hand_over(session: Session, old: int, new: int) -> None:
    """What one mapping holds is another's from now on; it is all looked at again."""
    session.run("UPDATE object SET mapping = ? WHERE mapping = ?", new, old)
    session.run(
        "DELETE FROM presence WHERE mapping = ? AND identity IN (SELECT identity FROM presence WHERE mapping = ?)",
        new,
        old,
    )
    session.run("UPDATE presence SET mapping = ? WHERE mapping = ?", new, old)


def drop_pending(session: Session, rules: Rules, mapping: int) -> None:
    """What is pending for a mapping is not made; its large references are compared again when it has some."""
    rows = session.rows("SELECT id, identity, action FROM change WHERE state = 0 AND mapping = ?", mapping)
    pending = [row[0] for row in rows]
    return_edges(session, rules, pending)
    wake_referrers(session, rules, {row[1] for row in rows if row[2] == "delete"})
    drop_changes(session, pending)


def _digests(rules: Rules) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for mapping in rules.mappings.values():
        found[mapping.name] = dict(mapping.rules.digests)
    for name, kind in rules.types.items():
        found[f"metaverse:{name}"] = {c.attribute.name: c.digest for c in kind.computed}
    found["keys"] = {str(sig): "1" for kind in rules.types.values() for sig, _ in kind.keys}
    found["values"] = {str(one.sig): "1" for entries in rules.indexed.values() for one in entries}
    return found


def _touch(session: Session, rules: Rules, name: str, parts: set[str], *, fresh: bool) -> None:
    if name in ("keys", "values"):
        return
    if name.startswith("metaverse:"):
        session.run("UPDATE identity SET dirty = dirty | 3 WHERE type = ?", name.partition(":")[2])
        return
    mapping = next(m for m in rules.mappings.values() if m.name == name)
    heads = {part.partition(":")[0] for part in parts}
    if fresh or heads & _OBJECTS:
        session.run("UPDATE object SET dirty = 1 WHERE space = ? AND dirty = 0", mapping.space)
    if "mapping" in parts and not fresh:
        _relabel(session, rules, mapping)
    if fresh or heads & _READS:
        _touch_read(session, rules, mapping, {part.partition(":")[2] for part in parts if part.startswith("inbound:")})
    if fresh or heads - _READS:
        outbound = mapping.rules.outbound
        if outbound is None or outbound.provision is None:
            session.run("DELETE FROM presence WHERE mapping = ?", mapping.id)
        if outbound is None:
            drop_pending(session, rules, mapping.id)
        session.run("UPDATE identity SET dirty = dirty | 2 WHERE type = ?", mapping.rules.identity)
        _touch_streams(session, mapping, parts, fresh=fresh)


def _relabel(session: Session, rules: Rules, mapping: CompiledMapping) -> None:
    """The objects of the mapping may be another of people's accounts now: references to them, and of them, follow."""
    for batch in chunks(
        session.rows("SELECT id, identity FROM object WHERE mapping = ? AND identity IS NOT NULL", mapping.id)
    ):
        resolve_by_object(session, rules, [row[0] for row in batch])
        owners = sorted({row[1] for row in batch})
        wake_referrers(session, rules, owners)
        written = [flow.attribute_id for flow in mapping.inbound if flow.attribute_id in rules.streamed]
        dirty_texts(session, rules, [(owner, attribute, "") for owner in owners for attribute in written])


def _touch_read(session: Session, rules: Rules, mapping: CompiledMapping, names: set[str]) -> None:
    """The identities are worked out again; references that are read otherwise than before are read anew."""
    session.run(
        "UPDATE identity SET dirty = dirty | 3 WHERE id IN "
        "(SELECT identity FROM object WHERE mapping = ? AND identity IS NOT NULL)",
        mapping.id,
    )
    references = rules.types[mapping.rules.identity].references
    for name in sorted(names & references.keys()):
        forget_attribute(session, rules, mapping.id, references[name])
        session.run(
            "UPDATE identity SET dirty = dirty | 3 WHERE id IN "
            f"(SELECT owner FROM edge WHERE origin = {HELD} AND +attribute = ?)",
            references[name],
        )
    if any(flow.streamed is not None and flow.flow.attribute.name in names for flow in mapping.inbound):
        session.run(
            f"INSERT INTO shown_dirty (object, attribute, text) SELECT id, {EVERYTHING}, '' FROM object "
            "WHERE mapping = ? AND identity IS NOT NULL ON CONFLICT DO NOTHING",
            mapping.id,
        )


def _touch_streams(session: Session, mapping: CompiledMapping, parts: set[str], *, fresh: bool) -> None:
    """Large references whose flow is new or changed are compared whole, once."""
    for flow in mapping.streams:
        if fresh or "actions" in parts or f"outbound:{flow.flow.attribute}" in parts:
            session.run(
                f"INSERT INTO edge_dirty (owner, attribute, target, text) SELECT DISTINCT identity, {flow.edge}, "
                f"{NOBODY}, '' FROM object WHERE mapping = ? AND identity IS NOT NULL ON CONFLICT DO NOTHING",
                mapping.id,
            )


def _backfill_keys(session: Session, rules: Rules, had: Any, wanted: Any) -> None:
    """Join keys that no rule asked for before are worked out for every identity."""
    new = {int(sig) for sig in wanted} - {int(sig) for sig in had}
    if not new:
        return
    for name, kind in rules.types.items():
        if not any(sig in new for sig, _ in kind.keys):
            continue
        after = 0
        while True:
            rows = session.rows(
                "SELECT id, doc FROM identity WHERE type = ? AND id > ? ORDER BY id LIMIT ?", name, after, CHUNK
            )
            if not rows:
                break
            after = rows[-1][0]
            keys = [
                (sig, key, number, 0)
                for number, data in rows
                for sig, key in identity_keys(kind, decode(data))
                if sig in new
            ]
            add_keys(session, keys)


def _backfill_values(session: Session, rules: Rules, had: Any) -> None:
    """Indexes of object values that no rule asked for before are filled."""
    old = {int(sig) for sig in had}
    for space, entries in rules.indexed.items():
        new = [entry for entry in entries if entry.sig not in old]
        if not new:
            continue
        after = 0
        while True:
            rows = session.rows(
                "SELECT id, doc FROM object WHERE space = ? AND id > ? ORDER BY id LIMIT ?", space, after, CHUNK
            )
            if not rows:
                break
            after = rows[-1][0]
            columns = ("sig", "key", "object")
            keys = [key for number, data in rows for key in value_keys(new, decode(data), number)]
            session.upsert("object_key", columns, columns, keys)


def _freeze(rules: Rules, database: Database, report: Report) -> None:
    """What is left of mappings that are gone stays as it is, and is told."""
    with database.write() as session:
        for number in frozen_mappings(rules.names, rules.project).values():
            drop_pending(session, rules, number)
    with database.read() as session:
        for problem in frozen_problems(session, rules.names, rules.project):
            report.add(problem)


def retire(rules: Rules, database: Database, name: str, decided: Decided) -> int:
    """Let go of the objects of a mapping that the project no longer has; how many there were.

    They are joined to nobody any more: what only they held of an identity goes with the next run. The decision is
    sealed in the audit trail.
    """
    number = rules.names.id("mapping", name)
    with database.write() as session:
        rows = session.rows(
            "SELECT id, space, anchor, ref FROM object WHERE mapping = ? AND identity IS NOT NULL", number
        )
        session.run(
            "UPDATE identity SET dirty = dirty | 3 WHERE id IN "
            "(SELECT identity FROM object WHERE mapping = ? AND identity IS NOT NULL)",
            number,
        )
        for batch in chunks(rows):
            release_targets(session, rules, [(row[0], row[1], row[2], row[3]) for row in batch])
            forget_origin(session, rules, [row[0] for row in batch])
        drop_pending(session, rules, number)
        session.run("UPDATE object SET mapping = NULL, identity = NULL, dirty = 1 WHERE mapping = ?", number)
        session.run("DELETE FROM presence WHERE mapping = ?", number)
        session.run("DELETE FROM left_out WHERE mapping = ?", number)
        session.run("DELETE FROM rule WHERE mapping = ?", name)
        seal(session, "retire", name, decided, what=f"{len(rows)} objects")
    rules.names.forget("mapping", name)
    return len(rows)
