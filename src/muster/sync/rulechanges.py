"""What a changed rule asks to be worked out again (docs/reference/rule-changes.md has the table)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster.store.codec import decode
from muster.store.database import CHUNK, Database, Session
from muster.sync.edges import NOBODY
from muster.sync.importing import value_keys
from muster.sync.problems import Problem, Report
from muster.sync.rules import CompiledMapping, Rules, identity_keys

_OBJECTS = ("mapping", "scope", "join", "project")
_INBOUND = ("inbound",)


def apply_rule_changes(rules: Rules, database: Database, report: Report) -> int:
    """Mark what the rules that changed since the last run touch; how many parts of rules changed."""
    with database.read() as session:
        known: dict[str, dict[str, str]] = {}
        for mapping, part, mark in session.rows("SELECT mapping, part, digest FROM rule"):
            known.setdefault(mapping, {})[part] = mark
    wanted = _digests(rules)
    changed = 0
    with database.write() as session:
        for name, parts in wanted.items():
            had = known.get(name, {})
            different = {part for part in parts.keys() | had.keys() if parts.get(part) != had.get(part)}
            if different:
                changed += len(different)
                _touch(session, rules, name, different, fresh=not had)
        _backfill_keys(session, rules, known.get("keys", {}).keys(), wanted["keys"].keys())
        _backfill_values(session, rules, known.get("values", {}).keys())
        gone = [name for name in known if name not in wanted]
        rows = [(name, part, mark) for name, parts in wanted.items() for part, mark in parts.items()]
        if changed or gone:
            names = sorted(wanted)
            session.run("DELETE FROM rule WHERE mapping IN ?t", names)
            session.insert("rule", ("mapping", "part", "digest"), rows)
    _report_frozen(rules, database, report)
    return changed


def _digests(rules: Rules) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for mapping in rules.mappings.values():
        found[mapping.name] = dict(mapping.rules.digests)
    for name, kind in rules.types.items():
        found[f"metaverse:{name}"] = {c.attribute.name: c.digest for c in kind.computed}
    found["keys"] = {str(sig): "1" for kind in rules.types.values() for sig, _ in kind.keys}
    found["values"] = {str(sig): "1" for entries in rules.unique_sigs.values() for sig, _ in entries}
    return found


def _touch(session: Session, rules: Rules, name: str, parts: set[str], *, fresh: bool) -> None:
    if name in ("keys", "values"):
        return
    if name.startswith("metaverse:"):
        session.run("UPDATE identity SET dirty = dirty | 3 WHERE type = ?", name.partition(":")[2])
        return
    mapping = next(m for m in rules.mappings.values() if m.name == name)
    heads = {part.partition(":")[0] for part in parts}
    if fresh or heads & set(_OBJECTS):
        session.run("UPDATE object SET dirty = 1 WHERE space = ? AND dirty = 0", mapping.space)
    if heads & set(_INBOUND):
        session.run(
            "UPDATE identity SET dirty = dirty | 3 WHERE id IN "
            "(SELECT identity FROM object WHERE mapping = ? AND identity IS NOT NULL)",
            mapping.id,
        )
    if mapping.rules.outbound is not None and (fresh or heads - set(_OBJECTS) - set(_INBOUND)):
        session.run("UPDATE identity SET dirty = dirty | 2 WHERE type = ?", mapping.rules.identity)
        _touch_streams(session, mapping, parts, fresh=fresh)


def _touch_streams(session: Session, mapping: CompiledMapping, parts: set[str], *, fresh: bool) -> None:
    """Large references whose flow is new or changed are compared whole, once."""
    for flow in mapping.streams:
        if fresh or f"outbound:{flow.flow.attribute}" in parts:
            session.run(
                "INSERT INTO edge_dirty (owner, attribute, target, text) SELECT DISTINCT owner, attribute, "
                f"{NOBODY}, '' FROM edge WHERE attribute = ? ON CONFLICT DO NOTHING",
                flow.edge,
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
                (sig, key, number)
                for number, data in rows
                for sig, key in identity_keys(kind, decode(data))
                if sig in new
            ]
            columns = ("sig", "key", "identity")
            session.upsert("identity_key", columns, columns, keys)


def _backfill_values(session: Session, rules: Rules, had: Any) -> None:
    """Indexes of object values that no rule asked for before are filled."""
    old = {int(sig) for sig in had}
    for space, entries in rules.unique_sigs.items():
        new = [entry for entry in entries if entry[0] not in old]
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


def _report_frozen(rules: Rules, database: Database, report: Report) -> None:
    frozen: Mapping[str, int] = {name: rules.names.id("mapping", name) for name in rules.frozen}
    for name, number in frozen.items():
        with database.write() as session:
            session.run("DELETE FROM change WHERE state = 0 AND mapping = ?", number)
            count = session.value("SELECT COUNT(*) FROM object WHERE mapping = ? AND identity IS NOT NULL", number)
        if count:
            report.add(
                Problem(
                    "frozen",
                    "",
                    f"mapping {name} is no longer in the project; its {count} objects are left as they are. "
                    f"To let go of them: muster retire {name}; if it was renamed, say `was: {name}` in the new file",
                    note=True,
                )
            )


def retire(rules: Rules, database: Database, name: str) -> int:
    """Let go of the objects of a mapping that the project no longer has; how many there were.

    They are joined to nobody any more: what only they held of an identity goes with the next run.
    """
    number = rules.names.id("mapping", name)
    with database.write() as session:
        rows = session.rows("SELECT id, identity FROM object WHERE mapping = ?", number)
        session.run(
            "UPDATE identity SET dirty = dirty | 3 WHERE id IN "
            "(SELECT identity FROM object WHERE mapping = ? AND identity IS NOT NULL)",
            number,
        )
        session.run("DELETE FROM edge WHERE origin IN (SELECT id FROM object WHERE mapping = ?)", number)
        session.run("UPDATE object SET mapping = NULL, identity = NULL, dirty = 1 WHERE mapping = ?", number)
        session.run("DELETE FROM presence WHERE mapping = ?", number)
        session.run("DELETE FROM change WHERE state = 0 AND mapping = ?", number)
        session.run("DELETE FROM rule WHERE mapping = ?", name)
        session.run("DELETE FROM name WHERE kind = 'mapping' AND text = ?", name)
    return len(rows)
