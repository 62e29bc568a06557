"""Attributes read through a reference: `[manager.mail]`, `[manager.manager.displayName]`, `[manager]` itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from muster.model.values import Document, Value
from muster.store.codec import decode
from muster.store.database import Session
from muster.sync.rules import CompiledType, Rules


def load_paths(
    session: Session, rules: Rules, kind: CompiledType, identities: Sequence[int], paths: Iterable[str]
) -> dict[int, dict[str, Value]]:
    """The values of the paths for these identities; a path that leads nowhere is left out."""
    found: dict[int, dict[str, Value]] = {}
    by_reference: dict[str, list[str]] = {}
    for path in paths:
        reference, _, rest = path.partition(".")
        if reference in kind.references:
            by_reference.setdefault(reference, []).append(rest)
    for reference, rests in by_reference.items():
        targets: dict[int, list[int]] = {}
        documents: dict[int, tuple[str, str, Document]] = {}
        for owner, target, uid, type_name, data in session.rows(
            "SELECT e.owner, e.target, i.uid, i.type, i.doc FROM edge e JOIN identity i ON i.id = e.target "
            "WHERE e.owner IN ?i AND e.attribute = ? ORDER BY e.owner, e.target",
            list(identities),
            kind.references[reference],
        ):
            targets.setdefault(target, []).append(owner)
            documents[target] = (uid, type_name, decode(data))
        deeper = [rest for rest in rests if "." in rest]
        below: dict[int, dict[str, Value]] = {}
        for type_name in {entry[1] for entry in documents.values()} if deeper else ():
            numbers = [number for number, entry in documents.items() if entry[1] == type_name]
            below.update(load_paths(session, rules, rules.types[type_name], numbers, deeper))
        for target, owners in targets.items():
            uid, _, document = documents[target]
            for rest in rests:
                path = f"{reference}.{rest}" if rest else reference
                value = uid if not rest else below.get(target, {}).get(rest) if "." in rest else document.get(rest)
                if value is not None:
                    for owner in owners:
                        found.setdefault(owner, {}).setdefault(path, value)
    return found


def wake_readers(session: Session, rules: Rules, changed: Mapping[int, Collection[str]]) -> None:
    """Identities that read one of the changed attributes (or references) through references are worked out again."""
    for path, computing in rules.paths.items():
        steps = path.split(".")
        for position, step in enumerate(steps):
            readers = [number for number, names in changed.items() if step in names]
            for reference in reversed(steps[:position]):
                if not readers:
                    break
                readers = [
                    row[0]
                    for row in session.rows(
                        "SELECT DISTINCT owner FROM edge WHERE target IN ?i AND attribute = ?",
                        readers,
                        rules.names.id("attribute", reference),
                    )
                ]
            if readers:
                session.run(f"UPDATE identity SET dirty = dirty | {3 if computing else 2} WHERE id IN ?i", readers)
