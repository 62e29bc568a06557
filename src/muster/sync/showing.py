"""What an object shows: the names it is known by, and its large references with their digests."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from muster.model import dn
from muster.model.schema import ObjectSchema
from muster.model.values import Document, Value
from muster.store.codec import folded, text_digest
from muster.store.database import Session, chunks

EVERYTHING: Final = 0
"""As the attribute of a line of `shown_dirty`: all that the object shows is to become edges, or to go, page by page."""
_SHOWN: Final = ("object", "attribute", "text")


def mark_objects(session: Session, numbers: Iterable[int]) -> None:
    """All that these objects show is to be looked at."""
    session.upsert("shown_dirty", _SHOWN, _SHOWN, [(number, EVERYTHING, "") for number in sorted(numbers)])


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


def shown_of(session: Session, number: int, attribute: int, texts: Sequence[str]) -> set[str]:
    """Those of the texts that the object shows already."""
    found: set[str] = set()
    for batch in chunks(texts, session.most_edges):
        found.update(
            row[0]
            for row in session.rows(
                "SELECT text FROM shown WHERE object = ? AND attribute = ? AND text IN ?t", number, attribute, batch
            )
        )
    return found


def show(
    session: Session, number: int, attribute: int, added: Sequence[str], removed: Sequence[str], *, marked: bool = True
) -> None:
    """The object shows these anew, and those no longer. `marked`: that is to be looked at."""
    session.upsert("shown", (*_SHOWN, "wrote"), _SHOWN, [(number, attribute, text, 0) for text in added])
    session.delete("shown", _SHOWN, [(number, attribute, text) for text in removed])
    if marked:
        touched = [(number, attribute, text) for text in sorted((*added, *removed))]
        session.upsert("shown_dirty", _SHOWN, _SHOWN, touched)
    count_shown(session, number, attribute, added, removed)


def count_shown(
    session: Session, number: int, attribute: int, added: Collection[str], removed: Collection[str]
) -> None:
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
    """The objects are no more, and neither is anything that they showed; if that is much, it goes page by page."""
    few = "SELECT object FROM shown WHERE object IN ?i LIMIT ?"
    if len(session.rows(few, list(numbers), session.most_edges + 1)) > session.most_edges:
        mark_objects(session, numbers)
    else:
        session.run("DELETE FROM shown WHERE object IN ?i", list(numbers))
        session.run("DELETE FROM shown_digest WHERE object IN ?i", list(numbers))
    session.run(f"DELETE FROM shown_dirty WHERE object IN ?i AND attribute <> {EVERYTHING}", list(numbers))
    session.run("DELETE FROM object_key WHERE object IN ?i", list(numbers))
    session.run("DELETE FROM object WHERE id IN ?i", list(numbers))
