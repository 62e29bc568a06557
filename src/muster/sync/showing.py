"""What an object shows: the names it is known by, and its large references with their digests."""

from __future__ import annotations

from collections.abc import Sequence

from muster.model import dn
from muster.model.schema import ObjectSchema
from muster.model.values import Document, Value
from muster.store.codec import folded, text_digest
from muster.store.database import CHUNK, Session, chunks


def reference_text(schema: ObjectSchema, document: Document) -> str | None:
    """The text by which others refer to the object, in comparable form; None where that is the anchor."""
    if schema.naming is None:
        return None
    value: Value = document.get(schema.naming)
    if not isinstance(value, str):
        return None
    return dn.normal(value) if schema.name_is_dn else value


def names_of(schema: ObjectSchema, document: Document) -> tuple[str | None, str | None]:
    """The text by which others refer to the object, and, where that is a DN, its container's; as they are compared."""
    text = reference_text(schema, document)
    return text, dn.parent(text) if text is not None and schema.name_is_dn else None


def show_whole(session: Session, number: int, attribute: int, values: set[str]) -> int:
    """Make `values` all that the object shows; how many edges that changed."""
    total = folded(sum(text_digest(text) for text in values))
    known = session.one("SELECT digest FROM shown_digest WHERE object = ? AND attribute = ?", number, attribute)
    if known is not None and known[0] == total:
        return 0
    had = {
        row[0] for row in session.rows("SELECT text FROM shown WHERE object = ? AND attribute = ?", number, attribute)
    }
    changed = _show(session, number, attribute, values - had, had - values)
    _note_digest(session, number, attribute, total, len(values))
    return changed


def show_some(session: Session, number: int, attribute: int, added: set[str], removed: set[str]) -> int:
    """Add and remove edges that the object shows; how many that changed."""
    both = sorted(added | removed)
    had: set[str] = set()
    for batch in chunks(both, CHUNK):
        had.update(
            row[0]
            for row in session.rows(
                "SELECT text FROM shown WHERE object = ? AND attribute = ? AND text IN ?t", number, attribute, batch
            )
        )
    return _show(session, number, attribute, added - had, removed & had)


def _show(session: Session, number: int, attribute: int, added: set[str], removed: set[str]) -> int:
    session.upsert(
        "shown",
        ("object", "attribute", "text", "wrote"),
        ("object", "attribute", "text"),
        [(number, attribute, text, 0) for text in sorted(added)],
    )
    session.delete("shown", ("object", "attribute", "text"), [(number, attribute, text) for text in sorted(removed)])
    touched = sorted(added | removed)
    session.upsert(
        "shown_dirty",
        ("object", "attribute", "text"),
        ("object", "attribute", "text"),
        [(number, attribute, text) for text in touched],
    )
    count_shown(session, number, attribute, added, removed)
    return len(touched)


def count_shown(session: Session, number: int, attribute: int, added: set[str], removed: set[str]) -> None:
    """Keep the digest and the count of a many-valued reference true after a change of some of its values."""
    row = session.one("SELECT digest, count FROM shown_digest WHERE object = ? AND attribute = ?", number, attribute)
    total = (row[0] if row else folded(0)) + (1 << 63)
    count = (row[1] if row else 0) + len(added) - len(removed)
    total += sum(text_digest(text) for text in added) - sum(text_digest(text) for text in removed)
    _note_digest(session, number, attribute, folded(total), count)


def _note_digest(session: Session, number: int, attribute: int, mark: int, count: int) -> None:
    key = ("object", "attribute")
    session.upsert("shown_digest", (*key, "digest", "count"), key, [(number, attribute, mark, count)])


def forget_objects(session: Session, numbers: Sequence[int]) -> None:
    """The objects are no more, and neither is anything that they showed."""
    for table, column in (
        ("object_key", "object"),
        ("shown", "object"),
        ("shown_digest", "object"),
        ("shown_dirty", "object"),
        ("object", "id"),
    ):
        session.run(f"DELETE FROM {table} WHERE {column} IN ?i", list(numbers))
