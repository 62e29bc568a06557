"""Lines of the protocol ↔ Muster's objects and changes: pure. In words: docs/reference/script-protocol.md."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NoReturn, TypeAlias

from muster.model.changes import Action, Change, Outcome, Result
from muster.model.errors import AuthFailed, IncompleteRead, ProjectError, Throttled, Unreachable, WatermarkExpired
from muster.model.objects import ConnectorObject, EdgePage, ReadProblem
from muster.model.schema import ENABLED, ObjectSchema
from muster.model.values import Attribute, Document, Type, WrongType, convert

Message: TypeAlias = Mapping[str, Any]
Told: TypeAlias = ConnectorObject | EdgePage | ReadProblem

VERSION: Final = 1
_KINDS: Final = frozenset({"unreachable", "auth", "throttled", "incomplete", "expired", "project"})


def request(do: str, **more: object) -> dict[str, object]:
    """The first line of a run. `do` stands first, without spaces, so that a shell can see it."""
    return {"do": do, "muster": VERSION, **more}


def raised(system: str, message: Message) -> None:
    """Raise the error that a line tells; return when it tells none."""
    if "error" not in message:
        return
    text = f"{system}: {message['error']}"
    kind = message.get("kind", "incomplete")
    if kind == "unreachable":
        raise Unreachable(text)
    if kind == "auth":
        raise AuthFailed(text)
    if kind == "throttled":
        after = message.get("after")
        raise Throttled(text, float(after) if isinstance(after, int | float) else None)
    if kind == "expired":
        raise WatermarkExpired(text)
    if kind == "project":
        raise ProjectError(text)
    raise IncompleteRead(text)


def strange(system: str, message: Message, expected: str) -> NoReturn:
    """Raise the error for a line that is none of those expected."""
    shows = str(dict(message))[:80]
    raise IncompleteRead(
        f"{system}: the script answered {shows}, expected {expected}. See its protocol in the reference."
    )


# --- schema


def schema_of(system: str, name: str, called: str, message: Message, writes: bool) -> ObjectSchema:
    """One object type as the script tells it. Raises `IncompleteRead`."""
    given = message.get("attributes")
    anchor = message.get("anchor")
    if not isinstance(given, Mapping) or not isinstance(anchor, str) or anchor not in given:
        strange(system, message, f"the schema of {called!r} with `attributes`, and its `anchor` among them")
    attributes = {str(one): _attribute(system, str(one), said) for one, said in given.items() if one != ENABLED}
    naming = message.get("name")
    return ObjectSchema(
        name,
        anchor,
        attributes,
        assigned=bool(message.get("assigned")),
        can_enable=bool(message.get("enabled")),
        naming=str(naming) if naming in attributes else None,
        writable=writes,
    )


def _attribute(system: str, name: str, said: Any) -> Attribute:
    given: Mapping[str, Any] = said if isinstance(said, Mapping) else {"type": said}
    kind = given.get("type", "text")
    many = isinstance(kind, list)
    text = kind[0] if isinstance(kind, list) and kind else kind
    writable = str(given.get("writable", "always"))
    if text not in set(Type) or writable not in ("always", "create", "never"):
        raise IncompleteRead(
            f"{system}: the script says of {name!r} {str(said)[:60]}; a type is one of {', '.join(Type)}, in brackets "
            "for many values, `writable` always, create or never."
        )
    return Attribute(
        name,
        Type(text),
        many,
        required=bool(given.get("required")),
        exact=bool(given.get("exact", True)),
        writable=writable,
        large=bool(given.get("large")) and many,
    )


def named(system: str, name: str, called: str, told: Sequence[str]) -> NoReturn:
    """Raise the error for a type that the script does not know."""
    near = difflib.get_close_matches(called, told, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    known = ", ".join(told) or "none"
    raise ProjectError(f"{system}: the script knows no object type {called!r} (for {name!r}).{hint} It knows: {known}.")


# --- reading


def object_of(
    schema: ObjectSchema, message: Message, wanted: Sequence[str]
) -> ConnectorObject | EdgePage | ReadProblem:
    """What a line of a read tells of one object."""
    given = message.get("anchor")
    if isinstance(given, bool) or not isinstance(given, str | int) or given == "":
        return ReadProblem(schema.name, None, "the script shows an object without `anchor`. Correct the script.")
    anchor = str(given)
    if "problem" in message:
        return ReadProblem(schema.name, anchor, str(message["problem"]))
    if message.get("deleted"):
        return ConnectorObject(schema.name, anchor, deleted=True)
    if "attribute" in message:
        values = [str(one) for one in message.get("values") or ()]
        gone = [str(one) for one in message.get("removed") or ()]
        whole, last = message.get("whole") is not False, not message.get("more")
        return EdgePage(schema.name, anchor, str(message["attribute"]), values, gone, whole, last)
    found = message.get("values")
    values_of: Document = {}
    for name in wanted:
        if not schema.has(name) or schema.attribute(name).large or not isinstance(found, Mapping):
            continue
        try:
            value = convert(found.get(name), schema.attribute(name))
        except WrongType as error:
            return ReadProblem(schema.name, anchor, f"{name}: {error}. Correct it there, or the script's schema.")
        if value is not None:
            values_of[name] = value
    return ConnectorObject(schema.name, anchor, values_of, whole=message.get("whole") is not False)


# --- writing


def change_lines(change: Change, called: str) -> Iterator[dict[str, object]]:
    """The lines of one change, its edges after it."""
    action = Action.UPDATE if change.action is Action.DISABLE else change.action
    line: dict[str, object] = {"key": change.key, "do": str(action), "object": called, "anchor": change.anchor}
    more: list[tuple[str, object]] = [
        ("values", change.values),
        ("add", change.add),
        ("remove", change.remove),
        ("expected", change.expected),
    ]
    line |= {name: value for name, value in more if value}
    if change.password is not None:
        line["password"] = change.password.reveal()
    if change.edges is None:
        yield line
        return
    yield {**line, "edges": True}
    for part in change.edges:
        yield {"key": change.key, "attribute": part.attribute, "add": part.add, "remove": part.remove}
    yield {"key": change.key, "end": True}


def outcome_of(system: str, message: Message, anchor: str | None) -> Outcome:
    """The outcome that a line tells. Raises `IncompleteRead`."""
    key, text = message.get("key", 0), message.get("result")
    if text not in set(Result) or not isinstance(key, int):
        strange(system, message, f"`key`, and as `result` one of {', '.join(Result)}")
    values = message.get("values")
    shown = message.get("anchor")
    after = message.get("after")
    return Outcome(
        key,
        Result(text),
        anchor if shown in (None, "") else str(shown),
        dict(values) if isinstance(values, Mapping) else {},
        str(message.get("reason") or ""),
        float(after) if isinstance(after, int | float) else None,
    )
