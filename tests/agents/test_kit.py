"""A connector behind an agent keeps every promise of the contract, and a broken one is found out all the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from muster.agents.remote import remote_class
from muster.connectors.graph import GraphConnector
from muster.connectors.kit import contract
from muster.connectors.kit.check import Check
from muster.connectors.kit.conformance import CHECKS
from muster.connectors.kit.contract import Connector
from muster.connectors.kit.memory import MemoryConnector
from muster.connectors.kit.mutants import MUTANTS, Mutant
from muster.connectors.kit.mutants_reading import ConnectsWhenMade, ShowsThePassword, ShowsTheSecret
from muster.model.changes import Outcome, Result
from muster.model.objects import ConnectorObject, EdgePage
from tests.agents.subjects import SECRETS, remote_subject
from tests.agents.wire import Agents, only
from tests.connectors.subjects import MemorySubject

MENDED = {
    ConnectsWhenMade: "a connector is made by an agent, when a session begins",
    ShowsTheSecret: "an agent takes its secrets out of every text",
    ShowsThePassword: "an agent takes passwords out of every text",
}
"""What a connector cannot do wrong any more behind an agent."""


def behind_agents(kind: type[Connector], folder: Path, assigned: bool = False) -> Iterator[MemorySubject]:
    agents = Agents(SECRETS, folder, only(kind))
    subject = remote_subject(kind, agents, assigned)
    yield subject
    subject.system.close()
    agents.close()


@pytest.fixture(params=[False, True], ids=["own anchors", "assigned anchors"])
def honest(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MemorySubject]:
    yield from behind_agents(MemoryConnector, tmp_path, request.param)


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_the_honest_connector_keeps_the_promise(check: Check, honest: MemorySubject) -> None:
    assert check.lacking(honest) == ""
    check.run(honest)


@pytest.mark.parametrize("mutant", [one for one in MUTANTS if one not in MENDED], ids=lambda one: one.__name__)
def test_the_named_check_catches_the_mutant(mutant: Mutant, tmp_path: Path) -> None:
    for subject in behind_agents(mutant, tmp_path):
        with pytest.raises(AssertionError, match=mutant.caught_by):
            check_of(mutant).run(subject)


@pytest.mark.parametrize("mutant", MENDED, ids=lambda one: one.__name__)
def test_an_agent_mends(mutant: Mutant, tmp_path: Path) -> None:
    for subject in behind_agents(mutant, tmp_path):
        check_of(mutant).run(subject)


def test_every_ability_of_a_connector_is_carried() -> None:
    class Able(GraphConnector):
        def find_any(self, *_: Any) -> Iterator[ConnectorObject]:
            return iter(())

        def references(self, *_: Any) -> Iterator[EdgePage]:
            return iter(())

        def set_password(self, *_: Any) -> Outcome:
            return Outcome(0, Result.DONE)

    able = cast("type[Connector]", Able)
    optional = [one for one in vars(contract).values() if getattr(one, "_is_protocol", False) and one is not Connector]
    abilities = [one for one in optional if getattr(one, "_is_runtime_protocol", False)]
    assert len(abilities) >= 4
    for ability in abilities:
        assert issubclass(able, ability), f"{ability.__name__} is new: let remote.py carry it, and Able have it"
        assert issubclass(remote_class(able), ability), f"{ability.__name__} is not carried"


def check_of(mutant: Mutant) -> Check:
    return next(check for check in CHECKS if check.name == mutant.caught_by)
