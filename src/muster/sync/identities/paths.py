"""Attributes read through a reference: `[manager.mail]`, `[manager.manager.displayName]`, `[manager]` itself.

Through a reference of many values a path gives all the values that it leads to, each once, sorted: `[owners.mail]`.
`[memberOf]` is the reverse of `members`: the names (`displayName`) of the groups whose members the identity is;
`[memberOf.mail]` is that attribute of theirs. Direct members alone count, and those of the main account. What is
behind a large reference (`[members.mail]`) is no list of values: `check` refuses it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import inf
from typing import Final

from muster.model.values import Document, Scalar, Value, items
from muster.project.metaverse import MEMBER_OF
from muster.store.codec import decode
from muster.store.database import CHUNK, Session, chunks
from muster.sync.rules.ruleset import HELD, CompiledType, Rules

MEMBERS: Final = "members"
"""The reference that `memberOf` is the reverse of."""

_Rank = tuple[float, str, int]
_HELD: Final[_Rank] = (-inf, "", 0)
_OBJECT: Final[_Rank] = (inf, "", 0)


def whole_path(path: str) -> str:
    """The path to the attribute that is read in the end: `memberOf` by itself gives the names of groups."""
    return f"{path}.displayName" if path.rpartition(".")[2] == MEMBER_OF else path


def load_paths(
    session: Session, rules: Rules, kind: CompiledType, identities: Sequence[int], paths: Iterable[str]
) -> dict[int, dict[str, Value]]:
    """The values of the paths for these identities; a path that leads nowhere is left out."""
    found: dict[int, dict[str, Value]] = {}
    by_reference: dict[str, dict[str, str]] = {}
    for path in paths:
        reference, _, rest = whole_path(path).partition(".")
        if reference == MEMBER_OF or reference in kind.references:
            by_reference.setdefault(reference, {})[path] = rest
    for reference, rests in by_reference.items():
        ends = _ends(session, rules, reference, identities)
        values = _values(session, rules, sorted({end for _, end in ends}), set(rests.values()))
        many = reference == MEMBER_OF or kind.type.attributes[reference].many
        for path, rest in rests.items():
            lists: dict[int, set[Scalar]] = {}
            for reader, end in ends:
                value = values[end].get(rest)
                if value is None:
                    continue
                if many:
                    lists.setdefault(reader, set()).update(items(value))
                else:
                    found.setdefault(reader, {}).setdefault(path, value)
            for reader, several in lists.items():
                found.setdefault(reader, {})[path] = sorted(several, key=str)
    return found


def _values(session: Session, rules: Rules, identities: Sequence[int], rests: set[str]) -> dict[int, dict[str, Value]]:
    """What these identities hold under the rests of paths: attributes, further paths, and their public ids (`""`)."""
    deeper = {rest for rest in rests if "." in rest}
    found: dict[int, dict[str, Value]] = {}
    by_type: dict[str, list[int]] = {}
    for number, uid, type_name, data in session.rows(
        "SELECT id, uid, type, doc FROM identity WHERE id IN ?i", identities
    ):
        document: Document = decode(data)
        own = {rest: document.get(rest) for rest in rests - deeper}
        found[number] = {**own, "": uid} if "" in rests else own
        by_type.setdefault(type_name, []).append(number)
    for type_name, numbers in by_type.items() if deeper else ():
        for number, values in load_paths(session, rules, rules.types[type_name], numbers, deeper).items():
            found[number].update(values)
    return found


def _ends(session: Session, rules: Rules, reference: str, readers: Sequence[int]) -> list[tuple[int, int]]:
    """Whom the reference leads to: (reader, end), in order.

    Where a hold says what there is, or large references of several sources are not merged, the best alone counts.
    """
    if reference == MEMBER_OF:
        members = rules.names.id("attribute", MEMBERS)
        query = "SELECT DISTINCT target, owner FROM edge WHERE target IN ?i AND attribute = ? AND account = ?"
        return sorted(session.rows(query, list(readers), members, rules.main))
    attribute = rules.names.id("attribute", reference)
    rows = session.rows(
        "SELECT owner, target, origin FROM edge WHERE owner IN ?i AND attribute = ?", list(readers), attribute
    )
    ranks = _ranks(session, rules, attribute, {origin for _, _, origin in rows})
    best: dict[int, _Rank] = {}
    for owner, _, origin in rows:
        best[owner] = min(ranks[origin], best.get(owner, ranks[origin]))
    return sorted({(row[0], row[1]) for row in rows if row[1] is not None and ranks[row[2]] == best[row[0]]})


def _ranks(session: Session, rules: Rules, attribute: int, origins: set[int]) -> dict[int, _Rank]:
    """How good these origins of edges are: a hold before all, then objects, all the same unless one must win."""
    ranks = {origin: _HELD if origin == HELD else _OBJECT for origin in origins}
    if attribute in rules.contested:
        precedence = {
            mapping.id: flow.flow.precedence
            for mapping in rules.mappings.values()
            for flow in mapping.inbound
            if flow.attribute_id == attribute
        }
        for number, mapping, anchor in session.rows(
            "SELECT id, mapping, anchor FROM object WHERE id IN ?i", sorted(origins)
        ):
            ranks[number] = (precedence.get(mapping, inf), anchor, number)
    return ranks


def path_ends(session: Session, rules: Rules, references: Sequence[str], readers: Sequence[int]) -> dict[int, set[int]]:
    """Whom these references lead to, one after the other; each with those who read through them."""
    found: dict[int, set[int]] = {number: {number} for number in readers}
    for reference in references:
        further: dict[int, set[int]] = {}
        for reader, end in _ends(session, rules, reference, sorted(found)):
            further.setdefault(end, set()).update(found[reader])
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
    through: dict[str, dict[str, list[str]]] = {}
    for path in sorted(kind.paths):
        reference, _, name = whole_path(path).rpartition(".")
        if reference and name in names:
            through.setdefault(reference, {}).setdefault(name, []).append(path)
    found: dict[int, frozenset[str]] = {}
    for reference, paths in through.items():
        ends = path_ends(session, rules, reference.split("."), identities)
        rows = session.rows("SELECT id, uid FROM identity WHERE uid IN ?t AND id IN ?i", sorted(lacking), sorted(ends))
        for number, uid in rows:
            those = frozenset(path for name in lacking[uid] for path in paths.get(name, ()))
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
    computing = {whole_path(path).rpartition(".")[2] for path, computed in rules.paths.items() if computed}
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
        steps = whole_path(path).split(".")
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
