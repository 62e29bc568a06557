"""The contract's objects as JSON, and back: exactly as they were, big numbers and halves of characters included.

What comes in is held against the contract's types before anything is made of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import msgspec

from muster.connectors.kit.contract import Health
from muster.model.changes import Action, Change, EdgeChange, Outcome, Result
from muster.model.errors import SESSION_ENDING, MusterError, Throttled
from muster.model.objects import ConnectorObject, EdgePage, Page, ReadProblem
from muster.model.schema import SystemSchema
from muster.model.secrets import Secret
from muster.model.values import Document, Scalar, Value

PART: Final = 1 << 20
"""Characters after which a page, or a list of changes, goes on in the next message."""

EDGES: Final = 5_000
"""Values of one reference in one message."""

_SCALARS: Final = (str, int, float, bool)
_T = TypeVar("_T")


class WireError(Exception):
    """A message is not what the protocol says."""


class Unsendable(TypeError):
    """A connector handed over something that is no value."""


def dump(message: Any) -> bytes:
    """The message's bytes. Raises `Unsendable` for what is no value."""
    try:
        return json.dumps(message, separators=(",", ":")).encode("ascii")
    except (TypeError, ValueError) as error:
        raise Unsendable(str(error)) from None


def load(data: bytes) -> dict[str, Any]:
    """The message of the bytes. Raises `WireError`."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise WireError(f"no JSON: {error}") from None
    return _mapping(found)


# --- what is read


def pages_out(page: Page) -> Iterator[dict[str, Any]]:
    """The page in parts of a bearable size; the last one alone says what the page says of the whole read."""
    part: dict[str, list[Any]] = {"objects": [], "edges": [], "problems": []}
    size = 0
    for kind, row in _rows(page):
        size += len(dump(row))
        part[kind].append(row)
        if size >= PART:
            yield dict(part)
            part = {"objects": [], "edges": [], "problems": []}
            size = 0
    complete = sorted(page.complete_for)
    yield {**part, "watermark": page.watermark, "complete": complete, "last": page.last, "blind": page.blind}


def _rows(page: Page) -> Iterator[tuple[str, list[Any]]]:
    for item in page.objects:
        yield "objects", object_out(item)
    for edge in page.edges:
        for values, removed, last in _pieces(edge.values, edge.removed):
            row = [edge.type, edge.anchor, edge.attribute, values, removed, edge.whole, last and edge.last]
            yield "edges", row
    for one in page.problems:
        yield "problems", [one.type, one.anchor, one.message, one.where, one.partition]


def _pieces(values: list[str], removed: list[str]) -> Iterator[tuple[list[str], list[str], bool]]:
    """Both lists a piece at a time, and whether that was all."""
    longest = max(len(values), len(removed))
    for at in range(0, max(longest, 1), EDGES):
        after = at + EDGES
        yield values[at:after], removed[at:after], after >= longest


def page_in(message: Any) -> Page:
    """A page, or a part of one. Raises `WireError`."""
    part = _mapping(message)
    return Page(
        objects_in(part.get("objects")),
        [_edges_in(row) for row in _list(part.get("edges"))],
        [_problem_in(row) for row in _list(part.get("problems"))],
        _maybe(_text, part.get("watermark")),
        frozenset((_text(kind), _text(name)) for kind, name in _pairs(part.get("complete", []))),
        _flag(part.get("last", False)),
        _flag(part.get("blind", False)),
    )


def object_out(item: ConnectorObject) -> list[Any]:
    """An object as a row."""
    return [item.type, item.anchor, item.values, item.whole, item.deleted, item.partition, item.where]


def objects_in(rows: Any) -> list[ConnectorObject]:
    """The objects of some rows. Raises `WireError`."""
    return [object_in(row) for row in _list(rows)]


def object_in(row: Any) -> ConnectorObject:
    """The object of a row. Raises `WireError`."""
    kind, anchor, values, whole, deleted, partition, where = _row(row, 7)
    return ConnectorObject(
        _text(kind), _text(anchor), _document(values), _flag(whole), _flag(deleted), _text(partition), _text(where)
    )


def _edges_in(row: Any) -> EdgePage:
    kind, anchor, attribute, values, removed, whole, last = _row(row, 7)
    return EdgePage(
        _text(kind), _text(anchor), _text(attribute), _texts(values), _texts(removed), _flag(whole), _flag(last)
    )


def _problem_in(row: Any) -> ReadProblem:
    kind, anchor, message, where, partition = _row(row, 5)
    return ReadProblem(_text(kind), _maybe(_text, anchor), _text(message), _text(where), _text(partition))


# --- what is written


def change_out(change: Change, edges: list[Any] | None, more: bool) -> dict[str, Any]:
    """A change. `edges`: its first rows of edges, None when it has none; `more`: others are to be asked for."""
    return {
        "key": change.key,
        "type": change.type,
        "action": change.action.value,
        "anchor": change.anchor,
        "values": change.values,
        "add": change.add,
        "remove": change.remove,
        "expected": change.expected,
        "password": change.password.reveal() if change.password is not None else None,
        "restores": change.restores,
        "edges": edges,
        "more": more,
    }


def change_in(message: Any) -> tuple[Change, list[EdgeChange] | None, bool]:
    """The change without its edges, the first of them, and whether there are more. Raises `WireError`."""
    found = _mapping(message)
    change = Change(
        _whole(found.get("key")),
        _text(found.get("type")),
        _named(Action, found.get("action")),
        _maybe(_text, found.get("anchor")),
        _document(found.get("values")),
        _lists(found.get("add")),
        _lists(found.get("remove")),
        None,
        _document(found.get("expected")),
        _maybe(secret_in, found.get("password")),
        _maybe(_text, found.get("restores")),
    )
    edges = found.get("edges")
    return change, None if edges is None else [edge_change_in(row) for row in _list(edges)], _flag(found.get("more"))


def edge_change_out(edge: EdgeChange) -> list[Any]:
    """Some adds and removes as a row."""
    return [edge.attribute, edge.add, edge.remove]


def edge_change_in(row: Any) -> EdgeChange:
    """The adds and removes of a row. Raises `WireError`."""
    attribute, add, remove = _row(row, 3)
    return EdgeChange(_text(attribute), _texts(add), _texts(remove))


def outcome_out(outcome: Outcome) -> list[Any]:
    """An outcome as a row."""
    secret = outcome.secret.reveal() if outcome.secret is not None else None
    return [outcome.key, outcome.result.value, outcome.anchor, outcome.values, outcome.reason, outcome.after, secret]


def outcomes_in(rows: Any) -> list[Outcome]:
    """The outcomes of some rows. Raises `WireError`."""
    return [outcome_in(row) for row in _list(rows)]


def outcome_in(row: Any) -> Outcome:
    """The outcome of a row. Raises `WireError`."""
    key, result, anchor, values, reason, after, secret = _row(row, 7)
    return Outcome(
        _whole(key),
        _named(Result, result),
        _maybe(_text, anchor),
        _document(values),
        _text(reason),
        _maybe(_number, after),
        _maybe(secret_in, secret),
    )


# --- the rest


def health_out(health: Health) -> list[Any]:
    """What `check` found as a row."""
    return [health.ok, health.message, list(health.missing)]


def health_in(row: Any) -> Health:
    """What `check` found. Raises `WireError`."""
    ok, message, missing = _row(row, 3)
    return Health(_flag(ok), _text(message), tuple(_texts(missing)))


def schema_out(schema: SystemSchema) -> Any:
    """A system's schema."""
    return msgspec.to_builtins(schema)


def schema_in(message: Any) -> SystemSchema:
    """The schema of a message. Raises `WireError`."""
    try:
        return msgspec.convert(message, SystemSchema)
    except msgspec.ValidationError as error:
        raise WireError(f"no schema: {error}") from None


def error_out(error: MusterError) -> list[Any]:
    """What may end a session."""
    kind = next(kind for kind in SESSION_ENDING if isinstance(error, kind))
    return [kind.__name__, error.message, error.retry_after if isinstance(error, Throttled) else None]


def error_in(row: Any) -> MusterError | None:
    """The error of a row; None when it is none that may end a session. Raises `WireError`."""
    name, message, after = _row(row, 3)
    kind = next((kind for kind in SESSION_ENDING if kind.__name__ == name), None)
    if kind is Throttled:
        return Throttled(_text(message), _maybe(_number, after))
    return None if kind is None else kind(_text(message))


def secret_in(text: Any) -> Secret:
    """A password. Raises `WireError`."""
    return Secret(_text(text))


def document_in(found: Any) -> Document:
    """Values by name. Raises `WireError`."""
    return _document(found)


def values_in(found: Any) -> list[Value]:
    """Values in a row. Raises `WireError`."""
    return [_value(one) for one in _list(found)]


def wanted_in(found: Any) -> dict[str, list[str]]:
    """Attributes by object type. Raises `WireError`."""
    return {name: _texts(names) for name, names in _mapping(found).items()}


# --- one value each; each raises `WireError`


def _wrong(expected: str, found: Any) -> WireError:
    return WireError(f"expected {expected}, found {type(found).__name__}")


def _text(found: Any) -> str:
    if type(found) is not str:
        raise _wrong("a text", found)
    return found


def _flag(found: Any) -> bool:
    if type(found) is not bool:
        raise _wrong("true or false", found)
    return found


def _whole(found: Any) -> int:
    if type(found) is not int:
        raise _wrong("a whole number", found)
    return found


def _number(found: Any) -> float:
    if type(found) not in (int, float):
        raise _wrong("a number", found)
    return float(found)


def _maybe(read: Callable[[Any], _T], found: Any) -> _T | None:
    return None if found is None else read(found)


def _list(found: Any) -> list[Any]:
    if type(found) is not list:
        raise _wrong("a list", found)
    return found


def _mapping(found: Any) -> dict[str, Any]:
    if type(found) is not dict:
        raise _wrong("an object", found)
    return found


def _row(found: Any, length: int) -> list[Any]:
    row = _list(found)
    if len(row) != length:
        raise WireError(f"expected a row of {length}, found one of {len(row)}")
    return row


def _pairs(found: Any) -> Iterator[list[Any]]:
    for row in _list(found):
        yield _row(row, 2)


def _texts(found: Any) -> list[str]:
    return [_text(one) for one in _list(found)]


def _scalar(found: Any) -> Scalar:
    if type(found) not in _SCALARS:
        raise _wrong("a value", found)
    one: Scalar = found
    return one


def _value(found: Any) -> Value:
    if found is None:
        return None
    return [_scalar(one) for one in found] if type(found) is list else _scalar(found)


def _document(found: Any) -> Document:
    return {name: _value(one) for name, one in _mapping(found).items()}


def _lists(found: Any) -> dict[str, list[Scalar]]:
    return {name: [_scalar(one) for one in _list(values)] for name, values in _mapping(found).items()}


_Named = TypeVar("_Named", Action, Result)


def _named(kind: type[_Named], found: Any) -> _Named:
    try:
        return kind(_text(found))
    except ValueError:
        raise WireError(f"there is no {kind.__name__.lower()} {found!r}") from None
