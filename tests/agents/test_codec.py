"""What travels arrives as it was; what is no message is refused with words."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.agents import codec
from muster.agents.codec import Unsendable, WireError
from muster.connectors.kit.contract import Health
from muster.model.changes import Action, Change, EdgeChange, Outcome, Result
from muster.model.errors import (
    SESSION_ENDING,
    AuthFailed,
    MusterError,
    SessionLost,
    StoreError,
    Throttled,
    Unreachable,
)
from muster.model.objects import ConnectorObject, EdgePage, Page, ReadProblem
from muster.model.schema import ObjectSchema, SystemSchema
from muster.model.secrets import Secret
from muster.model.values import Attribute, Type

texts = st.text(st.characters(), max_size=12)
"""Any characters: NUL, halves of characters, everything that a system may show."""
wholes = st.integers() | st.integers(min_value=-(10**80), max_value=10**80)
scalars = texts | wholes | st.floats(allow_nan=False) | st.booleans()
documents = st.dictionaries(texts, st.none() | scalars | st.lists(scalars, max_size=3), max_size=4)
lists = st.dictionaries(texts, st.lists(scalars, max_size=3), max_size=3)
flags = st.booleans()
objects = st.builds(ConnectorObject, texts, texts, documents, flags, flags, texts, texts)
edges = st.builds(EdgePage, texts, texts, texts, st.lists(texts, max_size=4), st.lists(texts, max_size=4), flags, flags)
problems = st.builds(ReadProblem, texts, st.none() | texts, texts, texts, texts)
pages = st.builds(
    Page,
    st.lists(objects, max_size=3),
    st.lists(edges, max_size=3),
    st.lists(problems, max_size=2),
    st.none() | texts,
    st.frozensets(st.tuples(texts, texts), max_size=3),
    flags,
    flags,
)
changes = st.builds(
    Change,
    wholes,
    texts,
    st.sampled_from(Action),
    st.none() | texts,
    documents,
    lists,
    lists,
    st.none(),
    documents,
    st.none() | st.builds(Secret, texts),
    st.none() | texts,
)
outcomes = st.builds(
    Outcome,
    wholes,
    st.sampled_from(Result),
    st.none() | texts,
    documents,
    texts,
    st.none() | st.floats(0, 1e9),
    st.none() | st.builds(Secret, texts),
)
attributes = st.builds(Attribute, texts, st.sampled_from(Type), flags, flags, flags, st.just("never"), flags, texts)
schemas = st.builds(
    SystemSchema,
    st.dictionaries(
        texts,
        st.builds(ObjectSchema, texts, texts, st.dictionaries(texts, attributes, max_size=3), flags, naming=texts),
        max_size=2,
    ),
)


def travelled(message: Any) -> Any:
    return codec.load(codec.dump({"it": message}))["it"]


@given(pages)
def test_a_page_arrives_as_it_was(page: Page) -> None:
    (part,) = codec.pages_out(page)
    assert same(codec.page_in(travelled(part)), page)


@given(changes, st.lists(st.builds(EdgeChange, texts, st.lists(texts), st.lists(texts)), max_size=2), flags)
def test_a_change_arrives_as_it_was(change: Change, with_edges: list[EdgeChange], more: bool) -> None:
    rows = [codec.edge_change_out(edge) for edge in with_edges] or None
    back = codec.change_in(travelled(codec.change_out(change, rows, more)))
    assert same(back[0], change)
    assert (back[1], back[2]) == (with_edges or None, more)


@given(outcomes)
def test_an_outcome_arrives_as_it_was(outcome: Outcome) -> None:
    assert same(codec.outcome_in(travelled(codec.outcome_out(outcome))), outcome)


@given(schemas, texts, flags, st.lists(texts))
def test_a_schema_and_a_health_arrive_as_they_were(schema: SystemSchema, text: str, ok: bool, lack: list[str]) -> None:
    assert codec.schema_in(travelled(codec.schema_out(schema))) == schema
    assert codec.health_in(travelled(codec.health_out(Health(ok, text, lack)))) == Health(ok, text, tuple(lack))


def same(left: object, right: object) -> bool:
    """Equal, and of the same types: 1, 1.0 and true are three values."""
    return left == right and _shape(left) == _shape(right)


def _shape(found: object) -> object:
    """The types of everything in it."""
    if dataclasses.is_dataclass(found):
        return {one.name: _shape(getattr(found, one.name)) for one in dataclasses.fields(found)}
    if isinstance(found, dict):
        return {name: _shape(one) for name, one in found.items()}
    return [_shape(one) for one in found] if isinstance(found, list) else type(found)


@pytest.mark.parametrize(
    ("kind", "travel"),
    [(ConnectorObject, 7), (EdgePage, 7), (ReadProblem, 5), (Page, 7), (Change, 11), (EdgeChange, 3), (Outcome, 8)],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_no_field_stays_behind(kind: Any, travel: int) -> None:
    # Of an outcome, `written` stays: only the guard says it, and the guard is on the engine's side.
    assert len(dataclasses.fields(kind)) == travel, "a field was added: let codec.py carry it, then count it here"


def test_a_page_of_any_size_travels_in_parts_that_make_it_up() -> None:
    page = Page(
        [ConnectorObject("user", f"u{n}", {"photo": "x" * 300_000}) for n in range(10)],
        [EdgePage("group", "g", "member", [f"m{n}" for n in range(12_000)], ["gone"], whole=True, last=True)],
        watermark="w",
        complete_for=frozenset({("user", "")}),
        last=True,
    )
    parts = [codec.page_in(travelled(part)) for part in codec.pages_out(page)]
    assert len(parts) == 3
    assert [part.last for part in parts] == [False, False, True]
    assert [part.watermark for part in parts] == [None, None, "w"]
    assert [item for part in parts for item in part.objects] == page.objects
    cut = [edge for part in parts for edge in part.edges]
    assert [value for edge in cut for value in edge.values] == page.edges[0].values
    assert [edge.last for edge in cut] == [False, False, True]
    assert [edge.removed for edge in cut] == [["gone"], [], []]


@pytest.mark.parametrize("error", [*(kind("words") for kind in SESSION_ENDING), Throttled("slow", 7.5)], ids=repr)
def test_an_error_arrives_as_what_can_be_done_about_it(error: MusterError) -> None:
    back = codec.error_in(travelled(codec.error_out(error)))
    assert type(back) is type(error)
    assert back is not None
    assert back.message == error.message
    assert not isinstance(error, Throttled) or (isinstance(back, Throttled) and back.retry_after == error.retry_after)


def test_a_lost_session_is_this_ends_own_business() -> None:
    back = codec.error_in(travelled(codec.error_out(SessionLost("gone"))))
    assert type(back) is Unreachable
    assert codec.error_in(["StoreError", "no such kind", None]) is None
    with pytest.raises(StopIteration):
        codec.error_out(StoreError("nothing that ends a session"))
    assert isinstance(codec.error_in(["AuthFailed", "no", None]), AuthFailed)


@pytest.mark.parametrize(
    ("read", "message", "why"),
    [
        (codec.page_in, {"objects": [["user", 1, {}, True, False, "", ""]]}, "expected a text, found int"),
        (codec.page_in, {"objects": [["user", "u", {}]]}, "expected a row of 7, found one of 3"),
        (codec.page_in, {"objects": [], "edges": [], "problems": [], "last": 1}, "expected true or false, found int"),
        (codec.page_in, [], "expected an object, found list"),
        (codec.object_in, ["user", "u", {"a": {"b": 1}}, True, False, "", ""], "expected a value, found dict"),
        (codec.outcome_in, [1, "splendid", None, {}, "", None, None], "there is no result 'splendid'"),
        (codec.outcome_in, ["1", "done", None, {}, "", None, None], "expected a whole number, found str"),
        (codec.schema_in, {"types": 5}, "no schema"),
        (codec.load, b"\xff", "no JSON"),
        (codec.load, b"[" * 100_000, "no JSON"),
    ],
)
def test_what_is_no_message_is_refused(read: Callable[[Any], Any], message: Any, why: str) -> None:
    with pytest.raises(WireError, match=why):
        read(message)


def test_what_is_no_value_is_not_sent() -> None:
    with pytest.raises(Unsendable, match="datetime"):
        codec.dump({"when": datetime(2026, 1, 1, tzinfo=UTC)})
