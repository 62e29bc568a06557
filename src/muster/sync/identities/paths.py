"""Attributes read through a reference: `[manager.mail]`, `[manager.manager.displayName]`, `[manager]` itself.

`[memberOf]` is the reverse of `members`: the names (`displayName`) of the groups whose members the identity is, sorted;
`[memberOf.mail]` is that attribute of theirs. Direct members alone count, and those of the main account.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from muster.model.values import Document, Value, items
from muster.project.metaverse import MEMBER_OF
from muster.store.codec import decode
from muster.store.database import CHUNK, Session, chunks
from muster.sync.rules.ruleset import CompiledType, Rules

MEMBERS: Final = "members"
"""The reference that `memberOf` is the reverse of."""


def load_paths(
    session: Session, rules: Rules, kind: CompiledType, identities: Sequence[int], paths: Iterable[str]
) -> dict[int, dict[str, Value]]:
    """The values of the paths for these identities; a path that leads nowhere is left out."""
    found: dict[int, dict[str, Value]] = {}
    by_reference: dict[str, list[str]] = {}
    groups: list[str] = []
    for path in paths:
        reference, _, rest = path.partition(".")
        if reference == MEMBER_OF:
            groups.append(rest)
        elif reference in kind.references:
            by_reference.setdefault(reference, []).append(rest)
    if groups:
        _load_groups(session, rules, identities, groups, found)
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
        deeper = [rest for rest in rests if "." in rest or rest == MEMBER_OF]
        below: dict[int, dict[str, Value]] = {}
        for type_name in {entry[1] for entry in documents.values()} if deeper else ():
            numbers = [number for number, entry in documents.items() if entry[1] == type_name]
            below.update(load_paths(session, rules, rules.types[type_name], numbers, deeper))
        for target, owners in targets.items():
            uid, _, document = documents[target]
            for rest in rests:
                path = f"{reference}.{rest}" if rest else reference
                value = uid if not rest else below.get(target, {}).get(rest) if rest in deeper else document.get(rest)
                if value is not None:
                    for owner in owners:
                        found.setdefault(owner, {}).setdefault(path, value)
    return found


def _load_groups(
    session: Session,
    rules: Rules,
    identities: Sequence[int],
    attributes: Sequence[str],
    found: dict[int, dict[str, Value]],
) -> None:
    """What the groups of these identities hold, as sorted lists; whoever is in no group has NULL."""
    documents: dict[int, Document] = {}
    groups: dict[int, list[int]] = {}
    for member, group, data in session.rows(
        "SELECT DISTINCT e.target, e.owner, i.doc FROM edge e JOIN identity i ON i.id = e.owner "
        "WHERE e.target IN ?i AND e.attribute = ? AND e.account = ?",
        list(identities),
        rules.names.id("attribute", MEMBERS),
        rules.main,
    ):
        groups.setdefault(member, []).append(group)
        documents.setdefault(group, decode(data))
    for member, numbers in groups.items():
        for attribute in attributes:
            values = {str(one) for n in numbers for one in items(documents[n].get(attribute or "displayName"))}
            if values:
                path = f"{MEMBER_OF}.{attribute}" if attribute else MEMBER_OF
                found.setdefault(member, {})[path] = sorted(values)


def path_ends(session: Session, rules: Rules, references: Sequence[str], readers: Sequence[int]) -> dict[int, set[int]]:
    """Whom these references lead to, one after the other; each with those who read through them."""
    found: dict[int, set[int]] = {number: {number} for number in readers}
    for reference in references:
        further: dict[int, set[int]] = {}
        for owner, target in session.rows(
            "SELECT DISTINCT owner, target FROM edge WHERE owner IN ?i AND attribute = ? AND target IS NOT NULL",
            sorted(found),
            rules.names.id("attribute", reference),
        ):
            further.setdefault(target, set()).update(found[owner])
        found = further
    return found


def lacking_paths(
    session: Session,
    rules: Rules,
    kind: CompiledType,
    identities: Sequence[int],
    lacking: Mapping[str, Collection[str]],
) -> dict[int, frozenset[str]]:
    """The paths of these identities that lead to attributes which those at their end (public ids) lack."""
    names = {name for some in lacking.values() for name in some}
    paths = [path for path in sorted(kind.paths) if path.rpartition(".")[2] in names and "." in path]
    found: dict[int, frozenset[str]] = {}
    for reference in sorted({path.rpartition(".")[0] for path in paths}):
        if MEMBER_OF in reference.split("."):
            continue
        ends = path_ends(session, rules, reference.split("."), identities)
        rows = session.rows("SELECT id, uid FROM identity WHERE uid IN ?t AND id IN ?i", sorted(lacking), sorted(ends))
        for number, uid in rows:
            those = {f"{reference}.{name}" for name in lacking[uid]} & set(paths)
            for reader in ends[number] if those else ():
                found[reader] = found.get(reader, frozenset()) | those
    return found


def wake_members(session: Session, rules: Rules, edges: Iterable[tuple[int, int, int | None]]) -> None:
    """Identities that came into or went out of a group (owner, attribute, target), where somebody reads `memberOf`."""
    if not any(MEMBER_OF in path.split(".") for path in rules.paths):
        return
    attribute = rules.names.id("attribute", MEMBERS)
    members = sorted({edge[2] for edge in edges if edge[1] == attribute and edge[2] is not None})
    for batch in chunks(members, CHUNK):
        wake_readers(session, rules, dict.fromkeys(batch, (MEMBER_OF,)))


def wake_lacking(session: Session, rules: Rules, changed: Mapping[int, Collection[str]]) -> None:
    """Identities with computed values of what others lack, or lack no more, are worked out again."""
    computing = {path.rpartition(".")[2] for path, computed in rules.paths.items() if computed}
    found = {number: names for number, lacking in changed.items() if (names := computing.intersection(lacking))}
    wake_readers(session, rules, found)


def wake_readers(
    session: Session, rules: Rules, changed: Mapping[int, Collection[str]], *, values: bool = True
) -> None:
    """Identities that read one of the changed attributes (or references) through references are worked out again; their
    objects alone, without `values`.
    """
    if not changed:
        return
    for path, computing in rules.paths.items():
        steps = path.split(".")
        if steps[-1] == MEMBER_OF:
            steps.append("displayName")
        for position, step in enumerate(steps):
            readers = [number for number, names in changed.items() if step in names]
            for reference in reversed(steps[:position]):
                if not readers:
                    break
                one, other = ("target", "owner") if reference == MEMBER_OF else ("owner", "target")
                readers = [
                    row[0]
                    for row in session.rows(
                        f"SELECT DISTINCT {one} FROM edge WHERE {other} IN ?i AND attribute = ? AND {one} IS NOT NULL",
                        readers,
                        rules.names.id("attribute", MEMBERS if reference == MEMBER_OF else reference),
                    )
                ]
            if readers:
                bits = 3 if computing and values else 2
                session.run(f"UPDATE identity SET dirty = dirty | {bits} WHERE id IN ?i", readers)
