"""Creating an object; and finding out what became of a create that was not answered as it should be."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TypeAlias

from muster.connectors.kit.pipeline import Chain
from muster.connectors.scim import looking, members, wire
from muster.connectors.scim.answers import Answer, Request
from muster.connectors.scim.names import Resource, literal
from muster.connectors.scim.refusing import refusal, refused
from muster.connectors.scim.session import UNFILTERED, Session
from muster.connectors.scim.settings import Filters, Patch
from muster.connectors.scim.wire import ScimType
from muster.model.changes import Change, Outcome, Result
from muster.model.errors import IncompleteRead, MusterError, Unreachable
from muster.model.values import Document, same

Steps: TypeAlias = Chain[Request, Answer]
Lookup: TypeAlias = "Generator[Sequence[Request], list[Answer], str | None]"


def create(session: Session, change: Change, kind: ScimType) -> Steps:
    """One POST, then what is left of its members. What may have been made already is looked for first."""
    if change.key in session.doubtful:
        found = yield from _existing(session, change, kind, whole=True)
        if found is not None:
            return _found(change, found)
    edges = members.chunks(change.edges, session.settings.members_per_patch)
    first = next(edges, None)
    listed = list(first.add) if first else []
    if session.patch is not Patch.RFC:
        listed += [value for part in edges for value in part.add]
    body = wire.new_resource(kind, change, listed)
    try:
        (answered,) = yield [Request("POST", session.path(kind), body)]
    except (Unreachable, IncompleteRead) as error:
        return (yield from _doubt(session, change, kind, error))
    if answered.doubtful:
        return (yield from _doubt(session, change, kind, refusal(session, kind, None, answered), answered.after))
    if answered.status == 409 or answered.kind == "uniqueness":
        anchor = yield from _existing(session, change, kind)
        return Outcome(change.key, Result.EXISTS, anchor, reason=refusal(session, kind, None, answered))
    if not answered.good:
        return refused(session, change, kind, None, answered)
    other = _other(kind, change, answered.document)
    if other is not None or answered.anchor is None:
        why = other or "its answer shows no `id`"
        return (yield from _doubt(session, change, kind, f"{session.path(kind)}: {why}."))
    anchor = answered.anchor
    values: Document = {"id": anchor}
    problem = yield from members.written(session, kind, anchor, edges)
    if problem is None:
        return Outcome(change.key, Result.DONE, anchor, values)
    words = session.said(problem) if isinstance(problem, Answer) else problem
    reason = f"{session.path(kind, anchor)}: created, but {words}"
    return Outcome(change.key, Result.REJECTED, anchor, values, reason=reason)


def _doubt(
    session: Session, change: Change, kind: ScimType, why: MusterError | str, after: float | None = None
) -> Steps:
    """Nobody knows whether it was made: look. Raises the error again where that does not tell either."""
    session.doubtful.add(change.key)
    try:
        found = yield from _existing(session, change, kind, whole=True)
    except (Unreachable, IncompleteRead) as error:
        if isinstance(why, MusterError):
            raise why from None
        if isinstance(error, Unreachable):
            raise
        return Outcome(change.key, Result.RETRY, reason=f"{why} {error.message}", after=after)
    if found is not None:
        return _found(change, found)
    if isinstance(why, Unreachable):
        raise why
    if not _known_by(kind, change):
        names = " and no ".join((*kind.unique, "externalId"))
        reason = f"{why} It cannot be looked for, as it has no {names}: flow one, or look by hand."
        return Outcome(change.key, Result.REJECTED, reason=reason)
    reason = f"{why} Looked for it: it is not there (yet)."
    return Outcome(change.key, Result.RETRY, reason=reason, after=after)


def _found(change: Change, anchor: str) -> Outcome:
    reason = "its create was not answered as it should be, and it was found there afterwards."
    return Outcome(change.key, Result.EXISTS, anchor, reason=reason)


def _known_by(kind: ScimType, change: Change) -> dict[str, str]:
    """The values by which an object that was made, or is in the way, is found."""
    found = {name: change.values.get(name) for name in (*kind.unique, "externalId")}
    return {name: value for name, value in found.items() if isinstance(value, str) and value}


def _existing(session: Session, change: Change, kind: ScimType, whole: bool = False) -> Lookup:
    """The id of the object that is there, where a filter finds just one; `whole`: else everything is read for it."""
    for name, value in _known_by(kind, change).items():
        if session.filters is not Filters.NONE and (kind.name, name) not in session.unfiltered:
            shown: dict[str, str | int] = {**wire.selection(kind, [name], with_large=False)}
            params = {"filter": f"{name} eq {literal(value)}", "count": 2, **shown}
            (answered,) = yield [Request("GET", session.path(kind), params=params)]
            document = (answered.document or {}) if answered.good else {}
            listed = document.get("Resources", [] if document.get("totalResults") == 0 else None)
            if isinstance(listed, list):
                found = [one for one in listed if isinstance(one, dict) and one.get("id")]
                found = [one for one in found if _other(kind, change, one) is None]
                if len(found) == 1:
                    return str(found[0]["id"])
                continue
            if not whole:
                continue
            if answered.status not in UNFILTERED:
                raise IncompleteRead(f"{session.system}: a look-up of it was answered {session.said(answered)}.")
        if whole:
            anchors = [one.anchor for one in looking.everybody_with(session, kind, name, value)]
            if len(anchors) == 1:
                return anchors[0]
    return None


def _other(kind: ScimType, change: Change, resource: Resource | None) -> str | None:
    """In words, that a resource is another than the one that was to be made, as far as it shows; None: it may be it."""
    differing: list[str] = []
    for name, value in _known_by(kind, change).items():
        has = wire.value_at(resource or {}, kind.place(name), many=False)
        if isinstance(has, str):
            if same(has.strip(), value.strip(), kind.schema.attribute(name)):
                return None
            differing.append(f"{name} {has}")
    return f"its answer shows another object, of {' and '.join(differing)}" if differing else None
