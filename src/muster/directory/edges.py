"""What refers to what: members, owners, managers, those a device belongs to. Each edge is one row."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from muster.directory.errors import Invalid, no_such
from muster.directory.objects import Entry, touch
from muster.directory.schema.kinds import Kind
from muster.directory.work import Work


class Relation(IntEnum):
    """Of the `owner` of an edge to its `member`: a user's manager is the member of an edge the user owns."""

    MEMBERS = 1
    OWNERS = 2
    MANAGER = 3
    REGISTERED_OWNERS = 4
    REGISTERED_USERS = 5

    @property
    def property(self) -> str:
        """The navigation property that goes from owner to member."""
        return _PROPERTY[self]


_PROPERTY: Final = {
    Relation.MEMBERS: "members",
    Relation.OWNERS: "owners",
    Relation.MANAGER: "manager",
    Relation.REGISTERED_OWNERS: "registeredOwners",
    Relation.REGISTERED_USERS: "registeredUsers",
}
MOST_OWNERS: Final = 100
LIVE: Final = 0
REMOVED: Final = 1
_ALL: Final = 1 << 62
SUSPENDED: Final = 2
"""States of an edge. A suspended one belongs to a deleted member, and comes back with it."""


def connect(work: Work, relation: Relation, owner: Entry, members: Sequence[Entry]) -> None:
    """Add edges, all or none. Raises `Invalid` when one is there already."""
    if len({member.id for member in members}) < len(members):
        raise _exists(relation)
    states = {
        row[0]: row[1]
        for row in work.session.rows(
            "SELECT member, state FROM dir_edge WHERE relation = ? AND owner = ? AND member IN ?i",
            *(int(relation), owner.id, [member.id for member in members]),
        )
    }
    if any(state == LIVE for state in states.values()):
        raise _exists(relation)
    work.session.many(
        "INSERT INTO dir_edge (relation, owner, member, kind, state, seq) VALUES (?, ?, ?, ?, 0, ?)",
        [
            (int(relation), owner.id, one.id, int(one.kind), work.next())
            for one in sorted(members, key=lambda member: member.id)
            if one.id not in states
        ],
    )
    work.session.many(
        "UPDATE dir_edge SET state = 0, seq = ? WHERE relation = ? AND owner = ? AND member = ?",
        [(work.next(), int(relation), owner.id, number) for number in states],
    )
    touch(work, [owner.id])


def disconnect(work: Work, relation: Relation, owner: Entry, member: Entry) -> None:
    """Remove an edge. Raises `NotFound` when there is none."""
    touched = work.session.run(
        "UPDATE dir_edge SET state = 1, seq = ? WHERE relation = ? AND owner = ? AND member = ? AND state = 0",
        *(work.next(), int(relation), owner.id, member.id),
    )
    if not touched:
        raise no_such(member.guid)
    touch(work, [owner.id])


def target(work: Work, relation: Relation, owner: Entry) -> int | None:
    """The one member of a relation that has at most one: somebody's manager."""
    found: int | None = work.session.value(
        "SELECT member FROM dir_edge WHERE relation = ? AND owner = ? AND state = 0", int(relation), owner.id
    )
    return found


def point(work: Work, relation: Relation, owner: Entry, member: Entry | None) -> None:
    """Make `member` the only one, or leave nobody."""
    before = target(work, relation, owner)
    if before == (member.id if member else None):
        return
    if before is not None:
        work.session.run(
            "UPDATE dir_edge SET state = 1, seq = ? WHERE relation = ? AND owner = ? AND member = ?",
            *(work.next(), int(relation), owner.id, before),
        )
    if member is not None:
        connect(work, relation, owner, [member])
    else:
        touch(work, [owner.id])


def count(work: Work, relation: Relation, owner: Entry) -> int:
    """How many members there are."""
    return int(
        work.session.value(
            "SELECT COUNT(*) FROM dir_edge WHERE relation = ? AND owner = ? AND state = 0", int(relation), owner.id
        )
    )


def has(work: Work, relation: Relation, owner: Entry, member: Entry) -> bool:
    """Whether the edge is there."""
    return (
        work.session.one(
            "SELECT 1 FROM dir_edge WHERE relation = ? AND owner = ? AND member = ? AND state = 0",
            *(int(relation), owner.id, member.id),
        )
        is not None
    )


# --- deleted objects


def suspend(work: Work, number: int) -> None:
    """An object is deleted: nothing refers to it until it comes back."""
    _turn(work, number, LIVE, SUSPENDED)


def resume(work: Work, number: int) -> None:
    """A deleted object is back: what referred to it does again."""
    _turn(work, number, SUSPENDED, LIVE)


def leave(work: Work, number: int) -> None:
    """An object is gone for ever: nothing refers to it any more."""
    _turn(work, number, LIVE, REMOVED)


def drop(work: Work, number: int, room: int) -> int:
    """Clear away the edges of an object that is gone, `room` at most; how many that were."""
    done = _turn(work, number, SUSPENDED, REMOVED, room)
    edges = "SELECT relation, owner, member FROM dir_edge WHERE owner = ? LIMIT ?"
    return done + work.session.run(
        f"DELETE FROM dir_edge WHERE (relation, owner, member) IN ({edges})", number, room - done
    )


def _turn(work: Work, member: int, before: int, after: int, room: int = _ALL) -> int:
    rows = work.session.rows(
        "SELECT relation, owner FROM dir_edge WHERE member = ? AND state = ? LIMIT ?", member, before, room
    )
    work.session.many(
        "UPDATE dir_edge SET state = ?, seq = ? WHERE relation = ? AND owner = ? AND member = ?",
        [(after, work.next(), relation, owner, member) for relation, owner in rows],
    )
    touch(work, sorted({owner for _, owner in rows}))
    return len(rows)


# --- who may be a member


def check_members(group: Entry, members: Sequence[Entry]) -> None:
    """Raises `Invalid` for a member that this group cannot have."""
    unified = "Unified" in (group.doc.get("groupTypes") or ())
    for member in members:
        if member.id == group.id:
            raise Invalid("A group cannot be a member of itself.", "members")
        if unified and member.kind is not Kind.USER:
            raise Invalid(
                f"Only users can be members of a Microsoft 365 group; '{member.guid}' is a {member.schema.name}.",
                "members",
            )
        if member.kind is Kind.GROUP and "Unified" in (member.doc.get("groupTypes") or ()):
            raise Invalid(f"Microsoft 365 group '{member.guid}' cannot be a member of another group.", "members")


def check_owners(work: Work, group: Entry, owners: Sequence[Entry]) -> None:
    """Raises `Invalid` for an owner that is no user, or too many of them."""
    for owner in owners:
        if owner.kind is not Kind.USER:
            raise Invalid(f"Only users can be owners; '{owner.guid}' is a {owner.schema.name}.", "owners")
    if owners and count(work, Relation.OWNERS, group) + len(owners) > MOST_OWNERS:
        raise Invalid(f"A group has at most {MOST_OWNERS} owners.", "owners")


def _exists(relation: Relation) -> Invalid:
    name = relation.property
    return Invalid(
        f"One or more added object references already exist for the following modified properties: '{name}'.", name
    )
