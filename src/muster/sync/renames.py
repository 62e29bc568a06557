"""An object's name changed: whoever refers to it by that name follows."""

from __future__ import annotations

from collections.abc import Sequence

from muster.store.database import Session
from muster.sync.edges import dirty_targets, release_targets, resolve_by_object
from muster.sync.rules import Rules


def follow_renames(
    session: Session, rules: Rules, space: int, renamed: Sequence[tuple[int, str, str | None, str | None]]
) -> None:
    """Objects (id, anchor, old name, new name) of one space were renamed.

    Where the server itself mends the references, what other objects of the system show is renamed with it, and no
    edge moves; otherwise the edges that held the old name wait for somebody to bear it, and the owners are looked at
    again.
    """
    moved = [entry for entry in renamed if entry[2] != entry[3] and entry[2] is not None and entry[3] is not None]
    if not moved:
        return
    schema = rules.schema_of(space)
    if schema is not None and schema.keeps_references:
        spaces = rules.spaces_of(rules.system_of(space))
        session.many(
            "UPDATE shown SET text = ? WHERE text = ? AND object IN (SELECT id FROM object WHERE space IN "
            f"({', '.join(str(number) for number in spaces)}))",
            [(new, old) for _, _, old, new in moved],
        )
        hows = [how for how in rules.object_hows.get(space, ()) if rules.hows[how][0] == "system"]
        for how in hows:
            session.many(
                "UPDATE edge SET key = ? WHERE how = ? AND key = ?", [(new, how, old) for _, _, old, new in moved]
            )
    else:
        release_targets(session, rules, [(number, space, anchor, old) for number, anchor, old, _ in moved])
        resolve_by_object(session, rules, [entry[0] for entry in moved])
    numbers = [entry[0] for entry in moved]
    identities = [
        row[0] for row in session.rows("SELECT identity FROM object WHERE id IN ?i AND identity IS NOT NULL", numbers)
    ]
    if schema is not None and not schema.keeps_references:
        dirty_targets(session, rules, identities)
    session.run(
        "UPDATE identity SET dirty = dirty | 2 WHERE id IN (SELECT owner FROM edge WHERE target IN ?i)", identities
    )
