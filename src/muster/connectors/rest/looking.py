"""Looking up single objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from muster.connectors.rest import wire
from muster.connectors.rest.asking import Asking
from muster.connectors.rest.paging import Listing
from muster.connectors.rest.picks import pick
from muster.connectors.rest.requests import ListRequest
from muster.connectors.rest.settings import Meaning
from muster.connectors.rest.templates import Unasked, Unfit
from muster.connectors.rest.wire import RestType, anchor_of
from muster.model.errors import IncompleteRead
from muster.model.objects import ConnectorObject
from muster.model.values import Value, WrongType


def record_of(session: Asking, kind: RestType, anchor: str) -> tuple[Any, str | None] | None:
    """The record with that anchor and its version (ETag); None where there is none.

    Raises `IncompleteRead` for an answer that is none, or is another object's.
    """
    request = kind.spec.get
    if request is None:
        for records in _listing(session, kind, kind.spec.read, {}).records():
            for one in records:
                if anchor_of(kind, one) == anchor:
                    return one, None
        return None
    try:
        answered = session.send(request, {"anchor": anchor, kind.spec.anchor: anchor})
    except Unasked as error:
        raise IncompleteRead(f"{session.system}: {kind.name}: `get` cannot be asked: {error}") from None
    except Unfit:
        return None
    meaning = session.meaning(answered, "get")
    if meaning is Meaning.GONE and not answered.strange:
        return None
    if meaning is not Meaning.DONE:
        raise session.not_readable(request.method, request.path, answered)
    record = pick(request.record)(answered.body)
    found = anchor_of(kind, record)
    if found != anchor:
        shows = f"{kind.name} {found!r}" if found else "no object"
        raise IncompleteRead(
            f"{session.system}: asked for {kind.name} {anchor!r}, the application shows {shows}. It is left alone. "
            f"Look at {answered.asked}."
        )
    return record, answered.headers.get("etag")


def objects_with(session: Asking, kind: RestType, equal: Mapping[str, Value]) -> Iterator[ConnectorObject]:
    """The objects that have all these values: what the application gives is compared, for some ignore a filter."""
    anchor = equal.get(kind.spec.anchor)
    if isinstance(anchor, str | int) and not isinstance(anchor, bool):
        found = record_of(session, kind, str(anchor))
        candidates = iter([[found[0]]] if found is not None else [])
    else:
        candidates = _candidates(session, kind, equal)
    yield from _matching(session, kind, candidates, [equal])


def objects_among(session: Asking, kind: RestType, name: str, values: Sequence[Value]) -> Iterator[ConnectorObject]:
    """The objects that have one of the values, by reading the list once."""
    candidates = _listing(session, kind, kind.spec.read, {}).records()
    yield from _matching(session, kind, candidates, [{name: value} for value in values])


def _matching(
    session: Asking, kind: RestType, candidates: Iterator[list[Any]], wanted: Sequence[Mapping[str, Value]]
) -> Iterator[ConnectorObject]:
    for records in candidates:
        for record in records:
            if anchor_of(kind, record) is None:
                continue
            one = wire.read(kind, record, kind.small)
            if isinstance(one, ConnectorObject):
                if any(all(wire.has(one, kind, name, value) for name, value in equal.items()) for equal in wanted):
                    yield one
            elif any(_maybe(kind, record, equal) for equal in wanted):
                raise IncompleteRead(f"{session.system}: {kind.name} {one.anchor}: {one.message}")


def _candidates(session: Asking, kind: RestType, equal: Mapping[str, Value]) -> Iterator[list[Any]]:
    for name, request in kind.spec.find.items():
        value = equal.get(name)
        if value is None or isinstance(value, list):
            continue
        try:
            (sent,) = wire.wire_values(kind, {name: value}).values()
            yield from _listing(session, kind, request, {"value": sent}, "find").records()
        except (Unfit, WrongType):
            return
        return
    yield from _listing(session, kind, kind.spec.read, {}).records()


def _maybe(kind: RestType, record: Any, equal: Mapping[str, Value]) -> bool:
    """Whether a record that cannot be read whole has the values that are looked for."""
    try:
        return not wire.differs(kind, record, equal)
    except WrongType:
        return True


def _listing(
    session: Asking, kind: RestType, request: ListRequest, known: Mapping[str, Any], operation: str = "read"
) -> Listing:
    return Listing(session, request, known, partial(anchor_of, kind), operation=operation)
