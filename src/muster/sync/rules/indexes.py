"""Indexes from values back to the objects that show them, kept in `object_key`.

Two kinds of attributes have one: those whose values must be unique, and references that stand in objects themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from muster.model import dn
from muster.model.values import Document, Value, items, key_text
from muster.store.database import Session

KEY: Final = ("sig", "key", "object")


@dataclass(frozen=True, slots=True)
class Indexed:
    """An attribute of one object type, and the signature of its index.

    `reference`: it names other objects; `by_dn`: by DNs, which are compared as such.
    """

    sig: int
    attribute: str
    reference: bool = False
    by_dn: bool = False

    def key(self, value: Value) -> str | None:
        """Where the index has a value; None where it has none."""
        return dn.normal(str(value)) if self.by_dn else key_text((value,))


def value_keys(indexed: Iterable[Indexed], document: Document, number: int) -> Iterator[tuple[int, str, int]]:
    """The entries of these indexes for an object (its id) that shows a document."""
    for one in indexed:
        for value in items(document.get(one.attribute)):
            key = one.key(value)
            if key is not None:
                yield one.sig, key, number


def showing(session: Session, one: Indexed, keys: Sequence[str]) -> list[tuple[Any, ...]]:
    """The objects that show one of these keys in the attribute: id, space, anchor, mapping, identity, doc."""
    return session.rows(
        "SELECT o.id, o.space, o.anchor, o.mapping, o.identity, o.doc FROM object_key k "
        "JOIN object o ON o.id = k.object WHERE k.sig = ? AND k.key IN ?t AND o.gone = 0 ORDER BY o.id",
        one.sig,
        list(keys),
    )


def reindex(session: Session, indexed: Iterable[Indexed], changed: Iterable[tuple[int, Document, Document]]) -> None:
    """Objects (id, what it showed, what it shows now) changed: so do the indexes."""
    indexed = list(indexed)
    if not indexed:
        return
    stale: set[tuple[int, str, int]] = set()
    new: set[tuple[int, str, int]] = set()
    for number, before, after in changed:
        had, has = (set(value_keys(indexed, document, number)) for document in (before, after))
        stale |= had - has
        new |= has - had
    session.delete("object_key", KEY, sorted(stale))
    session.upsert("object_key", KEY, KEY, sorted(new))
