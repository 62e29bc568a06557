"""What has changed: first everything there is, then each change since, page by page.

A round of pages is described by its `Mark`, which the client brings back. Nothing is missed: changes have numbers in
the order in which they become visible, and an object that changes again moves to the end. Something may come twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from muster.directory.edges import LIVE, Relation
from muster.directory.errors import Expired
from muster.directory.objects import COLUMNS, Entry, State, entry
from muster.directory.schema.kinds import Kind
from muster.directory.work import Work

EDGES: Final = 1000
"""References in one page, of all its objects together."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a client stands.

    `since`: the last change it knows of, 0 while it reads everything. `until`: in a round, the last change when the
    round began. `after`: the object where the last page ended (an id while everything is read, else the number of its
    change). `part`: of the object `of`, that comes next, the last reference that was told already. `at`: when it was
    given.
    """

    kind: Kind
    since: int = 0
    until: int = 0
    after: int = 0
    of: int = 0
    part: int = 0
    at: int = 0

    @property
    def whole(self) -> bool:
        """Whether everything is read, not only changes."""
        return self.since == 0

    @property
    def resting(self) -> bool:
        """Whether no round is under way."""
        return self.until == 0


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference that is there, or was removed."""

    guid: str
    kind: Kind
    removed: bool


@dataclass(slots=True)
class Changed:
    """One object, with the references that the page tells of it."""

    entry: Entry
    references: dict[Relation, list[Reference]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Changes:
    """One page, and where the client stands after it: resting, when it was the last."""

    objects: list[Changed]
    mark: Mark


def latest(work: Work, kind: Kind) -> Mark:
    """The mark of one who knows everything up to now."""
    return Mark(kind, since=work.last, at=work.now)


def changes(
    work: Work,
    mark: Mark,
    limit: int,
    *,
    relations: Sequence[Relation] = (),
    only: Sequence[str] | None = None,
    lasting: int,
) -> Changes:
    """The next page. `relations` are told with their objects; `only` names the objects that count.

    Raises `Expired` for a mark that is older than `lasting` microseconds, or than what is remembered.
    """
    horizon = int(work.session.value("SELECT value FROM dir_setting WHERE name = 'horizon'"))
    late = mark.at and mark.at < work.now - lasting
    if late or (not mark.whole and mark.since < horizon) or mark.since > work.last:
        raise Expired("The delta token is no longer known: start again with everything.")
    if mark.resting:
        mark = replace(mark, until=work.last, after=mark.since)
    found = _objects(work, mark, limit + 1, own=not relations, only=only)
    more = len(found) > limit
    del found[limit:]
    after, room = mark.after, EDGES
    for place, one in enumerate(found):
        if relations and one.entry.state is State.LIVE:
            taken, last = _references(work, one, mark, relations, room)
            if last is not None:
                return Changes(found[: place + 1], replace(mark, after=after, of=one.entry.id, part=last, at=work.now))
            room -= taken
        after = one.entry.id if mark.whole else one.entry.seq
        if room <= 0 and (more or place + 1 < len(found)):
            return Changes(found[: place + 1], replace(mark, after=after, of=0, part=0, at=work.now))
    if more:
        return Changes(found, replace(mark, after=after, of=0, part=0, at=work.now))
    # What was read whole is certain only as of the beginning; changes were all seen that there are now.
    return Changes(found, Mark(mark.kind, since=mark.until if mark.whole else work.last, at=work.now))


def _objects(work: Work, mark: Mark, limit: int, *, own: bool, only: Sequence[str] | None) -> list[Changed]:
    """The objects that come next."""
    where = ["o.kind = ?"]
    values: list[Any] = [int(mark.kind)]
    order = "o.id" if mark.whole else "o.seq"
    where.append(f"{order} > ?")
    values.append(mark.after)
    if mark.whole:
        where.append("o.state = 0")
    elif own:
        where.append("o.own > ?")
        values.append(mark.since)
    if only is not None:
        where.append("o.guid IN ?t")
        values.append([guid.lower() for guid in only])
    rows = work.session.rows(
        f"SELECT {COLUMNS} FROM dir_object o WHERE {' AND '.join(where)} ORDER BY {order} LIMIT ?", *values, limit
    )
    return [Changed(entry(row)) for row in rows]


def _references(
    work: Work, one: Changed, mark: Mark, relations: Sequence[Relation], room: int
) -> tuple[int, int | None]:
    """Tell references of an object, at most `room`: how many there were, and the last one when there are more."""
    # Of what is new to the client, or was away for a while, all is told that is there, and what was removed meanwhile.
    new = mark.whole or one.entry.born > mark.since
    which = "" if not new else " AND e.state = 0" if mark.whole else f" AND (e.state = 0 OR e.seq > {mark.since:d})"
    start = mark.part if one.entry.id == mark.of else 0
    rows = work.session.rows(
        "SELECT e.relation, e.seq, e.state, m.guid, e.kind FROM dir_edge e JOIN dir_object m ON m.id = e.member "
        f"WHERE e.owner = ? AND e.seq > ? AND e.relation IN ?i{which} "
        "ORDER BY e.seq LIMIT ?",
        *(one.entry.id, max(start, 0 if new else mark.since), [int(each) for each in relations], room + 1),
    )
    more = len(rows) > room
    del rows[room:]
    for relation, _, state, guid, kind in rows:
        one.references.setdefault(Relation(relation), []).append(Reference(guid, Kind(kind), state != LIVE))
    return len(rows), rows[-1][1] if more else None
