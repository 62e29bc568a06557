"""Members of a group, added and removed by PATCH in requests of bounded size; the group itself is never read."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Final, TypeAlias

from muster.connectors.scim import wire
from muster.connectors.scim.answers import Answer, Request
from muster.connectors.scim.names import Resource
from muster.connectors.scim.session import Session
from muster.connectors.scim.wire import Operation, ScimType
from muster.model.changes import EdgeChange
from muster.model.values import Scalar

_Operations: TypeAlias = "Callable[[list[Scalar]], list[Operation]]"
Part: TypeAlias = "Generator[Sequence[Request], list[Answer], Answer | str | None]"
"""Part of a change: None when it went well, else the refusal, or in words what was left out."""

_OF_THE_VALUES: Final = frozenset({400, 404, 409, 413, 422})
"""What a PATCH with many values is answered when one of them is wrong, or when they are too many."""
_NAMED: Final = 5
"""So many of those left out are named."""


def chunks(edges: Iterator[EdgeChange] | None, size: int) -> Iterator[EdgeChange]:
    """The edges in parts of at most `size` values."""
    for part in edges or ():
        for at in range(0, max(len(part.add), len(part.remove)), size):
            yield EdgeChange(part.attribute, part.add[at : at + size], part.remove[at : at + size])


def written(session: Session, kind: ScimType, anchor: str, edges: Iterator[EdgeChange]) -> Part:
    """Add and remove the values of the parts, a request each."""
    left_out: list[str] = []
    for part in edges:
        for values, operations in (
            (part.add, lambda some, name=part.attribute: [wire.addition(kind, name, some)]),
            (part.remove, lambda some, name=part.attribute: wire.removals(kind, name, some)),
        ):
            if values:
                problem = yield from _some(session, kind, anchor, operations, list(values))
                if isinstance(problem, Answer):
                    return problem
                if problem is not None:
                    left_out.append(problem)
    more = len(left_out) - _NAMED
    return "; ".join(left_out[:_NAMED] + ([f"and {more} more"] if more > 0 else [])) if left_out else None


def _some(session: Session, kind: ScimType, anchor: str, operations: _Operations, values: list[Scalar]) -> Part:
    """Write some values. When they are refused, they are halved until the one at fault is found."""
    (answered,) = yield [patch_of(session, kind, anchor, operations(values))]
    if answered.good:
        return None
    if answered.status not in _OF_THE_VALUES or answered.page:
        return answered
    if answered.status == 404:
        (group,) = yield [session.resource(kind, anchor)]
        if not group.good:
            return group
    if len(values) == 1:
        missing = answered.kind == "noTarget"
        return None if missing else f"{kind.large} {values[0]} was refused: {session.said(answered)}"
    half = len(values) // 2
    problems: list[str] = []
    for some in (values[:half], values[half:]):
        problem = yield from _some(session, kind, anchor, operations, some)
        if isinstance(problem, Answer):
            return problem
        problems += [problem] if problem is not None else []
    return "; ".join(problems) or None


def patch_of(
    session: Session, kind: ScimType, anchor: str, operations: list[Operation], version: str | None = None
) -> Request:
    """A PATCH (RFC 7644 section 3.5.2)."""
    body: Resource = {"schemas": [wire.PATCH_OP], "Operations": operations}
    return Request("PATCH", session.path(kind, anchor), body, version=version)


def merged(have: object, edges: Iterator[EdgeChange]) -> list[Resource]:
    """The members of an object after all its edges, for a PUT."""
    members = {str(one.get("value")): one for one in have if isinstance(one, dict)} if isinstance(have, list) else {}
    for part in edges:
        for value in part.remove:
            members.pop(value, None)
        for value in part.add:
            members.setdefault(value, {"value": value})
    return list(members.values())
