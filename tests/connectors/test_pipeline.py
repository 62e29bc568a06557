"""Chains of requests in batches: order for each object, errors where they belong, nothing sent after the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest

from muster.connectors.kit.pipeline import Chain, Pipeline
from muster.model.changes import Action, Change, Outcome, Result
from muster.model.errors import Throttled, Unreachable


class Wire:
    """Answers each request with itself; `fails` raises for a batch that holds it. Notes what went together."""

    def __init__(self, **fails: Exception) -> None:
        self.fails = fails
        self.sent: list[list[str]] = []
        self._lock = threading.Lock()

    def __call__(self, requests: Sequence[str]) -> list[str]:
        with self._lock:
            self.sent.append(list(requests))
        for one in requests:
            if one in self.fails:
                raise self.fails[one]
        return list(requests)

    def run(self, *chains: tuple[Change, Chain[str, str]], size: int = 2, batch: int = 3) -> Iterator[Outcome]:
        pipeline = Pipeline(self, size, batch, lambda request: request.startswith("get"))
        try:
            yield from pipeline.run(chains)
        finally:
            pipeline.close()


def change(key: int, anchor: str | None = None) -> Change:
    return Change(key, "user", Action.UPDATE if anchor else Action.CREATE, anchor)


def asking(key: int, *requests: str, rescue: str = "") -> Chain[str, str]:
    """Sends these, one after the other; after `Unreachable` only `rescue`."""
    try:
        for one in requests:
            yield [one]
    except Unreachable:
        if not rescue:
            raise
        yield [rescue]
        return Outcome(key, Result.EXISTS)
    return Outcome(key, Result.DONE)


def test_what_waits_goes_together_and_what_is_alone_by_itself() -> None:
    wire = Wire()
    chains = [(change(n), asking(n, f"post{n}")) for n in range(6)]
    outcomes = list(wire.run(*chains, (change(9), asking(9, "get"))))
    assert sorted(one.key for one in outcomes) == [0, 1, 2, 3, 4, 5, 9]
    assert sorted(wire.sent) == [["get"], ["post0", "post1", "post2"], ["post3", "post4", "post5"]]


def test_changes_of_one_object_go_one_after_the_other() -> None:
    wire = Wire()
    list(wire.run(*[(change(n, "7"), asking(n, f"a{n}", f"b{n}")) for n in range(3)]))
    assert [one for sent in wire.sent for one in sent] == ["a0", "b0", "a1", "b1", "a2", "b2"]


def test_a_chain_that_knows_what_to_do_about_an_error_goes_on() -> None:
    wire = Wire(lost=Unreachable("lost in the middle"))
    chains = [(change(n), asking(n, "lost" if n == 1 else f"p{n}", rescue=f"get{n}")) for n in range(3)]
    outcomes = list(wire.run(*chains))
    assert {one.result for one in outcomes} == {Result.EXISTS}, "the whole batch is in doubt"
    assert len(outcomes) == 3


def test_an_error_that_nobody_takes_ends_the_session_after_what_was_under_way() -> None:
    wire = Wire(lost=Unreachable("gone"))
    outcomes: list[Outcome] = []
    with pytest.raises(Unreachable, match="gone"):
        outcomes.extend(
            wire.run((change(1), asking(1, "lost", "never")), (change(2), asking(2, "later")), batch=1, size=1)
        )
    assert ["never"] not in wire.sent


def test_patience_is_asked_of_those_alone_whom_it_befell() -> None:
    wire = Wire(busy=Throttled("slow down", 7))
    outcomes = {one.key: one for one in wire.run((change(1), asking(1, "busy")), (change(2), asking(2, "x")), batch=1)}
    assert (outcomes[1].result, outcomes[1].after) == (Result.RETRY, 7)
    assert outcomes[2].result is Result.DONE
