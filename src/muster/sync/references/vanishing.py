"""A directory that deletes an object takes the references to it away, and no read of changes tells of those."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from muster.model import dn
from muster.model.values import Document, Value, items
from muster.store.codec import decode, digest, encode
from muster.store.database import Session, chunks
from muster.sync.rules.indexes import reindex, showing
from muster.sync.rules.ruleset import Rules
from muster.sync.showing import show


@dataclass(slots=True)
class Told:
    """What a read said of large references (object, attribute): all of them, or that some are there."""

    whole: set[tuple[int, int]] = field(default_factory=set)
    there: set[tuple[int, int, str]] = field(default_factory=set)


def _nobody(_number: int) -> bool:
    return False


def drop_references(
    session: Session,
    rules: Rules,
    numbers: Sequence[int],
    told: Told | None = None,
    fresh: Callable[[int], bool] = _nobody,
) -> None:
    """The objects are gone: where the server itself keeps references in order, what others show of them is gone, too.

    Not where the read said otherwise (`told`; `fresh`: the object was read), for somebody else may have the name now.
    """
    by_system: dict[str, list[str]] = {}
    for space, ref in session.rows("SELECT space, ref FROM object WHERE id IN ?i AND ref IS NOT NULL", list(numbers)):
        schema = rules.schema_of(space)
        if schema is not None and schema.keeps_references and schema.name_is_dn:
            by_system.setdefault(rules.system_of(space), []).append(ref)
    for system, names in by_system.items():
        spaces = rules.spaces_of(system)
        for batch in chunks(sorted(names)):
            _drop_large(session, spaces, batch, told or Told())
            _drop_small(session, rules, spaces, batch, fresh)


def _drop_large(session: Session, spaces: Sequence[int], names: Sequence[str], told: Told) -> None:
    left: dict[tuple[int, int], set[str]] = {}
    for number, attribute, text in session.rows(
        "SELECT s.object, s.attribute, s.text FROM shown s JOIN object o ON o.id = s.object "
        "WHERE s.text IN ?t AND o.space IN ?i",
        list(names),
        list(spaces),
    ):
        if (number, attribute) not in told.whole and (number, attribute, text) not in told.there:
            left.setdefault((number, attribute), set()).add(text)
    for (number, attribute), texts in left.items():
        show(session, number, attribute, (), sorted(texts))


def _drop_small(
    session: Session, rules: Rules, spaces: Sequence[int], names: Sequence[str], fresh: Callable[[int], bool]
) -> None:
    gone = frozenset(names)
    for space in spaces:
        indexed = rules.indexed.get(space, ())
        found: dict[int, Document] = {}
        after: dict[int, Document] = {}
        for one in indexed:
            for number, _, _, _, _, data in showing(session, one, names) if one.reference and one.by_dn else ():
                if not fresh(number):
                    document = after.get(number) or found.setdefault(number, decode(data))
                    after[number] = {**document, one.attribute: _without(document.get(one.attribute), gone)}
        rows = []
        for number, document in after.items():
            encoded = encode({name: value for name, value in document.items() if value is not None})
            rows.append((encoded, digest(encoded), 1, number))
        session.update("object", ("doc", "digest", "dirty"), ("id",), rows)
        reindex(session, indexed, [(number, found[number], document) for number, document in after.items()])


def _without(value: Value, gone: Collection[str]) -> Value:
    left = [one for one in items(value) if dn.normal(str(one)) not in gone]
    if isinstance(value, list):
        return left or None
    return next(iter(left), None)
