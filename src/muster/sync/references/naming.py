"""By which text references name identities' objects in a system: those that are there, and those that stay.

An object that is to be deleted bears no name for what is still to be written: whoever refers to it is worked out as if
it had never been there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from muster.model import dn
from muster.model.changes import Action
from muster.store.codec import decode
from muster.store.database import Session
from muster.sync.queue.changes import PLANNED, RANK
from muster.sync.rules.ruleset import Rules

Place = tuple[int, str, int]
"""An identity, a system, an account: where there is at most one object."""


def named_objects(session: Session, rules: Rules, identities: Sequence[int]) -> dict[Place, tuple[int, str]]:
    """What names the identities' objects: place → (space, the text a reference holds)."""
    found: dict[Place, tuple[int, str]] = {}
    naming = any(rules.naming.values())
    for identity, mapping_id, space, anchor, data in session.rows(
        f"SELECT identity, mapping, space, anchor, {'doc' if naming else 'NULL'} FROM object "
        "WHERE identity IN ?i AND gone = 0 ORDER BY space DESC, anchor DESC",
        list(identities),
    ):
        if not rules.bears_names(mapping_id):
            continue
        text: str = anchor
        schema = rules.schema_of(space)
        if schema is not None and schema.naming is not None:
            shown = decode(data).get(schema.naming)
            text = shown if isinstance(shown, str) else anchor
        found[(identity, rules.system_of(space), rules.account_of(mapping_id))] = (space, text)
    return found


def staying_objects(session: Session, rules: Rules, identities: Sequence[int]) -> dict[Place, tuple[int, str]]:
    """The same of those that are not to be deleted."""
    found = named_objects(session, rules, identities)
    for place in going(session, rules, identities):
        found.pop(place, None)
    return found


def lasting_names(
    session: Session, rules: Rules, identities: Sequence[int]
) -> tuple[dict[Place, tuple[int, str]], dict[Place, str]]:
    """The same of those whose name stays what it is, too; and the present name of the others, whose new one is known
    when they have it."""
    found = staying_objects(session, rules, identities)
    moved = moving(session, rules, identities) & found.keys()
    return found, {place: found.pop(place)[1] for place in moved}


def going(session: Session, rules: Rules, identities: Sequence[int]) -> set[Place]:
    """Where these identities have an object that is to be deleted."""
    return _planned(session, rules, identities, Action.DELETE)


def coming_objects(session: Session, rules: Rules, identities: Sequence[int]) -> set[Place]:
    """Where these identities get an object."""
    return _planned(session, rules, identities, Action.CREATE)


def moving(session: Session, rules: Rules, identities: Sequence[int]) -> set[Place]:
    """Where these identities have an object that gets a new name, by its own change or by that of a container above it,
    and the system does not mend the references to it.
    """
    spaces = rules.forgetful
    if not spaces or not identities or not _any_rename(session, spaces):
        return set()
    rows = session.rows(
        "SELECT identity, space, mapping, ref FROM object "
        "WHERE identity IN ?i AND +space IN ?i AND gone = 0 AND ref IS NOT NULL",
        list(identities),
        spaces,
    )
    above = {row[3]: _with_containers(row[3]) for row in rows}
    renamed = {
        (rules.system_of(space), ref)
        for space, ref in session.rows(
            "SELECT o.space, o.ref FROM object o JOIN change c ON c.identity = o.identity AND c.object = o.id "
            f"WHERE o.ref IN ?t AND +o.space IN ?i AND o.gone = 0 AND c.state = {PLANNED} AND {_RENAMES}",
            sorted(set().union(*above.values())),
            spaces,
        )
    }
    return {
        (identity, system, rules.account_of(mapping))
        for identity, space, mapping, ref in rows
        if any((system := rules.system_of(space), name) in renamed for name in above[ref])
    }


_RENAMES: Final = f"c.action = 'update' AND c.rank < {RANK[Action.UPDATE]}"


def _any_rename(session: Session, spaces: Sequence[int]) -> bool:
    query = f"SELECT c.id FROM change c WHERE c.state = {PLANNED} AND c.space IN ?i AND {_RENAMES} LIMIT 1"
    return session.one(query, list(spaces)) is not None


def _with_containers(name: str) -> list[str]:
    parts = dn.split(name)
    return [name, *(",".join(parts[position:]) for position in range(1, len(parts)))]


def renaming(session: Session, rules: Rules, identities: Sequence[int]) -> set[tuple[int, int]]:
    """(identity, object) of these identities that get a new name, where the system mends no references to them."""
    if not rules.forgetful:
        return set()
    return set(
        session.rows(
            f"SELECT c.identity, c.object FROM change c WHERE c.identity IN ?i AND c.state = {PLANNED} "
            f"AND +c.space IN ?i AND {_RENAMES}",
            list(identities),
            rules.forgetful,
        )
    )


def with_those_below(session: Session, rules: Rules, objects: Sequence[int]) -> set[int]:
    """The identities of these objects and of all that lie below them."""
    found: set[int] = set()
    rows = session.rows("SELECT identity, ref FROM object WHERE id IN ?i", list(objects))
    while rows:
        found.update(identity for identity, _ in rows if identity is not None)
        names = sorted({ref for _, ref in rows if ref is not None})
        rows = session.rows(
            "SELECT identity, ref FROM object WHERE parent IN ?t AND +space IN ?i AND gone = 0", names, rules.forgetful
        )
    return found


def _planned(session: Session, rules: Rules, identities: Sequence[int], action: Action) -> set[Place]:
    return {
        (identity, rules.system_of(space), rules.account_of(mapping))
        for identity, space, mapping in session.rows(
            f"SELECT identity, space, mapping FROM change WHERE identity IN ?i AND state = {PLANNED} AND action = ?",
            list(identities),
            action.value,
        )
    }


def touch_targets(session: Session, rules: Rules, identities: Sequence[int]) -> None:
    """The identities get an object, or may no longer be in groups: large references that hold them follow."""
    if rules.streamed and identities:
        session.run(
            "INSERT INTO edge_dirty (owner, attribute, target, text) SELECT DISTINCT owner, attribute, target, '' "
            "FROM edge WHERE target IN ?i AND attribute IN ?i ON CONFLICT DO NOTHING",
            list(identities),
            sorted(rules.streamed),
        )


def wake_waiting(session: Session, targets: Iterable[int]) -> None:
    """Objects of these identities are to be made: whoever waits for one of them is worked out again."""
    numbers = sorted(targets)
    if numbers:
        session.run(
            "UPDATE identity SET dirty = dirty | 2 WHERE id IN (SELECT owner FROM waiting WHERE target IN ?i)", numbers
        )


def wake_referrers(session: Session, rules: Rules, identities: Iterable[int]) -> None:
    """What names these identities' objects came, changed or goes: whoever refers to them is worked out again."""
    numbers = sorted(identities)
    if not numbers or not rules.references:
        return
    touch_targets(session, rules, numbers)
    session.run(
        "UPDATE identity SET dirty = dirty | 2 WHERE id IN "
        "(SELECT owner FROM edge WHERE target IN ?i AND attribute IN ?i)",
        numbers,
        sorted(rules.references),
    )
