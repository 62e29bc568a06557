"""What tests of connectors do, each thing in a session of its own; and how they keep the promises of the kit."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from muster.connectors.kit import checks_delta, checks_edges
from muster.connectors.kit.check import Check
from muster.connectors.kit.conformance import CHECKS
from muster.connectors.kit.contract import Connector
from muster.connectors.kit.subject import Subject
from muster.model.changes import Action, Change, Outcome
from muster.model.errors import Unreachable
from muster.model.values import Document

DELTA_CHECKS = [check for check in CHECKS if check.body.__module__ == checks_delta.__name__]
EDGE_CHECKS = [check for check in CHECKS if check.body.__module__ == checks_edges.__name__]


def keep(check: Check, subject: Subject, lacks: Collection[str]) -> None:
    """Run a check of the kit; or see that it does not apply for a reason that was foreseen: no check gets lost."""
    lacking = check.lacking(subject)
    if lacking:
        assert lacking in lacks
    else:
        check.run(subject)


def create(key: int, values: Document, kind: str = "user", **more: Any) -> Change:
    """A create whose anchor the system gives."""
    return Change(key, kind, Action.CREATE, None, values, **more)


def update(anchor: str, values: Document | None = None, kind: str = "user", key: int = 1, **more: Any) -> Change:
    """An update."""
    return Change(key, kind, Action.UPDATE, anchor, values or {}, **more)


def written(made: Connector, *changes: Change) -> dict[int, Outcome]:
    """The outcomes by key, one each."""
    with made:
        outcomes = list(made.write(iter(changes)))
    assert sorted(one.key for one in outcomes) == sorted(one.key for one in changes)
    return {one.key: one for one in outcomes}


def until_broken(made: Connector, changes: Iterable[Change]) -> list[Outcome]:
    """The outcomes that came before the write raised `Unreachable`."""
    answered: list[Outcome] = []
    with made:
        try:
            answered.extend(one for one in made.write(changes))
        except Unreachable:
            return answered
    raise AssertionError("the connection did not break")


def one(made: Connector, change: Change) -> Outcome:
    """The outcome of a single change."""
    return written(made, change)[change.key]
