"""What is to be looked at again because edges came or went: those edges, their owners, and who reads through them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from muster.store.database import Session
from muster.sync.identities.paths import wake_members, wake_readers
from muster.sync.rules.ruleset import Rules

_DIRTY: Final = ("owner", "attribute", "target", "text")
NOBODY: Final = 0
"""As the target of a dirty edge: the text that a system shows is to be looked at, whoever it names; without a text,
every edge of that attribute."""
FORMER: Final = -1
"""As the target of a value that goes: Muster wrote it, and nobody bears that name any more. Somebody who is to be added
may have borne it."""


def dirty_edges(
    session: Session, rules: Rules, edges: Iterable[tuple[int, int, int | None]], *, marked: bool = False
) -> None:
    """Edges (owner, attribute, target) came or went: whoever reads them the other way round is worked out again.

    Those of large references are such that a system may have to be told about them; not, where these are `marked` to be
    looked at as a whole.
    """
    edges = list(edges)
    wake_members(session, rules, edges)
    if marked:
        return
    rows = sorted({(e[0], e[1], e[2], "") for e in edges if e[2] is not None and e[1] in rules.streamed})
    session.upsert("edge_dirty", _DIRTY, _DIRTY, rows)
    mark_owners(session, rules, {(row[0], row[1]) for row in rows})


def dirty_texts(session: Session, rules: Rules, texts: Iterable[tuple[int, int, str]]) -> None:
    """What a system shows under these texts (owner, attribute, text) is to be held against the edges."""
    rows = sorted({(owner, attribute, NOBODY, text) for owner, attribute, text in texts})
    session.upsert("edge_dirty", _DIRTY, _DIRTY, rows)
    mark_owners(session, rules, {(row[0], row[1]) for row in rows})


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


def mark_owners(session: Session, rules: Rules, edges: Iterable[tuple[int, int]]) -> None:
    """Owners whose edges (owner, attribute) changed are worked out again, and so is who reads through those edges."""
    changed: dict[int, set[str]] = {}
    for owner, attribute in edges:
        changed.setdefault(owner, set()).add(rules.names.text(attribute))
    if changed:
        session.run("UPDATE identity SET dirty = dirty | 2 WHERE id IN ?i", sorted(changed))
        wake_readers(session, rules, changed)


def contest(session: Session, rules: Rules, edges: Iterable[tuple[int, int]]) -> None:
    """Where sources are ranked, and not merged, an edge of one may bring in or push out all those of another."""
    dirty_texts(session, rules, [(owner, attribute, "") for owner, attribute in edges if attribute in rules.contested])
